"""The marts of a real night on a server: what the made-up ones of the other tests cannot show."""

from __future__ import annotations

from pathlib import Path

from warehouse.postgres import publish_to
from warehouse.publish import versions
from warehouse.settings import Settings


def test_every_mart_has_a_key_and_every_column_a_comment_in_both_languages(
    server, database, address, night: Path
):
    (version,) = versions(Settings(night, night / "inbox"))
    done = publish_to(address, version)
    assert done.warnings == ()
    with server.connect(database) as admin:
        without_key = admin.execute(
            "select relname from pg_class c where relnamespace = 'marts'::regnamespace and relkind = 'r'"
            " and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u'))"
        ).fetchall()
        assert without_key == []
        mute = admin.execute(
            "select relname, attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where relnamespace = 'marts'::regnamespace and relkind = 'r' and attnum >= 0 and not attisdropped"
            " and coalesce(col_description(c.oid, attnum), '') not like '%_ | _%'"
            " union all select relname, null from pg_class c where relnamespace = 'marts'::regnamespace"
            " and relkind = 'r' and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%_ | _%'"
        ).fetchall()
        assert mute == []
        (tables,) = admin.execute("select count(*) from pg_tables where schemaname = 'marts'").fetchone()
        assert tables == len(version.counts) > 15
