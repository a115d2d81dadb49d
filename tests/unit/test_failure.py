"""A night that fails under Dagster's schedule: who knows of it, in which words, and how often they are told."""

import logging
import subprocess
import sys
import threading
from datetime import date, timedelta
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
from landing_kit import NOW, desk

from orchestration import clock, failure, run
from orchestration.alerting import AlertConfigError, evaluate, open_alerts, send_pending
from orchestration.definitions import _run_config, close_the_night
from orchestration.night import Night
from orchestration.night_log import log_to_file
from orchestration.plan import NoPlanInForce
from orchestration.run import _first_failure
from tests.faults.kills import sink
from warehouse import lock
from warehouse.damaged import DamagedFile
from warehouse.ledger import Ledger
from warehouse.lock import NightRunning, night_lock
from warehouse.personal_key import check_key
from warehouse.settings import SettingsError, load_settings

__all__ = ["desk"]

DAY = date(2024, 11, 30)
OUT_OF_MEMORY = (
    "int_working_days: Runtime Error in model int_working_days (models/int_working_days.sql)\n"
    "  Out of Memory Error: could not allocate block of size 256.0 KiB (18.9 MiB/19.0 MiB used)\n\n"
    "  Possible solutions:\n  * Reducing the number of threads (SET threads=X)"
)


class Scheduled:
    """A job of one step with the resource and the hook of the nightly one, run as a scheduled one is: by Dagster alone."""

    def __init__(self, desk, port: int) -> None:
        self.settings = desk.settings
        self.alerts = desk.settings.home / "alerts.yaml"
        self.alerts.write_text(
            f"routes:\n- name: all\n  severity: low\n  to: ['json://127.0.0.1:{port}/night']\n"
        )

    def run(self, error: Exception | None = None, day: date = DAY, opened: bool = True, **of_night):
        @dg.op(name="dbt")
        def step(context: dg.OpExecutionContext, night: Night) -> None:
            if opened and context.op.name == "dbt":
                night.ledger.start_night(context.run_id, night.day, NOW)
            if error is not None:
                raise error

        @dg.job(hooks={close_the_night}, resource_defs={"night": Night(as_of=day.isoformat(), **of_night)})
        def nightly():
            step()
            step.alias("later")()

        before = list(logging.getLogger().handlers)
        result = nightly.execute_in_process(raise_on_error=False)
        assert logging.getLogger().handlers == before
        return result

    def night(self) -> dict | None:
        """The last one that the ledger knows."""
        ledger = Ledger(self.settings.ledger)
        try:
            return next(iter(ledger.nights()), None)
        finally:
            ledger.close()

    def log(self) -> str:
        return (self.settings.home / "logs" / "night.log").read_text(encoding="utf-8")

    def metrics(self) -> str:
        return (self.settings.published / "metrics.prom").read_text(encoding="utf-8")


@pytest.fixture
def told():
    with sink() as taken:
        yield taken


@pytest.fixture
def scheduled(desk, told, monkeypatch) -> Scheduled:
    monkeypatch.setenv("PARINDEX_HOME", str(desk.settings.home))
    monkeypatch.delenv("PARINDEX_ALERTS", raising=False)
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    return Scheduled(desk, told.port)


def test_a_night_that_fails_is_known_everywhere_and_told_once(scheduled, told) -> None:
    scheduled.run(dg.Failure(description="readers keep the old night", allow_retries=False))
    night = scheduled.night()
    assert (night["outcome"], night["message"]) == ("failed", "dbt: readers keep the old night")
    assert "parindex_night_last_success 0.0" in scheduled.metrics()
    assert "parindex_alerts_undelivered 0.0" in scheduled.metrics()
    assert 'kind="failed_night",severity="high",status="open"} 1.0' in scheduled.metrics()
    assert f"the night of {DAY} failed: dbt: readers keep the old night" in scheduled.log()
    (message,) = told.messages["night"]
    assert "readers keep the old night" in message["message"]


class Published(Scheduled):
    """The same, of a night that was published: by then its alerts were judged and sent, and two steps are left."""

    def run(
        self, day: date = DAY, page: Exception | None = None, server: Exception | None = None
    ) -> list[str]:
        """Of the last night; returns the messages that it sent."""

        @dg.op
        def par_index(context: dg.OpExecutionContext, night: Night) -> None:
            now = clock.now()
            night.ledger.start_night(context.run_id, night.day, now)
            marts = night.settings.building
            duckdb.connect(str(marts)).close()  # no marts, and so no figure that could be wrong
            evaluate(night.settings, marts, night.ledger, night.day, now)
            night.ledger.end_night(context.run_id, now, "published", None, "a_version")
            send_pending(night.settings, now)

        @dg.op(ins={"after": dg.In(dg.Nothing)})
        def morning_page(night: Night) -> None:
            if page is not None:
                raise page

        @dg.op(ins={"after": dg.In(dg.Nothing)}, tags={"dagster/priority": "-1"})
        def postgres(context: dg.OpExecutionContext, night: Night) -> None:
            if server is not None:
                raise server
            failure.come_to_its_end(night.settings, night.ledger, context.run_id, night.day)

        @dg.job(hooks={close_the_night}, resource_defs={"night": Night(as_of=day.isoformat())})
        def nightly():
            published = par_index()
            postgres(after=published)
            morning_page(after=published)

        before = len(self.told.messages.get("night", []))
        nightly.execute_in_process(raise_on_error=False)
        return [message["message"] for message in self.told.messages.get("night", [])[before:]]

    def still_open(self) -> list[tuple[str, str, str]]:
        return [(alert.kind, alert.severity, alert.status) for alert in open_alerts(self.settings)]


@pytest.fixture
def published(scheduled, desk, told) -> Published:
    night = Published(desk, told.port)
    night.told = told
    return night


AWAY = dg.Failure(description="PostgreSQL: db:5432 does not answer", allow_retries=False)
OPEN = ("unfinished_night", "medium", "open")


def test_what_fails_after_publishing_is_told_once_until_a_night_has_done_all(published) -> None:
    (message,) = published.run(server=AWAY)
    assert "30/11/2024 đã công bố số liệu, nhưng" in message and "db:5432 does not answer" in message
    assert published.still_open() == [OPEN]
    metrics = published.metrics()
    assert "parindex_night_last_success 1.0" in metrics and "parindex_night_last_complete 0.0" in metrics
    assert 'kind="unfinished_night",severity="medium",status="open"} 1.0' in metrics
    assert f"the night of {DAY} is published, but: postgres: PostgreSQL: db:5432" in published.log()

    assert (
        published.run(DAY + timedelta(days=1), server=AWAY) == []
    )  # it has been told, and has not been over meanwhile
    assert published.still_open() == [OPEN]

    (over,) = published.run(DAY + timedelta(days=2))
    assert "đã hết" in over.lower() or "resolved" in over.lower()
    assert published.still_open() == []
    metrics = published.metrics()
    assert "parindex_night_last_complete 1.0" in metrics and "unfinished_night" not in metrics


def test_a_server_that_has_the_night_ends_no_alert_of_a_page_that_failed(published) -> None:
    (message,) = published.run(page=PermissionError("reports"))
    assert "morning_page: PermissionError" in message
    assert published.still_open() == [OPEN]


def test_of_a_night_that_does_two_things_in_vain_both_are_told(published) -> None:
    published.run(page=PermissionError("reports"), server=AWAY)
    (alert,) = open_alerts(published.settings)
    assert "morning_page: PermissionError (see the log); postgres: PostgreSQL: db:5432" in alert.message_en


def test_a_night_again_that_does_it_all_ends_the_alert(published) -> None:
    published.run(server=AWAY)
    assert len(published.run()) == 1
    assert published.still_open() == []


def test_a_step_that_fails_before_it_has_opened_the_night_is_a_failed_night(scheduled, told) -> None:
    scheduled.run(PermissionError("inbox"), opened=False)
    night = scheduled.night()
    assert (night["outcome"], night["message"]) == ("failed", "dbt: PermissionError (see the log)")
    assert "parindex_night_last_success 0.0" in scheduled.metrics()
    assert len(told.messages["night"]) == 1


def test_metrics_say_that_the_night_failed_though_the_alert_cannot_be_sent(scheduled, monkeypatch) -> None:
    def refuse(*_):
        raise OSError("no route to host")

    monkeypatch.setattr("orchestration.alerting.send_pending", refuse)
    scheduled.run(dg.Failure(description="unfit", allow_retries=False))
    assert "parindex_night_last_success 0.0" in scheduled.metrics()
    assert "sending the alert: OSError (see the log)" in scheduled.log()


def test_the_next_night_that_succeeds_is_in_the_log_too(scheduled) -> None:
    assert scheduled.run().success
    assert scheduled.log() == ""
    scheduled.run(ValueError("of a cell: 026085001234"))
    assert "in step" in scheduled.log() and "026085001234" not in scheduled.log()
    assert scheduled.night()["message"] == "dbt: ValueError (see the log)"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            dg.Failure(description=OUT_OF_MEMORY, allow_retries=False),
            "it needs more memory than PARINDEX_MEMORY_LIMIT=20MB allows: raise it, then run again",
        ),
        (MemoryError(), "it needs more memory than PARINDEX_MEMORY_LIMIT=20MB allows: raise it, then run again"),
        (OSError(28, "No space left on device"), "is full: free some space, then run again"),
        (OSError(27, "File too large"), "cannot be written (File too large): put that right, then run again"),
        (OSError(122, "Disk quota exceeded"), "cannot be written (Disk quota exceeded)"),
        (dg.Failure(description="one\n\n  two", allow_retries=False), "dbt: one two"),
    ],
)  # fmt: skip
def test_the_schedule_says_what_the_command_line_says(scheduled, monkeypatch, error, said: str) -> None:
    monkeypatch.setenv("PARINDEX_MEMORY_LIMIT", "20MB")
    result = scheduled.run(error)
    message = scheduled.night()["message"]
    assert said in message and "\n" not in message
    assert message == _first_failure(load_settings(), result)


def lost_key(scheduled) -> None:
    check_key(scheduled.settings)
    scheduled.settings.key_file.unlink()
    (scheduled.settings.landing / "landed.parquet").touch()


def damaged_alerts(scheduled) -> None:
    (scheduled.settings.home / "alerts.sqlite").write_bytes(b"no database at all" * 256)


def damaged_ledger(scheduled) -> None:
    scheduled.settings.ledger.write_bytes(b"no database at all" * 256)


def lost_ledger(scheduled) -> None:
    check_key(scheduled.settings)
    scheduled.settings.ledger.unlink()
    (scheduled.settings.landing / "landed.parquet").touch()


def wrong_alerts(scheduled) -> None:
    scheduled.alerts.write_text("routes: {to: json://a}")


NO_PLAN = date(1900, 1, 1)


def as_scheduled(night: Scheduled, day: date = DAY) -> None:
    assert not night.run(day=day).success


def as_a_timer_does(night: Scheduled, day: date = DAY) -> None:
    """`parindex run --unattended`, up to where the job would begin."""
    log_to_file(load_settings())
    with pytest.raises((DamagedFile, SettingsError, AlertConfigError, NoPlanInForce, NightRunning)):
        run.run_night(load_settings(), day, unattended=True)


@pytest.mark.parametrize("begin", [as_scheduled, as_a_timer_does])
@pytest.mark.parametrize(
    ("harm", "day", "said", "knows", "messages"),
    [
        (lost_key, DAY, "personal_data.key is gone", True, 1),
        (lambda _: None, NO_PLAN, "no plan was in force", True, 1),
        (wrong_alerts, DAY, "routes must be a list", True, 0),
        (damaged_alerts, DAY, "alerts.sqlite bị hỏng – is damaged", True, 0),
        (damaged_ledger, DAY, "ledger.sqlite bị hỏng – is damaged", False, 1),
        (lost_ledger, DAY, "ledger.sqlite bị hỏng – is damaged", False, 1),
    ],
)
def test_a_night_that_nobody_watches_and_that_cannot_begin_is_known_and_told_once(
    desk, scheduled, told, begin, harm, day: date, said: str, knows: bool, messages: int
) -> None:
    desk.ledger.start_night("killed", DAY, NOW)
    desk.ledger.close()
    harm(scheduled)
    begin(scheduled, day)
    assert said in scheduled.log() and "the beginning of the night failed with" in scheduled.log()
    assert "parindex_night_last_success 0.0" in scheduled.metrics()
    assert len(told.messages.get("night", [])) == messages
    if knows:
        night = scheduled.night()
        assert (night["as_of"], night["outcome"]) == (day, "failed")
        assert night["message"].startswith("not begun: ") and said in night["message"]
        ledger = Ledger(scheduled.settings.ledger)
        assert ledger.nights()[1]["outcome"] == "running"  # whether readers see it, the next night finds out
        ledger.close()
    if messages:
        assert said in told.messages["night"][0]["message"]
        (alert,) = open_alerts(scheduled.settings)
        assert alert.kind == "failed_night"


def test_a_second_night_is_refused_and_nothing_has_failed(scheduled, told) -> None:
    with night_lock(scheduled.settings, night=True):
        subprocess.run([sys.executable, "-c", SECOND], check=True)
    assert scheduled.night() is None
    assert told.messages == {}
    assert not (scheduled.settings.published / "metrics.prom").exists()
    assert "WARNING parindex not run: another night is running" in scheduled.log()


HELD = """
import sys, time
from warehouse.lock import night_lock
from warehouse.settings import SettingsError, load_settings
with night_lock(load_settings()):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("begin", [as_scheduled, as_a_timer_does])
def test_a_night_that_nobody_watches_waits_for_a_backup_and_is_told_of_where_it_waits_in_vain(
    scheduled, told, monkeypatch, begin
) -> None:
    with night_lock(scheduled.settings, night=True):  # a home that has had a night, as each has
        pass
    backup = subprocess.Popen(
        [sys.executable, "-c", HELD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert backup.stdout.readline() == "held\n"
    monkeypatch.setattr("warehouse.lock.PATIENCE_WITH_COMMANDS", 0.2)
    begin(scheduled)
    night = scheduled.night()
    assert (
        night["outcome"] == "failed"
        and "another command (backup, rollback, ...) is at work" in night["message"]
    )
    assert len(told.messages["night"]) == 1
    monkeypatch.setattr("warehouse.lock.PATIENCE_WITH_COMMANDS", 120)
    threading.Timer(1, lambda: backup.communicate("\n")).start()
    assert scheduled.run().success
    assert "waiting for another command to end" in scheduled.log()


def test_a_night_of_a_timer_that_meets_another_night_has_not_failed(scheduled, told) -> None:
    night = subprocess.Popen(
        [sys.executable, "-c", HELD.replace("load_settings()", "load_settings(), night=True", 1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert night.stdout.readline() == "held\n"
    as_a_timer_does(scheduled)
    night.communicate("\n")
    assert scheduled.night() is None and told.messages == {}
    assert "not run: another night is running" in scheduled.log()


def test_a_clock_that_was_set_back_ends_a_night_of_a_timer(scheduled, told, monkeypatch) -> None:
    ahead = SimpleNamespace(published_at=clock.now() + timedelta(days=3), version="x", as_of=DAY)
    monkeypatch.setattr("orchestration.beginning.publish.current", lambda _: ahead)
    with pytest.raises(SettingsError, match="it was set back"):
        run.run_night(load_settings(), DAY, by_the_clock=True, unattended=True)
    assert "it was set back" in scheduled.night()["message"] and len(told.messages["night"]) == 1


def test_who_watches_is_told_on_the_screen_alone(scheduled, told) -> None:
    lost_key(scheduled)
    with pytest.raises(SettingsError, match="is gone"):
        run.run_night(load_settings(), DAY)
    assert scheduled.night() is None and told.messages == {}


@pytest.mark.parametrize("said", [True, False], ids=["by the clock", "as of a day"])
def test_a_clock_that_was_set_back_ends_a_scheduled_night(scheduled, told, monkeypatch, said: bool) -> None:
    ahead = SimpleNamespace(published_at=clock.now() + timedelta(days=3), version="x", as_of=DAY)
    monkeypatch.setattr("orchestration.beginning.publish.current", lambda _: ahead)
    result = scheduled.run(by_the_clock=said)
    assert result.success is not said
    assert ("it was set back" in (scheduled.night()["message"] or "")) is said


def test_the_schedule_goes_by_the_clock() -> None:
    config = _run_config(DAY).resources["night"]
    assert config.by_the_clock and config.as_of == DAY.isoformat()


# Another process: this one may hold what it holds already.
SECOND = """
import dagster as dg
from orchestration.definitions import close_the_night
from orchestration.night import Night
from warehouse import lock
lock.PATIENCE = 0.1
@dg.op
def step(night: Night) -> None:
    raise AssertionError("not refused")
@dg.job(hooks={close_the_night}, resource_defs={"night": Night(as_of="2024-11-30")})
def nightly():
    step()
result = nightly.execute_in_process(raise_on_error=False)
assert not result.success and not any(event.is_step_failure for event in result.all_events)
"""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_ctrl_c_in_a_step_is_no_failure_of_the_night(error: BaseException) -> None:
    """DuckDB ends its query with an error of another name."""
    wrapped = SimpleNamespace(cls_name=type(error).__name__, message=f"{error}\n", cause=None)
    for told in (wrapped, SimpleNamespace(cls_name="DagsterError", message="", cause=wrapped)):
        event = SimpleNamespace(is_step_failure=True, event_specific_data=SimpleNamespace(error=told))
        assert run._is_interruption(event)
    assert not failure.is_interruption("RuntimeError", "anything else")
