"""Marts of a version in a real PostgreSQL: rows, types, keys, comments, rights, and what a second publish moves."""

from __future__ import annotations

import duckdb
import psycopg
import pytest

from warehouse.postgres import READER, PublishError, publish_to

from .nights import NASTY


def rows(server, database, query, *parameters):
    with server.connect(database) as connection:
        return connection.execute(query, parameters).fetchall()


def how(done) -> dict[str, str]:
    return {moved.table: moved.how for moved in done.moved}


def test_all_marts_arrive_as_they_are(server, database, address, nights):
    version = nights.publish(rows=5_000)
    done = publish_to(address, version)
    assert set(how(done).values()) == {"loaded"}
    assert {moved.table: moved.rows for moved in done.moved} == version.counts
    with duckdb.connect(str(version.database), read_only=True) as file:
        for table in ("dim_agency", "fct_dossier", "fct_indicator", "fct_check_result"):
            theirs = rows(server, database, f"select * from marts.{table}")
            ours = file.execute(f"select * from marts.{table}").fetchall()
            if table == "fct_dossier":
                ours = [(*row[:-1], row[-1] and row[-1].replace("\0", "")) for row in ours]
            assert sorted(theirs, key=str) == sorted(ours, key=str), table
    note = rows(server, database, "select note from marts.fct_dossier where dossier_code = 'H62.0000000'")
    assert note == [(NASTY.replace("\0", ""),)]


def test_types_are_the_servers_own(server, database, address, nights):
    publish_to(address, nights.publish())
    query = (
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0"
    )
    dossier = dict(rows(server, database, query, "marts.fct_dossier"))
    assert dossier["dossier_code"] == "text"
    assert dossier["received_at"] == "timestamp without time zone"
    assert dossier["received_on"] == "date"
    assert dossier["is_resolved"] == "boolean"
    assert dossier["fee_amount"] == "numeric(24,6)"
    assert dossier["satisfaction"] == "bigint"
    assert rows(server, database, "select * from marts.rpt_free")[0][1:5] == (
        [1, 2], {"a": "x", "b": 1}, "é".encode(), 1.5,
    )  # fmt: skip
    assert rows(server, database, "select nothing = 'nan', hour::text, tiny, extract(epoch from moment)::bigint"
                " from marts.rpt_free") == [(True, "01:02:03", 9, 1704042000)]  # fmt: skip


def test_keys_tie_the_tables(server, database, address, nights):
    publish_to(address, nights.publish())
    keys = dict(
        rows(
            server, database,
            "select conrelid::regclass::text || ' ' || contype::text, pg_get_constraintdef(oid) from pg_constraint"
            " where connamespace = 'marts'::regnamespace and contype in ('p', 'u', 'f')",
        )
    )  # fmt: skip
    assert keys["marts.fct_dossier p"] == "PRIMARY KEY (dossier_code)"
    assert keys["marts.dim_agency p"] == "PRIMARY KEY (agency_code, valid_from)"
    assert keys["marts.fct_indicator p"] == (
        "PRIMARY KEY (as_of_date, target_id, variant, agency_code, period_kind, period_start)"
    )
    assert keys["marts.dim_target u"] == "UNIQUE (target_id)"
    assert keys["marts.fct_check_result u"] == "UNIQUE NULLS NOT DISTINCT (check_id, delivery_id)"
    assert keys["marts.fct_indicator f"].startswith(
        "FOREIGN KEY (target_id) REFERENCES marts.dim_target(target_id)"
    )
    # Sources use codes that no catalogue knows: the tie is told to tools, and not enforced.
    assert keys["marts.fct_dossier f"].endswith("REFERENCES marts.dim_procedure(procedure_code) NOT ENFORCED")
    assert rows(server, database, "select count(*) from pg_constraint where contype = 'f' and conenforced"
                " and not convalidated") == [(0,)]  # fmt: skip
    indexed = {
        definition.partition(" USING btree ")[2]
        for (definition,) in rows(
            server, database, "select indexdef from pg_indexes where schemaname = 'marts'"
        )
    }
    assert {
        "(agency_code, received_on)",
        "(finished_on)",
        "(agency_code, target_id, period_start)",
    } <= indexed


def test_comments_in_both_languages(server, database, address, nights):
    publish_to(address, nights.publish())
    comment = "select obj_description('marts.fct_dossier'::regclass), col_description('marts.fct_dossier'::regclass, 1)"
    assert rows(server, database, comment) == [
        ("Hồ sơ thủ tục hành chính | Dossiers", 'Mã hồ sơ | Dossier\'s code, "quoted" 100%')
    ]
    said = nights.publish(then="comment on column marts.fct_dossier.dossier_code is 'Mã | Code'")
    publish_to(address, said)
    assert rows(server, database, comment)[0][1] == "Mã | Code"
    schema = rows(server, database, "select obj_description('marts'::regnamespace)")[0][0]
    assert f"figures as of {said.as_of}" in schema


