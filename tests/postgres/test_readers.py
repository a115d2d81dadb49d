"""Readers while a night is published, and connections that break in the middle."""

from __future__ import annotations

import multiprocessing
import threading
import time

import psycopg
import pytest

from warehouse.postgres import READER, PublishError, publish_to

from .hammer import PARTS, WHOLE, hammer


def night(version, agencies: int) -> tuple:
    day, rows = str(version.as_of), version.counts["fct_dossier"]
    return (day, day, rows, rows, day, 20, 2 * agencies)


def login(server, database) -> dict:
    with server.connect(database) as admin:
        if not admin.execute("select from pg_roles where rolname = 'hammer'").fetchall():
            admin.execute(f"create role hammer login password 'h' in role {READER}")
    return {
        "host": "127.0.0.1", "port": server.port, "dbname": database.database, "user": "hammer", "password": "h",
    }  # fmt: skip


def test_readers_see_whole_nights_and_never_fail(server, database, address, nights):
    published = [(nights.publish(rows=2_000, agencies=20), 20)]
    publish_to(address, published[0][0])
    context = multiprocessing.get_context("spawn")
    ready, stop, results = context.Event(), context.Event(), context.Queue()
    reader = context.Process(target=hammer, args=(login(server, database), ready, stop, results))
    reader.start()
    try:
        assert ready.wait(20)
        for number in range(1, 4):
            version = nights.publish(rows=2_000 + 100 * number, agencies=20 + number)
            published.append((version, 20 + number))
            kept = [v for v, _ in published] if number != 2 else []
            publish_to(address, version, kept=kept)
    finally:
        stop.set()
        answers, slowest, reads, error = results.get(timeout=120)
        reader.join(20)
    assert error is None
    assert reads > 20
    whole = {night(version, agencies) for version, agencies in published}
    assert answers <= whole, answers - whole
    assert len(answers) >= 3
    assert slowest < 10, "a reader had to wait"


def test_plain_transactions_see_one_night_too(server, database, address, nights):
    """Publishing looks for a moment without readers, so even separate statements of one transaction agree."""
    first, second = nights.publish(), nights.publish(rows=350)
    publish_to(address, first)
    with server.connect(**{"url": database, "autocommit": False}) as reader:
        began = reader.execute(PARTS[1]).fetchone()
        publishing = threading.Thread(target=publish_to, args=(address, second), kwargs={"courtesy": 20})
        publishing.start()
        time.sleep(1.5)
        assert publishing.is_alive(), "it did not wait for the reader"
        assert reader.execute(PARTS[0]).fetchone()[0] == str(first.as_of)
        assert (began, reader.execute(PARTS[1]).fetchone()) == ((300,), (300,))
        # Others are not kept waiting meanwhile.
        with server.connect(database) as other:
            started = time.monotonic()
            assert other.execute(PARTS[1]).fetchone() == (300,)
            assert time.monotonic() - started < 15  # the publish above waits for 20
        reader.rollback()
        publishing.join(120)
    with server.connect(database) as reader:
        assert reader.execute(PARTS[1]).fetchone() == (350,)


def test_long_readers_do_not_stop_a_publish(server, database, address, nights):
    first, second = nights.publish(), nights.publish(rows=350)
    publish_to(address, first)
    with server.connect(database, autocommit=False) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert reader.execute(PARTS[1]).fetchone() == (300,)
        started = time.monotonic()
        publish_to(address, second, kept=[first], courtesy=0.3)
        assert time.monotonic() - started < 60  # the reader would never end by itself
        assert reader.execute(WHOLE).fetchone() == night(first, 5)
        reader.rollback()
        assert reader.execute(WHOLE).fetchone() == night(second, 5)


def test_changed_columns_wait_for_long_readers(server, database, address, nights):
    first = nights.publish()
    publish_to(address, first)
    second = nights.publish(change="alter table marts.fct_dossier drop column note")
    with server.connect(database, autocommit=False) as reader:
        reader.execute(PARTS[1])
        with pytest.raises(
            PublishError, match=r"fct_dossier change, and these readers .*pid \d+ .*keep the old night"
        ):
            publish_to(address, second, patience=0.5)
        assert reader.execute(WHOLE).fetchone() == night(first, 5)
        threading.Timer(0.7, reader.rollback).start()
        publish_to(address, second, patience=30)
    with server.connect(database) as reader:
        assert reader.execute(WHOLE).fetchone() == night(second, 5)


@pytest.mark.parametrize("moment", ["fct_dossier", "rpt_free", "commit"])
def test_a_lost_connection_leaves_the_old_night(server, address, database, nights, moment):
    first, second = nights.publish(rows=1_000), nights.publish(rows=1_100, agencies=7)
    publish_to(address, first)

    def cut(stage: str) -> None:
        if stage == moment:
            assert server.end("parindex publish") == 1

    with pytest.raises(PublishError, match="readers keep the old night"):
        publish_to(address, second, kept=[first, second], tell=cut)
    with server.connect(database) as reader:
        assert reader.execute(WHOLE).fetchone() == night(first, 5)
        assert reader.execute(
            "select count(*) from pg_class where relnamespace = 'parindex_meta'::regnamespace and relkind = 'r'"
        ).fetchone() == (1,)
        publish_to(address, second, kept=[first, second])
        assert reader.execute(WHOLE).fetchone() == night(second, 7)


def test_a_first_publish_that_breaks_leaves_nothing(server, address, database, nights):
    version = nights.publish()
    with pytest.raises(PublishError):
        publish_to(address, version, tell=lambda stage: stage == "commit" and server.end("parindex publish"))
    with server.connect(database) as reader:
        assert reader.execute("select to_regnamespace('marts')").fetchone() == (None,)
    publish_to(address, version)


def test_two_publishers_take_turns(server, address, database, nights):
    first, second = nights.publish(rows=3_000), nights.publish(rows=3_100)
    failures = []

    def send(version) -> None:
        try:
            publish_to(address, version)
        except PublishError as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(version,)) for version in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    with server.connect(database) as reader:
        assert reader.execute(WHOLE).fetchone() in (night(first, 5), night(second, 5))
