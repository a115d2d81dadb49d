"""Where the command `parindex` begins: before a night is read from the command line, the process that imports dbt is begun.

Importing dbt takes longer than anything else that a night begins with, and the commands and their options half a second.
"""

from __future__ import annotations

import sys

from orchestration import aside
from orchestration.startup import INTERRUPTED, NIGHT_INTERRUPTED, leave


def main() -> None:
    asked = sys.argv[1:]
    try:
        if asked[:1] == ["run"] and "--help" not in asked:
            aside.building.warm_up()
        from orchestration import cli
    except KeyboardInterrupt:  # in the second before any command can hear of it
        print(NIGHT_INTERRUPTED if asked[:1] == ["run"] else INTERRUPTED, file=sys.stderr)
        leave(1)
    cli.main()
