"""The files that every contender reads: a year of plain CSV in the vendors' layouts, and the deliveries of the days after.

A hand-written script can read only good files, so the sample's planted faults are taken out: a first night over the sample
says which rows landed. Everything after that is DuckDB SQL over these files.
"""

from __future__ import annotations

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.contenders import ours
from benchmarks.measure import measured

AS_OF = date(2024, 11, 30)
CATALOGUES = ("agencies", "procedures", "agency_procedures")
BULK = {
    "dossiers": ("tthc/*/dossiers_2024_p*.csv", {"dossier_code": "Mã hồ sơ"}, ";"),
    "documents": (
        "document_office/*/documents_p*.csv",
        {name: name for name in ("document_code", "agency_code", "direction")},
        ",",
    ),
}
# What a working day brings, as shares of the dossiers known: those that went on, and new ones.
CHANGED, NEW = 0.007, 0.003
_IN_BULK = 0.86  # of a sample's dossiers; the others stand in the small files of its last weeks
RESENT_CHANGED = 50  # one in so many dossiers of the month that is sent again


def prepare(folder: Path, inbox: Path, dossiers: int) -> None:
    """Write an inbox of about as many dossiers; `folder` takes what is needed on the way."""
    from sources.sample import write_sample

    sample, dirty, home = (folder / name for name in ("sample", "dirty", "dirty-home"))
    write_sample(sample, dossiers=round(dossiers / _IN_BULK), as_of=AS_OF)
    patterns = [pattern for pattern, *_ in BULK.values()] + [f"tthc/*/{table}*" for table in CATALOGUES]
    for file in [file for pattern in patterns for file in sample.glob(pattern)]:
        target = dirty / file.relative_to(sample)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    shutil.rmtree(sample)
    measured(ours.command(dirty, AS_OF), ours.environment(home))
    write_good_rows(dirty, home / "warehouse.duckdb", inbox)
    shutil.rmtree(home)
    shutil.rmtree(dirty)


def write_good_rows(dirty: Path, warehouse: Path, inbox: Path) -> None:
    """The bulk files of `dirty` without the rows that did not land, and the catalogues as they are on the day.

    Of a key that occurs twice one row may have been rejected, and which one only the night knows: such keys are left out.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table, (pattern, key, delimiter) in BULK.items():
            files = sorted(dirty.glob(pattern))
            good = ", ".join(f'{column} as "{header}"' for column, header in key.items())
            headers = ", ".join(f'"{header}"' for header in key.values())
            source = pattern.partition("/")[0]
            connection.execute(f"""
                create or replace temp table good as
                from (select {good}, _file_name as file_name from landing.{source}__{table})
                semi join (
                    select {headers} from {_as_written(files, delimiter)} group by all having count(*) = 1
                ) using ({headers})
            """)
            for file in files:
                target = inbox / file.relative_to(dirty)
                target.parent.mkdir(parents=True, exist_ok=True)
                connection.execute(f"""
                    copy (
                        from {_as_written([file], delimiter)}
                        semi join (from good where file_name = '{file.name}') using ({headers})
                    ) to '{target}' (delimiter '{delimiter}', header true)
                """)
        day = inbox / "tthc" / AS_OF.isoformat()
        day.mkdir(parents=True, exist_ok=True)
        for table in CATALOGUES:
            lineage = "delivered_on, file_name, sheet_no, row_number_in_file"
            connection.execute(
                f"copy (select * exclude ({lineage}) from staging.stg_tthc__{table}) to '{day / table}.csv' (header true)"
            )


def _as_written(files: list[Path], delimiter: str) -> str:
    """SQL of the rows of CSV files as text, those passed by that no reader could tell the columns of."""
    names = ", ".join(f"'{file}'" for file in files)
    return (
        f"read_csv([{names}], all_varchar = true, delim = '{delimiter}', header = true, quote = '\"', escape = '\"',"
        " ignore_errors = true, strict_mode = false)"
    )


_LATEST = """
    from read_csv('{inbox}/tthc/*/dossiers_*.csv', all_varchar = true, delim = ';', header = true, quote = '"', escape = '"',
        filename = true, union_by_name = true)
    select * exclude (filename)
    qualify row_number() over (partition by "Mã hồ sơ" order by filename desc) = 1
