"""A chart of medians as static SVG: horizontal bars with the whole spread of the rounds, a panel per group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABEL, _VALUE = 900, 220, 260  # pixels: whole, names on the left, figures on the right
_BAR, _STEP, _HEAD = 16, 26, 46
_OURS, _OTHER, _LINE, _TEXT, _SOFT = "#0b6e4f", "#9db4c0", "#253237", "#1c2326", "#5c6b73"


@dataclass(frozen=True)
class Bar:
    """Seconds of one contender or night; `low` and `high` are the fastest and the slowest round."""

    label: str
    median: float
    low: float
    high: float
    note: str
    is_ours: bool


@dataclass(frozen=True)
class Panel:
    title: str
    bars: Sequence[Bar]


def _text(
    x: float, y: float, words: str, *, size: int = 13, anchor: str = "start", fill: str = _TEXT, bold=False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(words)}</text>'


def _panel(panel: Panel, top: float) -> list[str]:
    room = _WIDTH - _LABEL - _VALUE
    scale = room / (max(bar.high for bar in panel.bars) or 1)
    parts = [_text(16, top + 24, panel.title, size=15, bold=True)]
    for number, bar in enumerate(panel.bars):
        y = top + _HEAD + number * _STEP
        middle, low, high = y + _BAR / 2, _LABEL + bar.low * scale, _LABEL + bar.high * scale
        fill = _OURS if bar.is_ours else _OTHER
        parts += [
            _text(_LABEL - 10, middle + 5, bar.label, anchor="end", bold=bar.is_ours),
            f'<rect x="{_LABEL}" y="{y}" width="{max(1.0, bar.median * scale):.1f}" height="{_BAR}" fill="{fill}"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" stroke="{_LINE}" fill="none"/>',
            _text(high + 8, middle + 5, f"{bar.median:.1f} s"),
            _text(_WIDTH - 16, middle + 5, bar.note, anchor="end", fill=_SOFT, size=12),
        ]
    return parts


def draw(panels: Sequence[Panel], title: str, legend: str) -> str:
    """The whole picture; panels below each other, each with its own scale from 0."""
    heights = [_HEAD + len(panel.bars) * _STEP + 14 for panel in panels]
    height = 58 + sum(heights)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(title)}" font-family="system-ui, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 28, title, size=18, bold=True),
        _text(16, 47, legend, size=12, fill=_SOFT),
    ]
    top = 54.0
    for panel, room in zip(panels, heights, strict=True):
        parts += _panel(panel, top)
        top += room
    return "\n".join([*parts, "</svg>", ""])
