"""Small made-up nights with the shapes of the marts, written by SQL and published to a home as versions."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import duckdb

from warehouse.publish import Version, swap_in, versions, versions_folder, write_version
from warehouse.settings import Settings

FIRST = date(2024, 11, 29)
NASTY = "Tab\there, line\nbreak\r, back\\slash, \\N, \\., \"quotes\", 'single', NUL\0, Đường số 1; = + @"

# {day}: day of the figures; {rows}: dossiers; {agencies}: number of agencies.
TABLES = """
create schema marts;
create table marts.dim_agency as
    select 'A' || lpad(i::varchar, 3, '0') || v as agency_key, 'A' || lpad(i::varchar, 3, '0') as agency_code,
        'Ủy ban nhân dân xã ' || i as agency_name, 'xa' as level, 'H62' as parent_code,
        null::varchar as successor_code, date '2020-01-01' + v::integer * 1000 as valid_from, null::date as valid_to,
        v = 1 as is_current, v = 1 as is_latest
    from range({agencies}) as a(i), range(2) as w(v);
create table marts.dim_procedure as
    select 'P' || i as procedure_code, 'Thủ tục ' || i as procedure_name from range(5) as p(i);
create table marts.dim_target as
    select 'T' || i as target_id, date '2024-01-01' as valid_from, 'Chỉ tiêu ' || i as target_name,
        90.5::double as target_value from range(3) as t(i);
create table marts.fct_dossier as
    select 'H62.' || lpad(i::varchar, 7, '0') as dossier_code,
        'P' || (i % 6) as procedure_code,  -- P5 is in no catalogue
        'A' || lpad((i % {agencies})::varchar, 3, '0') as agency_code,
        timestamp '2024-01-01 08:00:00' + to_minutes((i * 7)::integer) as received_at,
        (date '2024-01-01' + (i % 300)::integer) as received_on,
        case when i % 3 > 0 then date '2024-02-01' + (i % 200)::integer end as finished_on,
        case when i % 3 > 0 then 'resolved' else 'in_process' end as count_class,
        i % 3 > 0 as is_resolved, (i * 1000.5)::decimal(24, 6) as fee_amount, (i % 5)::bigint as satisfaction,
        case when i = 0 then '{nasty}' when i % 4 = 0 then null else 'ghi chú ' || i end as note
    from range({rows}) as d(i);
create table marts.fct_indicator as
    select md5(target_id || agency_code) as indicator_key, date '{day}' as as_of_date, target_id,
        'headline' as variant, true as is_headline, agency_code,
        case agency_code when 'H62' then 'toan_tinh' else 'xa' end as level, 'ytd' as period_kind,
        date '2024-01-01' as period_start, '%' as unit, ({rows} * 0.9)::double as numerator,
        {rows}::double as denominator, 90 + {rows} / 1e6 as value, 90 + {rows} / 1e6 >= 90.5 as meets_target
    from marts.dim_target, (select 'H62' as agency_code union all select distinct agency_code from marts.dim_agency);
create table marts.fct_check_result as
    select 'c' || i as check_id, case when i % 2 = 0 then 'd' || i end as delivery_id, true as passed,
        timestamp '{day} 01:00:00' as checked_at
    from range(20) as c(i);
create table marts.rpt_free as  -- a table without a known key, and of types that need care
    select date '{day}' as as_of_date, [1, 2]::integer[] as list, {{'a': 'x', 'b': 1}} as record, encode('é') as bytes,
        1.5::float as small, 'nan'::double as nothing, time '01:02:03' as hour, 9::utinyint as tiny,
        timestamptz '2024-01-01 00:00:00+07' as moment;
comment on table marts.fct_dossier is 'Hồ sơ thủ tục hành chính | Dossiers';
comment on column marts.fct_dossier.dossier_code is 'Mã hồ sơ | Dossier''s code, "quoted" 100%';
comment on column marts.fct_indicator.value is 'Giá trị | Value';
"""


class Nights:
    """A home into which nights are published one after the other."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.store = store
        self.settings = Settings(folder, folder / "inbox").create()
        self.count = 0

    # The same night is made once for all tests.
    made: ClassVar[dict[tuple, Path]] = {}

    def publish(
        self, *, rows: int = 300, agencies: int = 5, day: date | None = None, change: str = "", then: str = ""
    ) -> Version:
        """A new version: the tables of a night of a day (the next one), then further SQL upon them."""
        day = day or FIRST + timedelta(days=self.count)
        asked = (self.count, rows, agencies, day, change, then)
        if asked in self.made:
            made = self.made[asked]
            shutil.copytree(made, versions_folder(self.settings) / made.name)
            version = versions(self.settings)[-1]
            return self._next(version)
        path = self.settings.home / "made.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            nasty = NASTY.replace("'", "''").replace("\0", "' || chr(0) || '")
            connection.execute(TABLES.format(rows=rows, agencies=agencies, day=day, nasty=nasty))
            if change or then:
                connection.execute(change + ";" + then)
        version = write_version(
            self.settings, path, day, datetime(2024, 12, 1, 1) + timedelta(hours=self.count)
        )
        self.made[asked] = self.store / str(len(self.made)) / version.version
        shutil.copytree(version.folder, self.made[asked])
        return self._next(version)

    def _next(self, version: Version) -> Version:
        swap_in(self.settings, version)
        self.count += 1
        return version

    def forget(self, version: Version) -> None:
        shutil.rmtree(version.folder)
