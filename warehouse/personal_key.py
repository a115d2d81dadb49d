"""Is the key of the hash under which ID numbers are kept the one that landing was written with?

A mistyped key would silently give every person a second hash. So landing remembers the key by a fingerprint, from which
the key cannot be had back.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from warehouse.settings import Settings, SettingsError

HOW = "docs/runbook/key.md"


def rotation_file(settings: Settings) -> Path:
    """Is there while landing goes over to another key: some of its files may be under either."""
    return settings.landing / "personal_data.rotation"


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"parindex: which key is this?", hashlib.sha256).hexdigest()[:32]


def is_of_landing(settings: Settings) -> bool:
    """Whether the key is the one that landing was written with; nothing is written where none is known yet."""
    known = settings.fingerprint_file
    found = _fingerprint(settings.personal_data_key())
    return not known.exists() or hmac.compare_digest(known.read_text().strip(), found)


def check_key(settings: Settings, *, rotating: bool = False) -> None:
    """Raise SettingsError when the key is missing, readable by others, or not the one of landing.

    `rotating`: every file is read again, so another key is welcome.
    """
    if settings.personal_data != "hash":
        return
    is_known = is_of_landing(settings)
    if not rotating and rotation_file(settings).exists():
        raise SettingsError(
            "a change of the key of personal data was broken off, and some of what has landed may be under either key: go on"
            f" with `parindex run --full-refresh`, under the key that is to stay, see {HOW}"
        )
    if not rotating and not is_known:
        raise SettingsError(
            "the key of personal data (PARINDEX_KEY or the key file) is not the one that landing was written with:"
            f" put the old one back, or go over to the new one with `parindex run --full-refresh`, see {HOW}"
        )
    if not settings.fingerprint_file.exists():
        remember_key(settings)
    elif not is_known:  # before the first file lands under it
        rotation_file(settings).touch(mode=0o640)


def remember_key(settings: Settings) -> None:
    """From now on landing is under this key."""
    if settings.personal_data == "hash":
        known = settings.fingerprint_file
        known.write_text(_fingerprint(settings.personal_data_key()) + "\n")
        known.chmod(0o640)
        rotation_file(settings).unlink(missing_ok=True)
