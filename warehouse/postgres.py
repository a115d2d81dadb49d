"""A published version in PostgreSQL: schema `marts`, the tables of the file, for tools that want a server.

Everything happens in one transaction on one connection. Tables stay in place and only rows that differ are
deleted and copied, so PostgreSQL's own snapshots give each query the whole old or the whole new night, and no
query waits. A table is rebuilt beside the old one, and takes its place in an instant, only when its columns,
keys or indexes change. A connection that breaks leaves nothing behind.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import psycopg

from sources.text import sql_name, sql_string
from warehouse.compare import changed_keys_sql, columns_of, opened, relation
from warehouse.keys import mart_keys
from warehouse.postgres_server import BrokenPromise, PublishError, Server
from warehouse.postgres_shape import ForeignKey, Mart, copy_text, describe, name_of
from warehouse.publish import CLOCK_COLUMNS, MARTS, Version

READER = "bi_reader"
META = "parindex_meta"
_LEDGER = f"{META}.published"
_GOING = f"{META}.going"
_COMING = f"{META}.coming"
_LOCK_KEY = 7_152_062  # of the advisory lock: one publisher at a time

UNCHANGED, CHANGES, COMPARED, LOADED, REBUILT, DROPPED = (
    "unchanged",  # not touched
    "changes",  # only changed rows were sent
    "compared",  # all rows were sent, only changed ones written
    "loaded",  # a new table
    "rebuilt",  # a new table in place of one of another shape
    "dropped",
)


@dataclass(frozen=True)
class Moved:
    """What became of one table: rows that went over the wire, and those that the server wrote and deleted because of them."""

    table: str
    how: str
    rows: int
    sent: int = 0
    written: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class PublishedTo:
    target: str  # without password
    version: str
    as_of: date
    moved: tuple[Moved, ...]
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Moved, ...]:
        return tuple(moved for moved in self.moved if moved.how != UNCHANGED)

    @property
    def sent(self) -> int:
        return sum(moved.sent for moved in self.moved)

    @property
    def written(self) -> int:
        return sum(moved.written for moved in self.moved)

    @property
    def deleted(self) -> int:
        return sum(moved.deleted for moved in self.moved)


def publish_to(
    url: str,
    version: Version,
    *,
    kept: Sequence[Version] = (),
    full: bool = False,
    config: Mapping[str, Any] | None = None,
    patience: float = 600.0,
    courtesy: float = 3.0,
    smaller: bool = False,
    tell: Callable[[str], None] = lambda message: None,
) -> PublishedTo:
    """Bring the marts of a PostgreSQL to a published version. Raises PublishError; the old night stays then.

    `kept`: versions that may be what the server holds now, so that only differences are sent. `full`: compare
    every row with the server's instead of trusting what was noted last time. `config`: of DuckDB. `patience`: seconds to wait for
    long readers of a table whose columns change; nothing else depends on readers. `courtesy`: seconds to look
    for a moment without readers to commit in, so that several queries of one plain transaction see one night
    too. `smaller`: also where that leaves the server less than half of its agencies or dossiers.
    """
    started = time.monotonic()
    server = Server(url)
    with server.session() as pg, opened(config, new=version.database) as duck:
        job = _Job(pg, duck, version, {v.version: v for v in kept if v.database.exists()}, full, tell)
        with pg.transaction():
            _settle(job)
            job.marts = describe(duck, "new", mart_keys(), pg.info.server_version)
            _prepare(job)
            if not smaller:
                _must_not_shrink(job)
            moved = _move(job)
            _describe_tables(job)
            pg.execute("set constraints all immediate")
            _swap(job, patience, courtesy)
            tell("commit")
        _afterwards(job, moved)
        warnings = tuple(job.warnings)
    seconds = time.monotonic() - started
    return PublishedTo(server.shown, version.version, version.as_of, tuple(moved), seconds, warnings)


@dataclass
class _Noted:
    hash: str
    shape: str
    version: str
    rows: int


@dataclass
class _Job:
    pg: psycopg.Connection
    duck: duckdb.DuckDBPyConnection
    version: Version
    kept: dict[str, Version]
    full: bool
    tell: Callable[[str], None]
    marts: dict[str, Mart] = field(default_factory=dict)
    noted: dict[str, _Noted] = field(default_factory=dict)  # what earlier publishing left here
    present: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # table -> columns with types
    columns: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)  # of the attached files
    fresh: list[str] = field(default_factory=list)  # loaded for the first time
    rebuilt: list[str] = field(default_factory=list)  # to be swapped in
    changed: list[str] = field(default_factory=list)  # rows changed in place
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def rows(self, query: str, parameters: Sequence | Mapping | None = None) -> list[tuple]:
        return self.pg.execute(query, parameters).fetchall()

    def value(self, query: str, parameters: Sequence | None = None):
        return self.rows(query, parameters)[0][0]

    def columns_in(self, catalog: str, table: str) -> dict[str, str]:
        if catalog not in self.columns:
            self.columns[catalog] = columns_of(self.duck, catalog)
        return self.columns[catalog].get(table, {})


def _live(table: str) -> str:
    return f"{MARTS}.{sql_name(table)}"


def _names(names: Iterable[str], prefix: str = "") -> str:
    return ", ".join(prefix + sql_name(name) for name in names)


# --- before ---


def _settle(job: _Job) -> None:
    """Settings of this transaction, and the lock that keeps a second publisher out."""
    settings = {
        "search_path": "pg_catalog",
        "datestyle": "ISO, YMD",
        "standard_conforming_strings": "on",
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "lock_timeout": "60s",
        "maintenance_work_mem": "256MB",
        "client_min_messages": "error",
        # When this side vanishes, the server ends the session and frees the lock in two minutes, not in two hours.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "6",
    }
    if job.pg.info.server_version >= 170000:
        settings["transaction_timeout"] = "0"
    for name, value in settings.items():
        job.pg.execute(f"set local {name} = {value if name == 'search_path' else sql_string(value)}")
    deadline = time.monotonic() + 10
    while not job.value("select pg_try_advisory_xact_lock(%s)", [_LOCK_KEY]):
        if time.monotonic() > deadline:
            raise PublishError(
                "another publish to this database is at work: wait for it to end, then run again"
            )
        time.sleep(0.2)


def _prepare(job: _Job) -> None:
    """Role, schemas, the ledger of what is here, and who may do what."""
    pg = job.pg
    if not job.rows("select from pg_roles where rolname = %s", [READER]):
        try:
            with pg.transaction():
                pg.execute(f"create role {READER} nologin")
        except psycopg.errors.DuplicateObject:
            pass  # another database of this server was quicker
        except psycopg.errors.InsufficientPrivilege:
            raise PublishError(
                f"the role {READER} does not exist and this user may not create it: let an administrator run"
                f" `create role {READER} nologin;`"
            ) from None
    for schema in (MARTS, META):
        if not job.rows("select from pg_namespace where nspname = %s", [schema]):
            pg.execute(f"create schema {schema}")
        pg.execute(f"revoke all on schema {schema} from public, {READER}")
    pg.execute(f"grant usage on schema {MARTS} to {READER}")
    _look_at_the_reader(job)
    if not job.value("select to_regclass(%s) is not null", [_LEDGER]):
        pg.execute(
            f"create table {_LEDGER} (table_name text primary key, hash text not null, shape text not null,"
            " version text not null, as_of date not null, row_count bigint not null,"
            " published_at timestamp with time zone not null default now())"
        )
        pg.execute(
            f"comment on table {_LEDGER} is 'What parindex published into schema {MARTS}; do not edit'"
        )
    _close_the_database(job)
    noted = job.rows(f"select table_name, hash, shape, version, row_count from {_LEDGER}")
    job.noted = {table: _Noted(*rest) for table, *rest in noted}
    for table, column, kind in job.rows(
        "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_class c"
        " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f')"
        " order by c.relname, a.attnum",
        [MARTS],
    ):
        job.present.setdefault(table, []).append((column, kind))
    strange = sorted(set(job.present) & set(job.marts) - set(job.noted))
    if strange:
        raise PublishError(
            f"schema {MARTS} holds {', '.join(strange)}, which parindex did not make: move it to another"
            " schema, or drop it, then run again"
        )
    job.dropped = sorted(set(job.noted) & set(job.present) - set(job.marts))


def _must_not_shrink(job: _Job) -> None:
    """A home that is not the one meant (a disk that is away, another folder, a sample) publishes good marts, of little."""
    for table in ("dim_agency", "fct_dossier"):
        noted, rows = job.noted.get(table), job.version.counts.get(table, 0)
        if noted is not None and table in job.present and 2 * rows < noted.rows:
            raise PublishError(
                f"{table} has {noted.rows:,} rows on the server and {rows:,} in {job.version.folder}: is that the home that is"
                " meant (PARINDEX_HOME)? If so: `parindex publish --smaller`"
            )


def _look_at_the_reader(job: _Job) -> None:
    """Rights that no revoking here takes away are told."""
    more = job.rows(
        "select trim(leading ', ' from concat(case when rolsuper then ', superuser' end,"
        " case when rolcreaterole then ', createrole' end, case when rolcreatedb then ', createdb' end,"
        " case when rolreplication then ', replication' end, case when rolbypassrls then ', bypassrls' end,"
        " (select string_agg(', member of ' || quote_ident(g.rolname), '' order by g.rolname)"
        " from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid)))"
        " from pg_roles r where rolname = %s",
        [READER],
    )[0][0]
    if more:
        job.warnings.append(
            f"{READER} may do more than read the marts ({more}): consider `alter role {READER} nosuperuser"
            f" nocreaterole nocreatedb noreplication nobypassrls;` and `revoke ROLE from {READER};`"
        )


def _close_the_database(job: _Job) -> None:
    """Readers make nothing: PUBLIC loses temporary tables, and schema public on old servers.

    Only in a database of ours; where others have tables too it is only said.
    """
    open_doors = []
    if job.value("select has_database_privilege('public', current_database(), 'temporary')"):
        open_doors.append(f"temporary on database {sql_name(job.value('select current_database()'))}")
    if job.value(
        "select coalesce(bool_or(has_schema_privilege('public', oid, 'create')), false) from pg_namespace"
        " where nspname = 'public'"
    ):
        open_doors.append("create on schema public")
    if not open_doors:
        return
    ours = job.value(
        "select pg_has_role(datdba, 'usage') and not exists (select from pg_class c join pg_namespace n"
        " on n.oid = c.relnamespace where n.nspname not in (%s, %s, 'information_schema')"
        " and n.nspname not like 'pg\\_%%' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S'))"
        " from pg_database where datname = current_database()",
        [MARTS, META],
    )
    for door in open_doors:
        if ours:
            try:
                with job.pg.transaction():
                    job.pg.execute(f"revoke {door} from public")
                    continue
            except psycopg.errors.InsufficientPrivilege:
                pass
        made = "temporary tables" if door.startswith("temporary") else "tables in schema public"
        job.warnings.append(
            f"every role, {READER} too, can make {made} in this database: consider"
            f" `revoke {door} from public;`"
        )


# --- rows ---


def _move(job: _Job) -> list[Moved]:
    """Load, change or leave each table. Rows of rebuilt tables wait in the other schema for the swap."""
    moved = []
    for table, mart in job.marts.items():
        noted, present = job.noted.get(table), job.present.get(table)
        job.tell(table)
        if noted is None or present is None:
            job.fresh.append(table)
            sent = _load(job, mart, _live(table))
            moved.append(Moved(table, LOADED, mart.rows, sent, sent))
        elif noted.shape != mart.shape or present != [(c.name, c.type) for c in mart.columns]:
            job.rebuilt.append(table)
            sent = _load(job, mart, _waiting(table))
            moved.append(Moved(table, REBUILT, mart.rows, sent, sent))
        elif _is_here(job, mart, noted) and not job.full:
            moved.append(Moved(table, UNCHANGED, mart.rows))
            continue
        else:
            change = _change(job, mart, noted)
            if change.written or change.deleted:
                job.changed.append(table)
                moved.append(change)
            else:  # the hash differs in a column that the wall clock writes, or --full found every row as it should be
                moved.append(Moved(table, UNCHANGED, mart.rows, change.sent))
        _note(job, mart)
    for table in job.dropped:
        moved.append(Moved(table, DROPPED, 0))
        job.pg.execute(f"delete from {_LEDGER} where table_name = %s", [table])
    return moved


def _is_here(job: _Job, mart: Mart, noted: _Noted) -> bool:
    """Whether the server holds these very rows. The wall clock is left out of hashes, so there the version counts."""
    if CLOCK_COLUMNS & set(mart.column_names):
        return noted.version == job.version.version
    return noted.hash == job.version.hashes[mart.name]


def _note(job: _Job, mart: Mart) -> None:
    job.pg.execute(
        f"insert into {_LEDGER} (table_name, hash, shape, version, as_of, row_count)"
        " values (%s, %s, %s, %s, %s, %s)"
        " on conflict (table_name) do update set (hash, shape, version, as_of, row_count, published_at)"
        " = (excluded.hash, excluded.shape, excluded.version, excluded.as_of, excluded.row_count, now())",
        [
            mart.name,
            job.version.hashes[mart.name],
            mart.shape,
            job.version.version,
            job.version.as_of,
            mart.rows,
        ],
    )


def _waiting(table: str) -> str:
    return f"{META}.{sql_name(table)}"


def _copy(job: _Job, source: str, columns: dict[str, str], target: str, options: str = "") -> int:
    with job.pg.cursor() as cursor:
        with cursor.copy(f"copy {target} ({_names(columns)}) from stdin{options}") as copy:
            for text in copy_text(job.duck, source, columns):
                copy.write(text)
        return cursor.rowcount


def _load(job: _Job, mart: Mart, target: str) -> int:
    """A new table with all rows, its keys and indexes, and what the planner wants to know."""
    job.pg.execute(
        f"create table {target} ({', '.join(f'{sql_name(c.name)} {c.type}' for c in mart.columns)})"
    )
    # Frozen: nothing has to be vacuumed later. Allowed, because the table is of this transaction.
    sent = _copy(job, relation("new", mart.name), job.columns_in("new", mart.name), target, " with (freeze)")
    if sent != mart.rows:
        raise PublishError(
            f"{mart.name}: {sent:,} rows arrived of {mart.rows:,}; nothing was changed, run again"
        )
    if mart.key:
        name = sql_name(name_of(mart.name, "key"))
        if not mart.nullable:
            job.pg.execute(f"alter table {target} add constraint {name} primary key ({_names(mart.key)})")
        elif job.pg.info.server_version >= 150000:
            job.pg.execute(
                f"alter table {target} add constraint {name} unique nulls not distinct ({_names(mart.key)})"
            )
        else:
            job.pg.execute(f"alter table {target} add constraint {name} unique ({_names(mart.key)})")
    for column in mart.unique:
        name = sql_name(name_of(mart.name, column, "unique"))
        job.pg.execute(f"alter table {target} add constraint {name} unique ({sql_name(column)})")
    for index in mart.indexes:
        job.pg.execute(
            f"create index {sql_name(name_of(mart.name, *index, 'idx'))} on {target} ({_names(index)})"
        )
    job.pg.execute(f"analyze {target}")
    return sent


def _change(job: _Job, mart: Mart, noted: _Noted) -> Moved:
    """Rows that differ from the version that the server holds, where it is kept, else from the server's."""
    base = None if job.full else _base(job, mart, noted)
    if base is not None and mart.key:
        try:
            with job.pg.transaction():
                return _send_changes(job, mart, base)
        except (BrokenPromise, psycopg.errors.UniqueViolation):
            # Somebody changed rows on the server; they are set right below.
            job.warnings.append(f"{mart.name} was not as parindex had left it: every row was compared")
    with job.pg.transaction():
        return _compare_all(job, mart)


