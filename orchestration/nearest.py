"""What was probably meant by a code or name that nobody knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from sources.text import match_key

# Codes of offices as they were written before Decision 20/2020/QD-TTg, from the office up to the province: 000.00.10.H62.
_OLD_FORM = re.compile(r"(?:\d+\.)+[A-Za-z]\d{2}")


def nearest_codes(code: str, known: Iterable[str]) -> list[str]:
    """Codes nearest to `code`, the best first, at most three; to an agency's of the old form, what is written today."""
    code, known = code.strip(), sorted(known)
    if _OLD_FORM.fullmatch(code):
        *below, province = code.split(".")
        while below and not below[0].strip("0"):  # the places of offices below it, where it is none
            del below[0]
        code = ".".join([province, *reversed(below)])
    return [code] if code in known else difflib.get_close_matches(code, known, n=3, cutoff=0.6)


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The name nearest to `name`, whatever its letters' case and accents; None where none is near."""
    names = {match_key(one): one for one in sorted(known)}
    near = difflib.get_close_matches(match_key(name), names, n=1, cutoff=0.6)
    return names[near[0]] if near else None
