"""Why there is no evidence to give."""

from __future__ import annotations


class EvidenceError(Exception):
    """Evidence cannot be given; the message says what, where and what to do."""


class UnknownName(EvidenceError):
    """There is no target, agency or reading of that name; the message gives the nearest."""


class NoFigure(EvidenceError):
    """The target has no published figure for that agency or reading."""


class Mismatch(EvidenceError):
    """The rows do not add up to the published figure."""
