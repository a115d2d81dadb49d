"""How things stand: the last night, freshness of each source, what was rejected or refused."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from orchestration import clock
from orchestration.ahead import dated_ahead, last_day
from orchestration.alerting import open_alerts
from orchestration.alerting.model import COVERED
from orchestration.alerting.wording import SEVERITY_VI, day_vi
from orchestration.freshness import accepted, is_stale, last_delivered
from orchestration.numbers import number_vi
from sources.contract import all_tables
from warehouse.ledger import HELD_BACK, REFUSED, Delivery, Ledger
from warehouse.lock import is_held_by_a_night
from warehouse.publish import current
from warehouse.settings import Settings

_ALERTS_SHOWN = 10
_FILES_SHOWN = 30
_AHEAD = "chưa được tính cho đến ngày đó; ghi nhầm ngày? – does not count before that day; a typing error in its folder?"
# What became of a night that nobody is working on any more, by whether readers have its version.
_OUTCOMES = {
    "published": "đã công bố – published",
    "failed": "thất bại – failed",
    "running": "đang chạy – running",
    "interrupted": "bị ngắt – interrupted",
}
_INTERRUPTED = {
    False: "bị ngắt giữa chừng: chạy lại `parindex run` – interrupted before its end: run `parindex run` again",
    True: "bị ngắt sau khi công bố: chạy lại `parindex run` – interrupted after publishing: run `parindex run` again",
}


def show_status(settings: Settings, console: Console) -> None:
    ledger = Ledger.to_look_at(settings.ledger)
    nights = ledger.nights(limit=1)
    version = current(settings)
    if nights:
        night = nights[0]
        outcome, message = night["outcome"], night["message"]
        if outcome == "running" and not is_held_by_a_night(settings):
            published = version is not None and night["version"] == version.version
            outcome, message = "interrupted", _INTERRUPTED[published]
        colour = {"published": "green", "failed": "red"}.get(outcome, "yellow")
        console.print(
            f"Đêm gần nhất – last night: [{colour}]{_OUTCOMES.get(outcome, outcome)}[/] as of {night['as_of']},"
            f" started {night['started_at']:%Y-%m-%d %H:%M:%S}"
        )
        if message:
            console.print(f"  {message}", soft_wrap=True, markup=False)
    else:
        console.print("Chưa chạy đêm nào – no night has been run yet: `parindex run`.")
    if version:
        console.print(f"Đang công bố – published: as of {version.as_of}, version {version.version}")
    entries = [entry for entry in ledger.deliveries() if not entry.replaced_by]
    day = nights[0]["as_of"] if nights else clock.today()
    table = Table(
        title=f"Nguồn dữ liệu đến ngày {day_vi(day)} – sources",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("Bảng – table", overflow="fold")  # a narrow terminal folds a name, and cuts no number
    table.add_column("Gửi gần\nnhất", no_wrap=True)
    for name in ("Tuổi,\nngày", "Số dòng", "Bị loại"):
        table.add_column(name, justify="right", no_wrap=True)
    for contract in all_tables():
        own = [e for e in entries if (e.source, e.table_name) == (contract.source, contract.name)]
        last = last_delivered(contract, own, day)
        age = (day - last).days if last else None
        table.add_row(
            contract.relation,
            day_vi(last) if last else "–",
            f"[red]{'–' if age is None else age} ▲[/]" if is_stale(contract, last, day) else str(age),
            number_vi(sum(e.rows_loaded for e in accepted(contract, own, day))),
            number_vi(sum(e.rows_quarantined for e in own)),
        )
    console.print(table)
    for outcome, title in (
        (REFUSED, "Tệp bị từ chối – refused files"),
        (HELD_BACK, "Lần gửi giữ lại – held back"),
    ):
        told = [(entry, entry.reason) for entry in entries if entry.outcome == outcome]
        _show_latest(console, told, f"[yellow]{title}[/]")
    _show_latest(
        console,
        [(entry, _AHEAD) for entry in dated_ahead(entries, last_day(day))],
        "[yellow]Tệp ghi ngày chưa đến – dated ahead[/]",
    )
    _show_latest(
        console,
        [(entry, warning) for entry in entries for warning in entry.warnings],
        "Lưu ý – notes",
        style="dim",
    )
    ledger.close()
    _show_alerts(settings, console)


def _show_latest(console: Console, told: list[tuple[Delivery, str]], title: str, style: str = "") -> None:
    """What is told of files, the latest deliveries; years of them would bury the rest."""
    if not told:
        return
    shown = sorted(told, key=lambda item: item[0].loaded_at)[-_FILES_SHOWN:]
    more = len(told) - len(shown)
    console.print(f"{title}: {len(told)}" + (f" (… +{more} trong fct_delivery)" if more else ""))
    for entry, text in shown:
        console.print(f"  {entry.place}: {text}", soft_wrap=True, markup=False, style=style)


def _show_alerts(settings: Settings, console: Console) -> None:
    alerts = [alert for alert in open_alerts(settings) if alert.status != COVERED]
    if not alerts:
        console.print("Không có cảnh báo nào đang mở – no open alerts.")
        return
    console.print(f"[yellow]Cảnh báo đang mở – open alerts: {len(alerts)}[/] (`parindex alerts list`)")
    for alert in alerts[:_ALERTS_SHOWN]:
        console.print(
            f"  {SEVERITY_VI.get(alert.severity, alert.severity)}: {alert.message}",
            soft_wrap=True,
            markup=False,
        )
    if len(alerts) > _ALERTS_SHOWN:
        console.print(f"  … (+{len(alerts) - _ALERTS_SHOWN})")