"""

_ORDINARY = """
copy (
    with known as ({latest}),
    changed as (
        select * replace (
            '10' as "Trạng thái hồ sơ",
            '{day} 15:30:00' as "Ngày kết thúc xử lý",
            '{day} 16:00:00' as "Ngày trả kết quả",
            '{day} 16:00:00' as "Cập nhật lúc"
        )
        from known
        where "Trạng thái hồ sơ" in ('2', '4')
        order by hash("Mã hồ sơ")
        limit {changed}
    ),
    fresh as (
        select * replace (
            regexp_replace("Mã hồ sơ", '-[0-9]+-[0-9]+$', '') || '-{short}-'
                || lpad((row_number() over (order by hash("Mã hồ sơ", 1)))::varchar, 5, '0') as "Mã hồ sơ",
            '{day} 08:15:00' as "Ngày nộp",
            '{day} 08:30:00' as "Ngày tiếp nhận",
            '{due} 17:00:00' as "Ngày hẹn trả",
            '2' as "Trạng thái hồ sơ",
            '0' as "Số lần yêu cầu bổ sung",
            'Không' as "Có kết quả điện tử",
            '{day} 08:30:00' as "Cập nhật lúc",
            null as "Ngày hẹn trả ban đầu", null as "Ngày yêu cầu bổ sung", null as "Ngày nhận bổ sung",
            null as "Ngày kết thúc xử lý", null as "Ngày trả kết quả", null as "Ngày xin lỗi", null as "Mức độ hài lòng"
        )
        from known
        where "Trạng thái hồ sơ" in ('9', '10')
        order by hash("Mã hồ sơ", 1)
        limit {fresh}
    )
    from changed union all from fresh
) to '{target}' (delimiter ';', header true)
"""

_ORDINARY_DOCUMENTS = """
copy (
    from read_csv('{inbox}/document_office/*/documents_*.csv', all_varchar = true)
    select * replace (
        'VB' || '{short}' || '.' || row_number() over (order by hash(document_code, agency_code, direction)) as document_code,
        '{iso}' as issued_on,
        '{iso}T09:00:00+07:00' as registered_at
    )
    where direction in ('in', 'out')
    order by hash(document_code, agency_code, direction)
    limit {documents}
) to '{target}' (header true)
"""

_RESENT = """
copy (
    from ({latest})
    select * replace (
        if(hash("Mã hồ sơ", 2) % {one_in} = 0, 'Có', "Thanh toán trực tuyến") as "Thanh toán trực tuyến",
        if(hash("Mã hồ sơ", 2) % {one_in} = 0, 'Có', "Đồng bộ Cổng DVCQG") as "Đồng bộ Cổng DVCQG",
        if(hash("Mã hồ sơ", 2) % {one_in} = 0, "Số thành phần hồ sơ", "Số thành phần đã số hóa") as "Số thành phần đã số hóa",
        if(hash("Mã hồ sơ", 2) % {one_in} = 0, '{day} 18:00:00', "Cập nhật lúc") as "Cập nhật lúc"
    )
    where strftime(try_strptime("Ngày tiếp nhận", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']), '%Y-%m') = '{month}'
) to '{target}' (delimiter ';', header true)
"""


def deliver_a_day(inbox: Path, day: date) -> None:
    """A working day: some open dossiers were finished, some are new, and a day's documents."""
    with duckdb.connect() as connection:
        count = connection.execute(f"select count(*) from ({_LATEST.format(inbox=inbox)})").fetchall()[0][0]
        names = {
            "inbox": inbox,
            "latest": _LATEST.format(inbox=inbox),
            "iso": day.isoformat(),
            "day": f"{day:%d/%m/%Y}",
            "due": f"{day + timedelta(days=7):%d/%m/%Y}",
            "short": f"{day:%y%m%d}",
            "changed": round(count * CHANGED),
            "fresh": round(count * NEW),
            "documents": round(count * NEW),
        }
        target = _target(inbox, "tthc", day, "dossiers_2024_ngay.csv")
        connection.execute(_ORDINARY.format(target=target, **names))
        target = _target(inbox, "document_office", day, "documents_ngay.csv")
        connection.execute(_ORDINARY_DOCUMENTS.format(target=target, **names))


def deliver_a_month_again(inbox: Path, day: date, month: str) -> None:
    """All dossiers received in a month (YYYY-MM) as they stand, a few of them corrected."""
    with duckdb.connect() as connection:
        connection.execute(
            _RESENT.format(
                latest=_LATEST.format(inbox=inbox),
                month=month,
                day=f"{day:%d/%m/%Y}",
                one_in=RESENT_CHANGED,
                target=_target(inbox, "tthc", day, "dossiers_2024_sua.csv"),
            )
        )


def _target(inbox: Path, source: str, day: date, name: str) -> Path:
    folder = inbox / source / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def link(inbox: Path, target: Path) -> None:
    """The same files in another folder, without copying them."""
    shutil.copytree(inbox, target, copy_function=os.link)


def catalogues_only(inbox: Path, target: Path) -> None:
    """The inbox of the smallest night: catalogues, and not one dossier."""
    day = AS_OF.isoformat()
    (target / "tthc" / day).mkdir(parents=True)
    for table in CATALOGUES:
        os.link(inbox / "tthc" / day / f"{table}.csv", target / "tthc" / day / f"{table}.csv")