def _base(job: _Job, mart: Mart, noted: _Noted) -> str | None:
    """The attached name of a kept version with the rows that the server holds."""
    candidates = [job.kept.get(noted.version)]
    if not CLOCK_COLUMNS & set(mart.column_names):
        candidates += job.kept.values()
    for version in candidates:
        if version is None or version.hashes.get(mart.name) != noted.hash:
            continue
        name = f"base_{version.version}"
        if not job.duck.execute(
            "select 1 from duckdb_databases() where database_name = $1", [name]
        ).fetchall():
            path = sql_string(str(version.database))
            try:
                job.duck.execute(f"attach {path} as {sql_name(name)} (read_only)")
            except duckdb.Error:  # damaged: the rows are compared with the server's instead
                continue
        if job.columns_in(name, mart.name) == job.columns_in("new", mart.name):
            return name
    return None


def _same(mart: Mart, left: str, right: str) -> str:
    """Keys are equal: plainly where no null can be, so that indexes and hash joins serve."""
    parts = []
    for name in mart.key:
        equals = "is not distinct from" if name in mart.nullable else "="
        parts.append(f"{left}.{sql_name(name)} {equals} {right}.{sql_name(name)}")
    return " and ".join(parts)


def _send_changes(job: _Job, mart: Mart, base: str) -> Moved:
    columns = job.columns_in("new", mart.name)
    old, new = relation(base, mart.name), relation("new", mart.name)
    job.duck.execute(
        f"create or replace temp table changed as {changed_keys_sql(old, new, mart.key, columns)}"
    )
    going, coming = job.duck.execute(
        "select count(*) filter (was_there), count(*) filter (is_there) from changed"
    ).fetchall()[0]
    if going:
        if going == job.duck.execute(f"select count(*) from {old}").fetchall()[0][0]:
            deleted = job.pg.execute(f"delete from {_live(mart.name)}").rowcount
        else:
            job.pg.execute(
                f"create table {_GOING} as select {_names(mart.key)} from {_live(mart.name)} limit 0"
            )
            keys = {name: columns[name] for name in mart.key}
            _copy(job, f"(select {_names(keys)} from changed where was_there)", keys, _GOING)
            job.pg.execute(f"analyze {_GOING}")
            deleted = job.pg.execute(
                f"delete from {_live(mart.name)} as t using {_GOING} as g where {_same(mart, 't', 'g')}"
            ).rowcount
            job.pg.execute(f"drop table {_GOING}")
        if deleted != going:
            raise BrokenPromise
    if coming:
        joined = " and ".join(f"n.{sql_name(k)} is not distinct from c.{sql_name(k)}" for k in mart.key)
        rows = f"(select n.* from {new} as n semi join (from changed where is_there) as c on {joined})"
        if coming != _copy(job, rows, columns, _live(mart.name)):
            raise BrokenPromise
    if job.value(f"select count(*) from {_live(mart.name)}") != mart.rows:
        raise BrokenPromise
    return Moved(mart.name, CHANGES, mart.rows, coming, coming, going)