def test_readers_may_read_the_marts_and_nothing_else(server, database, address, nights):
    done = publish_to(address, nights.publish())
    assert done.warnings == ()
    with server.connect(database) as admin:
        admin.execute("drop role if exists dashboard")
        admin.execute(f"create role dashboard login password 'x' in role {READER}")
        admin.execute(
            "create schema other; create table other.secret (a int); create table public.loose (a int)"
        )
    try:
        with server.connect(server.address(database.database, "dashboard", "x")) as reader:
            assert reader.execute("select count(*) from marts.fct_dossier").fetchone() == (300,)
            tables = reader.execute("select tablename from pg_tables where schemaname = 'marts'").fetchall()
            for (table,) in tables:
                reader.execute(f"select * from marts.{table} limit 1")
            for forbidden in (
                "insert into marts.dim_procedure values ('x', 'y')",
                "update marts.dim_procedure set procedure_name = ''",
                "delete from marts.fct_dossier",
                "truncate marts.fct_dossier",
                "drop table marts.fct_dossier",
                "create table marts.mine (a int)",
                "create table public.mine (a int)",
                "create temporary table mine (a int)",
                "create schema mine",
                "select * from parindex_meta.published",
                "select * from other.secret",
                "select * from public.loose",
                "comment on table marts.fct_dossier is ''",
                "create index on marts.fct_dossier (note)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(forbidden)
        with server.connect(database) as admin:
            assert not admin.execute(
                "select rolcanlogin from pg_roles where rolname = %s", [READER]
            ).fetchone()[0]
            admin.execute("drop role if exists stranger")
            admin.execute("create role stranger login password 'x'")
        with (
            server.connect(server.address(database.database, "stranger", "x")) as stranger,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            stranger.execute("select * from marts.fct_dossier")
    finally:
        with server.connect(database) as admin:
            admin.execute("drop role if exists dashboard; drop role if exists stranger")


def test_rights_given_by_hand_are_taken_back(server, database, address, nights):
    publish_to(address, nights.publish())
    with server.connect(database) as admin:
        admin.execute(
            f"grant insert on marts.fct_dossier to {READER}; grant select on marts.fct_dossier to public;"
            f"grant update (note) on marts.fct_dossier to {READER};"
            f"grant select (agency_name) on marts.dim_agency to public;"
            f"grant select on marts.dim_target to {READER} with grant option;"
            f"grant usage on schema parindex_meta to {READER}; grant create on schema marts to {READER}"
        )
    publish_to(address, nights.publish())
    assert rows(
        server, database,
        "select has_table_privilege(%(r)s, 'marts.fct_dossier', 'insert'),"
        " has_table_privilege('public', 'marts.fct_dossier', 'select'),"
        " has_any_column_privilege(%(r)s, 'marts.fct_dossier', 'update'),"
        " has_any_column_privilege('public', 'marts.dim_agency', 'select'),"
        " has_table_privilege(%(r)s, 'marts.dim_target', 'select with grant option'),"
        " has_schema_privilege(%(r)s, 'parindex_meta', 'usage'),"
        " has_schema_privilege(%(r)s, 'marts', 'create')".replace("%(r)s", f"'{READER}'"),
    ) == [(False,) * 7]  # fmt: skip
    assert rows(
        server, database,
        "select bool_and(has_table_privilege(%s, oid, 'select')) from pg_class"
        " where relnamespace = 'marts'::regnamespace and relkind = 'r'",
        READER,
    ) == [(True,)]  # fmt: skip


def test_a_reader_that_may_do_more_is_told(server, database, address, nights):
    publish_to(address, nights.publish())
    with server.connect(database) as admin:
        admin.execute("drop role if exists writers; create role writers")
        admin.execute(f"grant writers to {READER}; alter role {READER} createdb")
    try:
        done = publish_to(address, nights.publish())
        assert any("createdb, member of writers" in warning for warning in done.warnings)
    finally:
        with server.connect(database) as admin:
            admin.execute(f"alter role {READER} nocreatedb; drop role writers")
    assert publish_to(address, nights.publish()).warnings == ()


def test_a_second_publish_moves_only_what_changed(server, database, address, nights):
    first = nights.publish(rows=5_000)
    publish_to(address, first)
    second = nights.publish(
        rows=5_040,
        day=first.as_of,
        change="update marts.fct_dossier set note = 'sửa' where dossier_code < 'H62.0000010'",
        then="delete from marts.fct_dossier where dossier_code between 'H62.0001000' and 'H62.0001004'",
    )
    before = dict(rows(server, database, "select dossier_code, xmin::text from marts.fct_dossier"))
    done = publish_to(address, second, kept=[first, second])
    moved = {m.table: m for m in done.moved}
    assert (moved["fct_dossier"].how, moved["fct_dossier"].sent, moved["fct_dossier"].deleted) == (
        "changes",
        50,
        15,
    )
    assert {t for t, m in moved.items() if m.how == "unchanged"} == {
        "dim_agency", "dim_procedure", "dim_target", "fct_check_result", "rpt_free",
    }  # fmt: skip
    after = dict(rows(server, database, "select dossier_code, xmin::text from marts.fct_dossier"))
    assert len(after) == 5_035
    assert sum(after[code] != before.get(code) for code in after) == 50, (
        "rows that did not change were written"
    )
    again = publish_to(address, second, kept=[first, second])
    assert again.sent == 0 and again.changed == ()
    back = publish_to(address, first, kept=[first, second])  # a rollback is a publish like any other
    assert (back.version, {m.table: m.sent for m in back.moved}["fct_dossier"]) == (first.version, 15)
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(5_000,)]


def test_moments_of_the_clock_follow_though_no_row_is_said_to_differ(server, database, address, nights):
    """They are left out of the hashes of a version, and are a reader's answer to when something was checked."""
    first = nights.publish()
    publish_to(address, first)
    later = "update marts.fct_check_result set checked_at = checked_at + interval 1 hour"
    second = nights.publish(day=first.as_of, change=later)
    assert first.hashes == second.hashes
    done = publish_to(address, second, kept=[first, second])
    assert {table for table, what in how(done).items() if what != "unchanged"} == {"fct_check_result"}
    checked = "select distinct checked_at::text from marts.fct_check_result"
    assert rows(server, database, checked) == [(f"{first.as_of} 02:00:00",)]
    # With the version gone that the server holds, another of the same hash is not what it holds.
    third = nights.publish(day=first.as_of)
    nights.forget(second)
    publish_to(address, third, kept=[first, third])
    assert rows(server, database, checked) == [(f"{first.as_of} 01:00:00",)]


def test_any_kept_version_with_the_rows_of_the_server_tells_what_to_send(server, database, address, nights):
    first = nights.publish()
    publish_to(address, first)
    alike, last = nights.publish(day=first.as_of), nights.publish(rows=310, day=first.as_of)
    nights.forget(first)
    done = publish_to(address, last, kept=[alike, last])
    assert how(done)["fct_dossier"] == "changes"
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(310,)]


def test_without_the_old_version_every_row_is_compared(server, database, address, nights):
    first = nights.publish(rows=2_000)
    publish_to(address, first)
    second = nights.publish(
        rows=2_010, day=first.as_of, change="update marts.fct_check_result set passed = false"
    )
    nights.forget(first)
    before = dict(rows(server, database, "select dossier_code, xmin::text from marts.fct_dossier"))
    done = publish_to(address, second, kept=[second])
    assert how(done)["fct_dossier"] == "compared"
    after = dict(rows(server, database, "select dossier_code, xmin::text from marts.fct_dossier"))
    assert sum(after[code] != before.get(code) for code in after) == 10
    assert rows(server, database, "select count(*), bool_or(passed) from marts.fct_check_result") == [
        (20, False)
    ]


def test_rows_changed_by_hand_are_set_right(server, database, address, nights):
    first = nights.publish()
    publish_to(address, first)
    with server.connect(database) as admin:
        admin.execute("delete from marts.fct_dossier where dossier_code = 'H62.0000007'")
    second = nights.publish(rows=310, day=first.as_of)
    done = publish_to(address, second, kept=[first, second])
    assert how(done)["fct_dossier"] == "compared" and "not as parindex had left it" in done.warnings[0]
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(310,)]
    with server.connect(database) as admin:
        admin.execute("update marts.dim_procedure set procedure_name = 'hỏng'")
    publish_to(address, second, kept=[first, second])  # nothing changed as far as is known
    assert rows(
        server, database, "select count(*) from marts.dim_procedure where procedure_name = 'hỏng'"
    ) == [(5,)]
    with server.connect(database) as admin:
        admin.execute("delete from marts.fct_dossier where dossier_code = 'H62.0000007'")
    done = publish_to(address, second, full=True)
    assert rows(
        server, database, "select count(*) from marts.dim_procedure where procedure_name = 'hỏng'"
    ) == [(0,)]
    repaired = {m.table: (m.written, m.deleted) for m in done.changed}
    assert repaired["dim_procedure"] == (5, 5) and repaired["fct_dossier"] == (1, 0)
    assert set(repaired) <= {"dim_procedure", "fct_dossier", "rpt_free"}  # that one has no key to compare by
    done = publish_to(address, second, full=True)
    assert done.sent > 310 and {m.table for m in done.changed} <= {"rpt_free"}


