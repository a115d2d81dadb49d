"""The message: all that one address is told in one go, Vietnamese first, English below."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from orchestration.alerting.model import EVENT_KINDS, RESOLVED, SEVERITIES, severity_rank
from orchestration.alerting.wording import (
    EVENT_EN,
    EVENT_VI,
    SEVERITY_EN,
    SEVERITY_VI,
    day_vi,
)

# A first night can open dozens of problems: the worst are written out, the rest counted.
SHOWN = 40


@dataclass(frozen=True)
class Item:
    """An event with what its thread says about itself."""

    alert_id: str
    as_of: date
    kind: str
    severity: str
    message_vi: str
    message_en: str
    owner: str
    target_id: str | None

    @property
    def key(self) -> tuple[str, date, str]:
        return self.alert_id, self.as_of, self.kind


@dataclass(frozen=True)
class Published:
    """What readers see while the digest leaves: figures up to `day`; None where nothing was ever published."""

    day: date | None = None
    is_known: bool = True  # a damaged manifest says nothing


def digest_id(endpoint: str, items: Sequence[Item]) -> str:
    text = "\n".join([endpoint, *sorted("\x1f".join(map(str, item.key)) for item in items)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def worst(items: Sequence[Item]) -> str | None:
    """The severity of what is open in it; none when everything is over."""
    ranks = [severity_rank(item.severity) for item in items if item.kind != RESOLVED]
    return SEVERITIES[max(ranks)] if ranks else None


def compose(
    items: Sequence[Item], number: str, is_copy: bool, aged_days: int, published: Published
) -> tuple[str, str]:
    """Subject and text. `is_copy`: an interrupted run may have sent the same digest before. `aged_days`: the age that
    makes an alert more severe.
    """
    items = sorted(items, key=_order)
    events_vi, events_en = (
        {kind: name.format(days=aged_days) for kind, name in names.items()} for names in (EVENT_VI, EVENT_EN)
    )
    as_of = max(item.as_of for item in items)
    subject = f"[PAR INDEX] {len(items)} cảnh báo ({_summary(items, events_vi)}), {day_vi(as_of)}"
    copy_vi = "\nBản tin này có thể đã được gửi một lần trước đó." if is_copy else ""
    copy_en = "\nThis digest may have been sent once before." if is_copy else ""
    up_to_vi, up_to_en = _up_to(as_of, published)
    text = f"""Cảnh báo PAR INDEX, {up_to_vi}.
{_part(items, day_vi, events_vi, SEVERITY_VI, "message_vi", "Phụ trách", "đêm", as_of, "cảnh báo khác, xem")}

Xem tất cả: parindex alerts list
Tạm dừng một cảnh báo: parindex alerts mute MÃ --reason "..." --until YYYY-MM-DD
Mã bản tin: {number}{copy_vi}

---------- English ----------
PAR INDEX alerts, {up_to_en}.
{_part(items, date.isoformat, events_en, SEVERITY_EN, "message_en", "Owner", "night of", as_of, "more, see")}

All of them: parindex alerts list
To silence one: parindex alerts mute ID --reason "..." --until YYYY-MM-DD
Digest: {number}{copy_en}
"""
    return subject, text


def _up_to(as_of: date, published: Published) -> tuple[str, str]:
    """The night that speaks, and of which day the figures are: a failed night leaves those of an earlier one."""
    night_vi, night_en = f"đêm {day_vi(as_of)}", f"night of {as_of}"
    if not published.is_known:
        return night_vi, night_en
    if published.day is None:
        return f"{night_vi}; chưa có số liệu nào được công bố", f"{night_en}; no figures are published yet"
    if published.day == as_of:
        return f"số liệu đến ngày {day_vi(as_of)}", f"figures up to {as_of}"
    return (
        f"{night_vi}; số liệu đang công bố đến ngày {day_vi(published.day)}",
        f"{night_en}; the published figures are up to {published.day}",
    )


def _order(item: Item) -> tuple:
    """News before reminders, worst first, one target together."""
    return (
        EVENT_KINDS.index(item.kind),
        -severity_rank(item.severity),
        item.target_id or "",
        item.message_vi,
        item.as_of,
    )


def _summary(items: Sequence[Item], names: dict[str, str]) -> str:
    counts = {kind: sum(item.kind == kind for item in items) for kind in EVENT_KINDS}
    return ", ".join(f"{count} {names[kind].lower()}" for kind, count in counts.items() if count)


def _part(
    items: Sequence[Item],
    write_day: Callable[[date], str],
    events: dict[str, str],
    severities: dict[str, str],
    message: str,
    owner: str,
    night: str,
    as_of: date,
    more: str,
) -> str:
    lines = []
    for number, item in enumerate(items[:SHOWN]):
        if number == 0 or items[number - 1].kind != item.kind:
            lines += ["", events[item.kind].upper()]
        late = "" if item.as_of == as_of else f" ({night} {write_day(item.as_of)})"
        label = "" if item.kind == RESOLVED else f"[{severities[item.severity]}] "
        lines.append(f"- {label}{getattr(item, message)}{late}")
        lines.append(f"  {owner}: {item.owner} · {item.alert_id}")
    if len(items) > SHOWN:
        lines += ["", f"+ {len(items) - SHOWN} {more} parindex alerts list"]
    return "\n".join(lines)
