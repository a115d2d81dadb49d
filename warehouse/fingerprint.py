"""A hash of what files hold and are called: moments tell too little, since a release can be unpacked with old ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from warehouse.settings import PROJECT


def fingerprint(paths: Iterable[Path], *versions: str) -> str:
    """Of files and of all files below folders, in the project; `versions` of what reads them count as well.

    Raises FileNotFoundError.
    """
    digest = hashlib.sha256("".join(versions).encode())
    for place in paths:
        files = sorted(filter(Path.is_file, place.rglob("*"))) if place.is_dir() else [place]
        for path in files:
            digest.update(str(path.relative_to(PROJECT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