def _compare_all(job: _Job, mart: Mart) -> Moved:
    """Send all rows to a table aside; the server finds those that differ."""
    columns = job.columns_in("new", mart.name)
    live = _live(mart.name)
    if not mart.key:
        deleted = job.pg.execute(f"delete from {live}").rowcount
        sent = _copy(job, relation("new", mart.name), columns, live)
        return Moved(mart.name, COMPARED, mart.rows, sent, sent, deleted)
    job.pg.execute(f"create unlogged table {_COMING} (like {live})")
    sent = _copy(job, relation("new", mart.name), columns, _COMING)
    job.pg.execute(f"analyze {_COMING}")
    row = f"({_names(columns, 's.')}) is not distinct from ({_names(columns, 't.')})"
    deleted = job.pg.execute(
        f"delete from {live} as t where not exists"
        f" (select from {_COMING} as s where {_same(mart, 's', 't')} and {row})"
    ).rowcount
    written = job.pg.execute(
        f"insert into {live} ({_names(columns)}) select {_names(columns)} from {_COMING} as s"
        f" where not exists (select from {live} as t where {_same(mart, 's', 't')})"
    ).rowcount
    job.pg.execute(f"drop table {_COMING}")
    if job.value(f"select count(*) from {live}") != mart.rows:
        raise PublishError(
            f"{mart.name}: the server would hold other rows than the file; nothing was changed"
        )
    return Moved(mart.name, COMPARED, mart.rows, sent, written, deleted)


