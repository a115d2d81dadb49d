"""An honest small province: exports of all four sources in their vendors' layouts, with planted faults.

`province` and the modules beside it make typed tables, `exports_*` decide what is delivered when and in
which layout, `flat` and `sheets` write it, `inbox` keeps the list of what is wrong in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from . import exports_document_office, exports_finance, exports_register, exports_tthc
from .inbox import Inbox, move_in, previous_files, remove
from .world import World

__all__ = ["write_sample"]

_FEWEST = 400
_EARLIEST = date(2023, 1, 1)


def write_sample(
    out: Path,
    dossiers: int = 20_000,
    seed: int = 152,
    as_of: date = date(2024, 11, 30),
    progress: Callable[[str, int], None] | None = None,
) -> dict:
    """Writes the exports to `out/<source>/<day>/` and `out/planted_faults.json`, whose content it returns.

    `dossiers` counts the dossiers as they stand at `as_of`, 400 at least, or the planted faults would find
    no room; documents come with half as many. The same
    arguments give the same bytes. `progress` is called with the name and the number of rows of each file.
    An earlier sample in `out` is replaced; other files in the way raise FileExistsError.
    """
    dossiers = max(dossiers, _FEWEST)
    if as_of < _EARLIEST:
        raise ValueError(f"a sample needs a date from {_EARLIEST} on, got {as_of}")
    out = Path(out)
    previous = previous_files(out)
    # Made aside and moved in when it is whole: an interrupted sample is never taken for exports.
    draft = out / ".sample-draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        world, inbox = World(dossiers, seed, as_of), Inbox(draft, progress)
        for source in (exports_tthc, exports_document_office, exports_finance, exports_register):
            source.deliver(world, inbox)
        manifest = inbox.close({"as_of": as_of.isoformat(), "seed": seed, "dossiers": dossiers})
        remove(previous)
        move_in(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest
