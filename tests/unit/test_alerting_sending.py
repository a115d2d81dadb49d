"""Alerts leave through real local mail and web servers: once each, in one digest, and none is lost."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import threading
from datetime import date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import duckdb
import pytest
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from orchestration import alerting, doctor
from orchestration.alerting.config import Rules, load_config
from orchestration.alerting.digest import Item, Published, compose, worst
from orchestration.alerting.life import live
from orchestration.alerting.model import Findings, Problem
from orchestration.alerting.send import SendReport
from orchestration.alerting.store import Store
from orchestration.alerting.wording import safe_reason
from orchestration.cli import app
from warehouse.publish import FILE_NAME
from warehouse.settings import Settings

DAY = date(2024, 6, 18)


def at(day: date) -> datetime:
    return datetime.combine(day, time(1, 30))


def after(days: int) -> date:
    return DAY + timedelta(days=days)


class MailBox:
    def __init__(self) -> None:
        self.messages = []
        self.refuse = False

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return "451 try later"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((envelope.rcpt_tos, message))
        return "250 taken"

    def texts(self) -> list[str]:
        return [message.get_body(("plain", "html")).get_content() for _, message in self.messages]

    def subjects(self) -> list[str]:
        return [message["Subject"] for _, message in self.messages]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def do_GET(self):
        self.server.gets.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def mail():
    box = MailBox()
    controller = Controller(box, hostname="127.0.0.1", port=0)
    # aiosmtpd connects to its own port when it starts, so the port must be known before.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    box.url = f"mailto://127.0.0.1:{controller.port}?from=par@tinh.gov.vn&to={{}}&mode=insecure&format=text"
    yield box
    controller.stop()


@pytest.fixture
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.posts, server.gets, server.status = [], [], 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f"127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


class Drip(BaseHTTPRequestHandler):
    """Answers with a byte each moment, and to no end for ten minutes."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(12_000):
            if self.server.end.wait(0.05):
                return
            self.wfile.write(b".")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def drip():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    server.asked, server.end = [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"127.0.0.1:{server.server_port}"
    yield server
    server.end.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("PARINDEX_ALERTS", raising=False)
    return Settings(home=tmp_path / "home", inbox=tmp_path / "inbox").create()


def problem(target="3.4.1", agency="H62", severity="high", owner="Văn phòng UBND tỉnh", kind="target_missed"):
    return Problem(
        kind=kind,
        target_id=target,
        agency_code=agency,
        source=None,
        severity=severity,
        value=97.0,
        threshold=99.0,
        message_vi=f"Chỉ tiêu {target} chưa đạt <97%> & thấp.",
        message_en=f"Target {target} is missed.",
        owner=owner,
    )


def night(settings, day, *problems):
    with Store(settings) as store, store.transaction() as transaction:
        state = transaction.state(day)
        after_it, events = live(state, Findings(problems), day, at(day), transaction.mutes(), Rules())
        transaction.save(state, after_it, events, at(day))


def routes(settings, text):
    (settings.home / "alerts.yaml").write_text(text, encoding="utf-8")


def test_mail_and_webhook_get_one_digest_each_vietnamese_first(settings, mail, web):
    routes(settings, f"routes: [{{to: ['{mail.url.format('a@tinh.gov.vn')}', 'json://{web.url}/hook']}}]")
    night(settings, DAY, *(problem(f"3.4.{last}") for last in range(1, 51)))
    report = alerting.send_pending(settings, at(DAY))
    assert (report.messages, report.events, report.failed, report.pending) == (2, 100, 0, 0)
    assert mail.subjects() == ["[PAR INDEX] 50 cảnh báo (50 mới), 18/06/2024"]
    assert mail.messages[0][0] == ["a@tinh.gov.vn"]
    (text,) = mail.texts()
    assert "Chỉ tiêu 3.4.1 chưa đạt <97%> & thấp." in text
    assert (
        text.index("Chỉ tiêu 3.4.1 chưa đạt") < text.index("English") < text.index("Target 3.4.1 is missed.")
    )
    assert "+ 10 cảnh báo khác, xem parindex alerts list" in text
    (post,) = web.posts
    assert post["type"] == "warning" and "Phụ trách: Văn phòng UBND tỉnh" in post["message"]
    assert alerting.send_pending(settings, at(DAY)).messages == 0
    assert (len(mail.messages), len(web.posts)) == (1, 1)


def test_news_come_before_reminders_and_the_worst_before_the_rest():
    def item(target, kind, severity, day=DAY):
        return Item(
            target, day, kind, severity, f"Chỉ tiêu {target}", f"Target {target}", "Sở Nội vụ", target
        )

    over = item("1.1", "resolved", "critical")
    items = [
        over,
        item("1.2", "repeated", "high"),
        item("1.3", "opened", "medium"),
        item("1.6", "aged", "critical"),
        item("1.4", "escalated", "high"),
        item("1.5", "opened", "high", after(-1)),
    ]
    subject, text = compose(items, "n1", False, 14, Published(DAY))
    assert subject == (
        "[PAR INDEX] 6 cảnh báo"
        " (2 mới, 1 nghiêm trọng hơn, 1 kéo dài quá 14 ngày, 1 nhắc lại, 1 đã hết), 18/06/2024"
    )
    vietnamese = text.split("----------")[0].splitlines()
    assert [line for line in vietnamese if line.startswith("- ") or line.isupper()] == [
        "MỚI",
        "- [Cao] Chỉ tiêu 1.5 (đêm 17/06/2024)",
        "- [Trung bình] Chỉ tiêu 1.3",
        "NGHIÊM TRỌNG HƠN",
        "- [Cao] Chỉ tiêu 1.4",
        "KÉO DÀI QUÁ 14 NGÀY",
        "- [Nghiêm trọng] Chỉ tiêu 1.6",
        "NHẮC LẠI",
        "- [Cao] Chỉ tiêu 1.2",
        "ĐÃ HẾT",
        "- Chỉ tiêu 1.1",
    ]
    assert text.startswith("Cảnh báo PAR INDEX, số liệu đến ngày 18/06/2024.\n")
    assert "OPEN FOR MORE THAN 14 DAYS" in text
    assert (worst(items), worst([over])) == ("critical", None), "what is over alarms nobody"


def published(settings, day):
    """Readers have the figures of this day."""
    folder = settings.published / "versions" / "v1"
    folder.mkdir(parents=True)
    manifest = {"version": "v1", "as_of": str(day), "published_at": str(at(day)), "hashes": {}, "counts": {}}
    for path in (folder, settings.published):
        (path / "manifest.json").write_text(json.dumps(manifest))
    return folder / FILE_NAME


@pytest.mark.parametrize(
    ("day", "vietnamese", "english"),
    [
        (
            DAY,
            "đêm 20/06/2024; số liệu đang công bố đến ngày 18/06/2024",
            "night of 2024-06-20; the published figures are up to 2024-06-18",
        ),
        (
            None,
            "đêm 20/06/2024; chưa có số liệu nào được công bố",
            "night of 2024-06-20; no figures are published yet",
        ),
        ("damaged", "đêm 20/06/2024", "night of 2024-06-20"),
        (after(2), "số liệu đến ngày 20/06/2024", "figures up to 2024-06-20"),  # an earlier run of that day
    ],
)
def test_a_failed_night_claims_no_figures_of_its_day(settings, day, vietnamese, english):
    routes(settings, "routes: [{to: json://team}]")
    if day == "damaged":
        settings.published.mkdir(exist_ok=True)
        (settings.published / "manifest.json").write_text("{")
    elif day is not None:
        published(settings, day)
    alerting.failed_night(settings, after(2), at(after(2)), "the disk is full")
    got = []
    alerting.send_pending(settings, at(after(2)), lambda url, s, text, w, t: got.append(text) or True)
    (text,) = got
    assert text.startswith(f"Cảnh báo PAR INDEX, {vietnamese}.\n")
    assert f"\nPAR INDEX alerts, {english}.\n" in text


def test_routes_choose_by_owner_severity_kind_and_agency(settings):
    routes(
        settings,
        """
        routes:
          - {name: office, owner: văn phòng ubnd, severity: high, to: json://office}
          - {name: finance, owner: [Sở Tài chính], to: json://finance}
          - {name: district, agency: 000.01.10.H62, to: [json://district]}
          - {name: machine, kind: [stale_source, failed_night], to: json://team}
          - {name: office again, kind: target_missed, severity: critical, to: json://office}
        """,
    )
    night(
        settings,
        DAY,
        problem("3.4.1"),
        problem("3.4.2", severity="low"),
        problem("3.4.3", severity="critical"),
        problem("6.1.1", owner="Sở Tài chính (chủ trì); Các cơ quan", severity="low"),
        problem("7.3.5", agency="000.01.10.H62", owner="Sở Thông tin và Truyền thông"),
        problem(None, None, owner="Nhóm dữ liệu", kind="stale_source"),
    )
    got = {}
    report = alerting.send_pending(settings, at(DAY), lambda url, s, text, w, t: not got.update({url: text}))
    assert set(got) == {"json://office", "json://finance", "json://district", "json://team"}
    assert [name in got["json://office"] for name in ("3.4.1", "3.4.2", "3.4.3")] == [True, False, True]
    assert got["json://office"].count("Chỉ tiêu 3.4.3") == 1, "two routes to one address are one message"
    assert "6.1.1" in got["json://finance"] and "7.3.5" in got["json://district"]
    assert report.unrouted == 1 and "no route wants them" in report.note


def test_a_failed_delivery_is_tried_again_next_night_for_that_address_only(settings, mail, web):
    routes(settings, f"routes: [{{to: ['{mail.url.format('a@tinh.gov.vn')}', 'json://{web.url}/hook']}}]")
    mail.refuse = True
    night(settings, DAY, problem())
    report = alerting.send_pending(settings, at(DAY))
    assert (report.messages, report.failed, report.pending) == (1, 1, 1)
    mail.refuse = False
    night(settings, after(1), problem(), problem("7.3.5"))
    report = alerting.send_pending(settings, at(after(1)))
    assert (report.messages, report.events, report.pending) == (2, 3, 0)
    (text,) = mail.texts()
    assert "đêm 18/06/2024" in text and "3.4.1" in text and "7.3.5" in text
    assert ["3.4.1" in post["message"] for post in web.posts] == [True, False]


def test_a_server_that_is_not_there_stops_no_other(settings, web):
    routes(settings, f"routes: [{{to: ['json://127.0.0.1:9/x', nonsense://a, 'json://{web.url}/hook']}}]")
    night(settings, DAY, problem())
    report = alerting.send_pending(settings, at(DAY))
    assert (report.messages, report.failed, len(web.posts)) == (1, 2, 1)


def test_without_a_route_nothing_is_sent_it_is_kept_and_said(settings):
    night(settings, DAY, problem())
    report = alerting.send_pending(settings, at(DAY))
    assert (report.messages, report.unrouted) == (0, 1)
    assert "nothing was sent" in report.note and "alerts.yaml" in report.note


def test_a_route_added_later_is_told_what_is_not_all_that_was(settings):
    night(settings, DAY, problem("3.4.1"), problem("3.4.2"))
    alerting.send_pending(settings, at(DAY))
    for days in range(1, 9):
        night(settings, after(days), problem("3.4.1"))
        alerting.send_pending(settings, at(after(days)))
    routes(settings, "routes: [{to: json://team}]")
    got = []
    alerting.send_pending(settings, at(after(8)), lambda url, s, text, w, t: got.append(text) or True)
    (text,) = got
    assert text.count("Chỉ tiêu 3.4.1") == 1 and "3.4.2" not in text


def test_a_route_added_later_is_told_nothing_of_what_became_otherwise_under_a_mute(settings):
    """The last that was said of them, "over" and "opened", is by now not so."""
    back, over = problem("3.4.1"), problem("3.4.2")
    night(settings, DAY, back, over)
    night(settings, after(1), over)
    for one in (back, over):
        alerting.mute(settings, one.alert_id, "đang xử lý", after(9), at(after(1)))
    night(settings, after(2), back)
    alerting.send_pending(settings, at(after(2)))
    assert {(a.target_id, a.status) for a in alerting.open_alerts(settings)} == {("3.4.1", "muted")}
    routes(settings, "routes: [{to: json://team}]")
    report = alerting.send_pending(settings, at(after(2)), lambda *_: True)
    assert report.messages == 0


def told_of_figures(settings) -> set[str]:
    """Targets that a night which failed leaves open."""
    return {alert.target_id for alert in alerting.open_alerts(settings) if alert.target_id}


@pytest.mark.parametrize("taken", [True, False])
def test_what_a_failed_night_had_told_somebody_is_not_taken_back(settings, taken):
    """Whoever read of it has to read of its end; also where nobody knows whether the message arrived."""
    routes(settings, "routes: [{to: json://team}]")
    night(settings, DAY, problem())
    alerting.send_pending(settings, at(DAY), lambda *_: taken)
    alerting.failed_night(settings, DAY, at(DAY), "the disk is full")
    assert told_of_figures(settings) == {"3.4.1"}


def test_what_a_failed_night_had_told_nobody_is_taken_back_whatever_else_left(settings):
    """Not what an earlier night said, nor that the night failed; nor what stood behind another message in the outbox."""
    routes(settings, "routes: [{to: json://team}]")

    def dies(*_):
        raise Killed

    night(settings, DAY, problem("3.4.1"))
    with pytest.raises(Killed):
        alerting.send_pending(settings, at(DAY), dies)
    night(settings, after(1), problem("3.4.1"), problem("7.3.5"))
    assert alerting.send_pending(settings, at(after(1)), lambda *_: False).pending == 2
    alerting.failed_night(settings, after(1), at(after(1)), "the disk is full")
    assert told_of_figures(settings) == {"3.4.1"}
    assert alerting.send_pending(settings, at(after(1)), lambda *_: True).events == 2, (
        "3.4.1, and the failure"
    )
    night(settings, after(1), problem("3.4.1"), problem("7.3.5"))
    alerting.failed_night(settings, after(1), at(after(1)), "the disk is full")
    assert told_of_figures(settings) == {"3.4.1"}


def test_what_waits_for_an_address_that_was_changed_goes_to_the_new_one(settings):
    routes(settings, "routes: [{to: [json://old, json://stays]}]")
    night(settings, DAY, problem())
    got = []

    def deliver(url, subject, text, worst, seconds):
        got.append(url)
        return url != "json://old"

    alerting.send_pending(settings, at(DAY), deliver)
    routes(settings, "routes: [{to: [json://new, json://stays]}]")
    alerting.send_pending(settings, at(after(1)), deliver)
    assert got == ["json://old", "json://stays", "json://new"]


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("taken_before", [False, True])
def test_a_run_that_dies_while_it_sends_sends_again_under_the_same_number(settings, taken_before):
    routes(settings, "routes: [{to: json://team}]")
    night(settings, DAY, problem())
    got = []

    def dies(url, subject, text, worst, seconds):
        if taken_before:
            got.append(text)
        raise Killed

    with pytest.raises(Killed):
        alerting.send_pending(settings, at(DAY), dies)
    night(settings, DAY, problem())
    assert alerting.send_pending(settings, at(DAY), lambda *_: False).failed == 1
    night(settings, after(1), problem())
    for _ in range(2):
        alerting.send_pending(settings, at(DAY), lambda url, s, text, w, t: got.append(text) or True)
    assert len(got) == 1 + taken_before
    assert "Bản tin này có thể đã được gửi" in got[-1]
    numbers = {line for text in got for line in text.splitlines() if line.startswith("Mã bản tin")}
    assert len(numbers) == 1


def test_secrets_come_from_the_environment_and_stay_out_of_the_store(settings, monkeypatch):
    routes(settings, "routes: [{to: 'json://user:${HOOK_PASSWORD}@team'}]")
    night(settings, DAY, problem())
    report = alerting.send_pending(settings, at(DAY))
    why = "route 1: the environment variable HOOK_PASSWORD of an alert address is not set"
    assert report.failed == 1 and f"tried again next night ({why})" in report.note
    assert alerting.why_undelivered(settings, load_config(settings)) == [why]
    assert ("WARN", f"not delivered: {why}") in {
        (f.level, f.message) for f in doctor._alerts(settings, at(DAY))
    }
    assert (
        alerting.send_test(settings).note == f"0 message(s) sent; 1 address(es) did not take theirs ({why})"
    )
    monkeypatch.setenv("HOOK_PASSWORD", "open-sesame")
    seen = []
    alerting.send_pending(settings, at(DAY), lambda url, *_: seen.append(url) or True)
    assert seen == ["json://user:open-sesame@team"]
    assert alerting.why_undelivered(settings, load_config(settings)) == []
    assert b"open-sesame" not in settings.alerts.read_bytes()


def test_the_heartbeat_is_heard_even_on_a_night_with_nothing_to_say(settings, web):
    routes(settings, f"heartbeat: http://{web.url}/alive\nroutes: []")
    alerting.send_pending(settings, at(DAY))
    assert web.gets == ["/alive"]
    routes(settings, "heartbeat: http://127.0.0.1:9/nobody")
    alerting.send_pending(settings, at(DAY))


def test_who_answers_a_byte_at_a_time_holds_no_night(settings, web, drip):
    """Neither behind the heartbeat nor behind an address, whose message leaves again under its number."""
    routes(
        settings,
        f"timeout_seconds: 3\nheartbeat: http://{drip.url}/alive\n"
        f"routes: [{{to: ['json://{drip.url}/hook', 'json://{web.url}/hook']}}]",
    )
    night(settings, DAY, problem())
    began = monotonic()
    report = alerting.send_pending(settings, at(DAY))
    assert monotonic() - began < 300
    assert set(drip.asked) == {"/hook", "/alive"}
    assert (report.messages, report.failed, report.pending, len(web.posts)) == (1, 1, 1, 1)
    got = []
    alerting.send_pending(settings, at(DAY), lambda url, s, text, w, t: got.append(text) or True)
    assert "Bản tin này có thể đã được gửi một lần trước đó." in got[0]


def test_a_heartbeat_that_answers_in_no_http_is_no_error(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        routes(settings, f"heartbeat: http://127.0.0.1:{server.getsockname()[1]}/alive")

        def answer() -> None:
            with server.accept()[0] as caller:
                caller.recv(1000)
                caller.sendall(b"alive\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        alerting.send_pending(settings, at(DAY))


def test_a_test_message_reaches_every_address(settings, mail, web):
    routes(
        settings, f"routes: [{{owner: none, to: ['{mail.url.format('a@x.vn')}', 'json://{web.url}/hook']}}]"
    )
    report = alerting.send_test(settings)
    assert (report.messages, report.failed) == (2, 0)
    assert mail.subjects() == ["[PAR INDEX] Thử cảnh báo"] and len(web.posts) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("routes: [{too: json://a}]", "too"),
        ("routes: [{name: a}]", "no address"),
        ("routes: [{to: json://a, kind: target_mist}]", "target_mist"),
        ("routes: [{to: json://a, severity: urgent}]", "urgent"),
        ("routes: {to: json://a}", "list"),
        ("rules: {repeat_days: 0}", "repeat_days"),
        ("rules: {repeat_days: often}", "repeat_days"),
        ("rules: {repeat_days: .inf}", "repeat_days"),
        ("rules: {repeat_days: .nan}", "repeat_days"),
        ("rules: {repeat_days_for: {target: 1}}", "target"),
        ("heartbeat: ftp://a", "heartbeat"),
        ("timeout_seconds: -1", "timeout_seconds"),
        ("timeout_seconds: 301", "timeout_seconds"),
        ("routes: [{to: 'mailto://user:secret@host'}", "line 1"),
        ("- a", "names and values"),
    ],
)
def test_a_wrong_configuration_is_named_and_keeps_its_secrets(settings, text, says):
    routes(settings, text)
    with pytest.raises(alerting.AlertConfigError) as error:
        load_config(settings)
    assert says in str(error.value) and "secret" not in str(error.value)


def test_a_named_configuration_must_exist(settings, monkeypatch):
    monkeypatch.setenv("PARINDEX_ALERTS", str(settings.home / "elsewhere.yaml"))
    with pytest.raises(alerting.AlertConfigError, match="does not exist"):
        load_config(settings)
    alerting.failed_night(settings, DAY, at(DAY), "told all the same")


def test_a_route_that_nothing_can_ever_take_is_told_by_the_doctor_and_the_test(settings, monkeypatch):
    routes(
        settings,
        """
        routes:
          - {name: office, owner: [Sở Nội vụ, Sở Tài chíh], to: json://office}
          - {name: data, owner: nhóm dữ liệu, to: json://data}
          - {name: district, agency: [H62.10, 000.00.10.H62, H62.1O], to: json://district}
        """,
    )

    def told() -> list[tuple[str, str]]:
        found = [one for one in doctor.examine(settings, at(DAY)) if one.about == "alerts"]
        assert found[0].level == doctor.OK
        assert all(str(settings.home / "alerts.yaml") in one.todo for one in found[1:])
        return [(one.level, one.message) for one in found[1:]]

    assert told() == [], "nothing is published yet"
    with duckdb.connect(str(published(settings, DAY))) as night:
        night.execute("create schema marts")
        night.execute("create table marts.dim_agency as select unnest(['H62', 'H62.10']) as agency_code")
        night.execute(
            "create table marts.dim_target as select unnest(['Sở Nội vụ', 'Sở Tài chính', null]) as lead_agency_short"
        )
    assert told() == [
        (
            "WARN",
            "route office: nobody who answers for alerts is named 'Sở Tài chíh'; nearest: Sở Tài chính",
        ),
        ("WARN", "route district: no agency has the code '000.00.10.H62'; nearest: H62.10"),
        ("WARN", "route district: no agency has the code 'H62.1O'; nearest: H62.10, H62"),
    ]
    monkeypatch.setenv("PARINDEX_HOME", str(settings.home))
    monkeypatch.setattr("orchestration.alerting.send_test", lambda _: SendReport(2, 0, 0, 0, 0, "2 sent"))
    done = CliRunner().invoke(app, ["alerts", "test"])
    assert done.exit_code == 0
    assert "2 sent" in done.output and "'Sở Tài chíh'; nearest: Sở Tài chính" in done.output


def test_rules_can_be_changed(settings):
    routes(settings, "rules: {repeat_days: 3, repeat_days_for: {failed_night: 1}, roll_up_over: 5}")
    rules = load_config(settings).rules
    assert (rules.repeat_after("at_risk"), rules.repeat_after("failed_night"), rules.roll_up_over) == (
        3,
        1,
        5,
    )


def test_a_reason_keeps_no_value_of_a_row():
    reason = safe_reason("Constraint: key 'Trần Thị B' (0912 345 678, b@c.vn) \x1b[31mtwice\nTrần Thị B")
    assert "Trần" not in reason and "0912" not in reason and "b@c" not in reason and "\x1b" not in reason
    assert reason.startswith("Constraint: key …")