# --- what people see ---


def _describe_tables(job: _Job) -> None:
    """Comments and rights, where they are not yet as they should be."""
    for table, mart in job.marts.items():
        target = _waiting(table) if table in job.rebuilt else _live(table)
        known = dict(
            job.rows(
                "select objsubid, description from pg_description where objoid = %s::regclass"
                " and classoid = 'pg_class'::regclass",
                [target],
            )
        )
        numbers = dict(
            job.rows(
                "select attname, attnum from pg_attribute where attrelid = %s::regclass and attnum > 0",
                [target],
            )
        )
        if known.get(0) != (mart.comment or None):
            job.pg.execute(f"comment on table {target} is {_literal(mart.comment)}")
        for column in mart.columns:
            if known.get(numbers[column.name]) != (column.comment or None):
                job.pg.execute(
                    f"comment on column {target}.{sql_name(column.name)} is {_literal(column.comment)}"
                )
        # Rights on single columns too; a right to grant is more than a reader needs.
        reads, more, public = job.rows(
            "with rights as (select a.* from pg_class, aclexplode(relacl) as a where oid = %(table)s::regclass"
            " union all select a.* from pg_attribute, aclexplode(attacl) as a where attrelid = %(table)s::regclass)"
            " select has_table_privilege(%(reader)s, %(table)s::regclass, 'select'),"
            " coalesce(bool_or(grantee = %(reader)s::regrole"
            " and (privilege_type <> 'SELECT' or is_grantable)), false),"
            " coalesce(bool_or(grantee = 0), false) from rights",
            {"reader": READER, "table": target},
        )[0]
        if public:
            job.pg.execute(f"revoke all on {target} from public")
        if more:
            job.pg.execute(f"revoke all on {target} from {READER} cascade")
        if more or public or not reads:
            job.pg.execute(f"grant select on {target} to {READER}")
    job.pg.execute(
        f"comment on schema {MARTS} is "
        + sql_string(
            f"PAR INDEX: số liệu đến ngày {job.version.as_of:%d/%m/%Y} | figures as of {job.version.as_of}"
            f" (version {job.version.version})"
        )
    )


def _literal(text: str | None) -> str:
    return sql_string(text.replace("\0", "")) if text else "null"


def _foreign_keys_here(job: _Job) -> set[tuple[str, str]]:
    return set(
        job.rows(
            "select c.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid"
            " where k.contype = 'f' and k.connamespace = %s::regnamespace",
            [MARTS],
        )
    )


def _swap(job: _Job, patience: float, courtesy: float) -> None:
    """Rebuilt tables take their places; foreign keys tie the tables again."""
    leaving = {*job.rebuilt, *job.dropped}
    untied = [  # foreign keys between a table that stays and one that goes
        (mart.name, key)
        for mart in job.marts.values()
        for key in mart.foreign_keys
        if mart.name in job.present and mart.name not in leaving and key.other in leaving
    ]
    here = _foreign_keys_here(job)
    structural = sorted(leaving | {table for table, _ in untied})
    _wait_for_readers(job, structural, sorted({*job.changed} - {*structural}), patience, courtesy)
    for table, name in here:
        if table in leaving or any(table == mart and name == _fk_name(mart, key) for mart, key in untied):
            job.pg.execute(f"alter table {_live(table)} drop constraint {sql_name(name)}")
    if leaving:
        job.pg.execute(f"drop table {', '.join(_live(table) for table in sorted(leaving))}")
    for table in job.rebuilt:
        job.pg.execute(f"alter table {_waiting(table)} set schema {MARTS}")
    here = _foreign_keys_here(job)
    for mart in job.marts.values():
        for key in mart.foreign_keys:
            if (mart.name, _fk_name(mart.name, key)) not in here:
                _tie(job, mart.name, key)


