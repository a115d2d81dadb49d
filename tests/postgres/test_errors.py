"""What an operator is told when it does not work; never the password."""

from __future__ import annotations

import logging
import traceback

import pytest
import sqlalchemy as sa

from warehouse.postgres import READER, PublishError, publish_to
from warehouse.postgres_server import Server

SECRET = "Bí/mật@2024 x"


def refused(url: str | sa.URL, version, caplog) -> str:
    caplog.set_level(logging.DEBUG)
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    with pytest.raises(PublishError) as error:
        publish_to(text, version)
    told = "".join(traceback.format_exception(error.value)) + caplog.text
    for form in (SECRET, "Bí%2Fmật%402024%20x", sa.make_url(text).password if "://" in text else None):
        assert not form or form not in told
    return str(error.value)


@pytest.mark.parametrize(
    "url", ["", "db.example", "mysql://u:p@h/d", "duckdb:///file", "postgresql://u:p@h:port/d", "://"]
)
def test_what_is_no_address(url, nights):
    with pytest.raises(PublishError, match="write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE"):
        publish_to(url, nights.publish(rows=1))


def test_no_server_there(server, nights, caplog):
    url = sa.URL.create("postgresql", "u", SECRET, "127.0.0.1", 1, "d")
    message = refused(url, nights.publish(rows=1), caplog)
    assert "Is the server running" in message and "postgresql://u:***@127.0.0.1:1/d" in message


def test_wrong_password_and_wrong_database(server, nights, caplog):
    version = nights.publish(rows=1)
    assert "Check user and password" in refused(server.address(password=SECRET), version, caplog)
    assert "create database nowhere" in refused(server.address("nowhere"), version, caplog)


def test_a_password_in_the_query_is_hidden_too():
    assert "hush" not in Server("postgresql://u@h/d?password=hush&sslmode=require").shown
    assert Server("postgres://u:hush@h/d").shown == "postgresql://u:***@h/d"


def test_a_user_who_may_not(server, nights, caplog):
    url = server.new_database("of_another")
    with server.connect(url) as admin:
        admin.execute(f"create role poor login password '{SECRET}'")
    version = nights.publish()
    message = refused(server.address("of_another", "poor", SECRET), version, caplog)
    assert "permission denied" in message or READER in message
    with server.connect(url) as admin:
        if not admin.execute("select from pg_roles where rolname = %s", [READER]).fetchall():
            admin.execute(f"create role {READER} nologin")
    message = refused(server.address("of_another", "poor", SECRET), version, caplog)
    assert "grant create on database of_another to poor" in message
    with server.connect(url) as admin:
        admin.execute("grant create on database of_another to poor")
    done = publish_to(
        server.address("of_another", "poor", SECRET).render_as_string(hide_password=False), version
    )
    assert SECRET not in repr(done)
    assert any("temporary" in warning for warning in done.warnings)  # not its database to close


def test_a_database_that_cannot_hold_vietnamese(server, nights, caplog):
    with server.connect() as admin:
        admin.execute(
            "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"
        )
    assert "encoding 'UTF8'" in refused(server.address("latin"), nights.publish(rows=1), caplog)


def test_an_old_server(server, address, nights, monkeypatch):
    monkeypatch.setattr("warehouse.postgres_server.OLDEST", 990000)
    with pytest.raises(PublishError, match=r"the server is PostgreSQL \d+: 99 or newer is needed"):
        publish_to(address, nights.publish(rows=1))