def test_a_changed_column_rebuilds_the_table(server, database, address, nights):
    first = nights.publish()
    publish_to(address, first)
    second = nights.publish(
        change="alter table marts.fct_dossier add column channel varchar default 'trực tuyến'",
        then="alter table marts.dim_target alter target_value type decimal(9, 3); drop table marts.rpt_free",
    )
    done = publish_to(address, second, kept=[first, second])
    assert how(done)["fct_dossier"] == how(done)["dim_target"] == "rebuilt"
    assert how(done)["rpt_free"] == "dropped"
    assert how(done)["fct_indicator"] == "changes"  # it stays, though what it refers to was replaced
    assert rows(server, database, "select distinct channel from marts.fct_dossier") == [("trực tuyến",)]
    assert rows(server, database, "select to_regclass('marts.rpt_free')") == [(None,)]
    assert rows(server, database, "select count(*) from pg_constraint where contype = 'f' and connamespace ="
                " 'marts'::regnamespace and (convalidated or not conenforced)") == [(2,)]  # fmt: skip
    assert rows(server, database, "select has_table_privilege(%s, 'marts.fct_dossier', 'select')", READER)[0][
        0
    ]
    assert rows(server, database, "select count(*) from pg_class where relnamespace = 'parindex_meta'::regnamespace"
                " and relkind = 'r'") == [(1,)]  # fmt: skip
    assert publish_to(address, second).changed == ()


def test_a_second_plan_takes_the_foreign_key_away(server, database, address, nights):
    publish_to(address, nights.publish())
    plan = "insert into marts.dim_target select * replace (date '2025-01-01' as valid_from) from marts.dim_target"
    publish_to(address, nights.publish(change=plan))
    assert rows(server, database, "select count(*) from marts.dim_target") == [(6,)]
    assert rows(server, database, "select count(*) from pg_constraint where contype = 'f' and conrelid ="
                " 'marts.fct_indicator'::regclass") == [(0,)]  # fmt: skip


def test_views_upon_a_changed_table_are_named(server, database, address, nights):
    publish_to(address, nights.publish())
    with server.connect(database) as admin:
        admin.execute("create schema bi; create view bi.mine as select dossier_code from marts.fct_dossier")
    publish_to(address, nights.publish(rows=310))  # new rows do not disturb it
    assert rows(server, database, "select count(*) from bi.mine") == [(310,)]
    changed = nights.publish(change="alter table marts.fct_dossier drop column note")
    with pytest.raises(PublishError, match=r"bi\.mine.*drop that"):
        publish_to(address, changed)
    assert rows(server, database, "select count(*) from bi.mine") == [(310,)]


def test_a_table_of_somebody_else_is_left_alone(server, database, address, nights):
    with server.connect(database) as admin:
        admin.execute("create schema marts; create table marts.fct_dossier (a int)")
    with pytest.raises(PublishError, match="fct_dossier, which parindex did not make"):
        publish_to(address, nights.publish())


def test_a_database_shared_with_others_keeps_its_rights(server, database, address, nights):
    with server.connect(database) as admin:
        admin.execute("create table public.of_others (a int)")
    done = publish_to(address, nights.publish())
    assert any("temporary tables" in warning for warning in done.warnings)
    assert rows(server, database, "select has_database_privilege('public', current_database(), 'temporary')")[
        0
    ][0]


def test_another_home_does_not_take_the_place_of_the_one_that_is_published(server, database, address, nights):
    """A disk that is away, or a sample: good marts of next to nothing."""
    publish_to(address, nights.publish())
    for sparse in ({"rows": 149}, {"agencies": 2}, {"rows": 0}):
        version = nights.publish(**sparse)
        with pytest.raises(PublishError, match=r"PARINDEX_HOME.*publish --smaller"):
            publish_to(address, version)
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(300,)]
    publish_to(address, nights.publish(rows=150))
    publish_to(address, nights.publish(rows=10), smaller=True)
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(10,)]


def test_a_kept_version_that_is_damaged_costs_a_full_comparison_only(server, database, address, nights):
    first, second = nights.publish(), nights.publish(rows=350)
    publish_to(address, first)
    with first.database.open("r+b") as file:
        file.truncate(10_000)
    publish_to(address, second, kept=[first])
    assert rows(server, database, "select count(*) from marts.fct_dossier") == [(350,)]