def _fk_name(table: str, key: ForeignKey) -> str:
    return name_of(table, key.column, "fkey")


def _tie(job: _Job, table: str, key: ForeignKey) -> None:
    # Not validated yet: that reads the whole table, and readers may be waiting. Deferred, so that rows may be
    # replaced in any order.
    state = "deferrable initially deferred not valid" if key.enforced else "not enforced"
    job.pg.execute(
        f"alter table {_live(table)} add constraint {sql_name(_fk_name(table, key))} foreign key"
        f" ({sql_name(key.column)}) references {_live(key.other)} ({sql_name(key.other_column)}) {state}"
    )


def _wait_for_readers(
    job: _Job, needed: list[str], wished: list[str], patience: float, courtesy: float
) -> None:
    """Find a moment without readers. Each try is over in an instant, so that readers hardly wait for it."""
    started = time.monotonic()
    while needed or wished:
        try:
            with job.pg.transaction():
                job.pg.execute("set local statement_timeout = '150ms'")
                tables = ", ".join(_live(table) for table in [*needed, *wished])
                job.pg.execute(f"lock table {tables} in access exclusive mode")
                job.pg.execute("set local statement_timeout = 0")
            return
        except (
            psycopg.errors.QueryCanceled,
            psycopg.errors.LockNotAvailable,
            psycopg.errors.DeadlockDetected,
        ):
            waited = time.monotonic() - started
            if waited > courtesy:
                wished = []
            if needed and waited > patience:
                raise PublishError(
                    f"the columns of {', '.join(needed)} change, and these readers held on to them for"
                    f" {patience:.0f} s: {_holders(job, needed)}."
                    " End them (`select pg_terminate_backend(PID);`) or run again later;"
                    " readers keep the old night"
                ) from None
            if needed:
                job.tell(f"waiting for readers of {', '.join(needed)}")
            time.sleep(random.uniform(0.05, 0.3) if waited < 30 else 2)


def _holders(job: _Job, tables: list[str]) -> str:
    holders = job.rows(
        "select distinct a.pid, a.usename, a.application_name,"
        " date_trunc('second', clock_timestamp() - a.xact_start)::text"
        " from pg_locks l join pg_stat_activity a using (pid)"
        " where l.relation = any(%s::text[]::regclass[]::oid[]) and a.pid <> pg_backend_pid()",
        [[_live(table) for table in tables]],
    )
    return (
        ", ".join(f"pid {pid} ({user} {app} since {since})" for pid, user, app, since in holders) or "unknown"
    )


# --- after ---


def _afterwards(job: _Job, moved: list[Moved]) -> None:
    """When the night is out: validate foreign keys, clear what was deleted. Nothing here can fail it."""
    # lock_timeout and the like were set for the transaction only.
    enforced = "and k.conenforced" if job.pg.info.server_version >= 180000 else ""
    try:
        job.pg.execute("set lock_timeout = '2s'")
        job.pg.execute("set statement_timeout = 0")
        for table, name in job.rows(
            "select c.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid"
            f" where k.contype = 'f' and not k.convalidated {enforced} and k.connamespace = %s::regnamespace",
            [MARTS],
        ):
            job.pg.execute(f"alter table {_live(table)} validate constraint {sql_name(name)}")
        for change in moved:
            # A small share is left to the server's own autovacuum.
            if change.table in job.changed and change.deleted + change.sent > change.rows / 20:
                job.tell(f"vacuum {change.table}")
                # Truncating would lock readers out for a moment.
                job.pg.execute(f"vacuum (analyze, truncate false) {_live(change.table)}")
    except psycopg.Error as error:
        job.warnings.append(f"published, but its tidying up stopped: {str(error).splitlines()[0]}")


__all__ = ["READER", "Moved", "PublishError", "PublishedTo", "publish_to"]
