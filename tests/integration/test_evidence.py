"""Evidence on the night of the sample: rows add up to every published figure, and the workbook says so."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import duckdb
import openpyxl
import pytest
import yaml

from orchestration.evidence import (
    EvidenceError,
    EvidenceNight,
    Mismatch,
    NoFigure,
    UnknownName,
    figures,
    open_evidence,
    words,
    workbook,
    write_evidence,
)
from orchestration.evidence import night as open_night
from orchestration.evidence.night import _is_of
from sources.contract import load_contracts
from tests.conftest import SAMPLE_DAY, parindex
from tests.evidence_sums import differences
from tests.plan import seed, targets_in_force
from warehouse import publish
from warehouse.landing import landed_file
from warehouse.ledger import HELD_BACK, Delivery, Ledger
from warehouse.settings import Settings

PROVINCE = "H62"


def by_id(entry: Delivery) -> str:
    return entry.delivery_id


def settings_of(home: Path) -> Settings:
    return Settings(home=home, inbox=home / "inbox").create()


@pytest.fixture(scope="module")
def evidence(night: Path) -> Iterator[EvidenceNight]:
    with open_evidence(settings_of(night)) as opened:
        yield opened


@pytest.fixture(scope="module")
def disagreements(evidence: EvidenceNight) -> list[str]:
    return differences(evidence.connection, "published.marts", PROVINCE)


def test_the_warehouse_of_the_published_night_is_used(evidence: EvidenceNight) -> None:
    assert _is_of(evidence.settings, evidence.settings.warehouse, evidence.version)
    assert evidence.as_of == SAMPLE_DAY


@pytest.mark.parametrize(
    "change",
    [
        "fct_indicator set value = value + 1 where target_id = '1.1'",
        "fct_delivery set file_name = 'another.csv'",
    ],
)
def test_a_warehouse_of_other_figures_or_of_other_files_is_not_the_published_one(
    change: str, evidence: EvidenceNight, tmp_path: Path
) -> None:
    """Other files may give the same figures; the rows and the files of the cover would be theirs all the same."""
    path = tmp_path / "warehouse.duckdb"
    shutil.copyfile(evidence.settings.warehouse, path)
    assert open_night._is_of(evidence.settings, path, evidence.version)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"update marts.{change}")
    assert not open_night._is_of(evidence.settings, path, evidence.version)


@pytest.mark.parametrize(
    "target_id",
    targets_in_force(SAMPLE_DAY),
)
def test_rows_add_up_to_every_published_figure(target_id: str, disagreements: list[str], evidence) -> None:
    """Headline and further readings, the province and every agency, year to date."""
    one = figures.target(evidence, target_id)
    figures.figure(evidence, one, one.headline_variant, PROVINCE)  # it is published
    assert [line for line in disagreements if line.startswith(f"{target_id} ")] == []


def test_nothing_else_disagrees(disagreements: list[str]) -> None:
    assert disagreements == []


def test_every_measured_target_has_rows(evidence: EvidenceNight) -> None:
    measured = 0
    for target_id in figures.target_ids(evidence):
        one = figures.target(evidence, target_id)
        found = figures.figure(evidence, one, one.headline_variant, PROVINCE)
        if found.numerator or found.denominator:
            measured += 1
            assert figures.sums(evidence, one, one.headline_variant, None).rows > 0, target_id
    assert measured > 80


def test_a_row_stands_once_behind_a_figure(evidence: EvidenceNight) -> None:
    for family in words.families():
        twice = evidence.connection.execute(
            f"select target_id, variant, agency_code, record_key from evidence.ev_{family}"
            " group by all having count(*) > 1 limit 5"
        ).fetchall()
        assert twice == [], family
        blank = evidence.connection.execute(
            f"select count(*) from evidence.ev_{family} where record_key is null or why is null"
        ).fetchall()
        assert blank == [(0,)], family


def test_every_view_has_the_common_columns_and_described_ones(evidence: EvidenceNight) -> None:
    models = {
        model["name"]: [column["name"] for column in model["columns"]]
        for model in yaml.safe_load(words.VIEWS.read_text(encoding="utf-8"))["models"]
    }
    found: dict[str, list[str]] = {}
    for view, column in evidence.connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'evidence'"
        " order by column_index"
    ).fetchall():
        found.setdefault(view, []).append(column)
    assert found == models
    for names in found.values():
        assert tuple(names[: len(figures.COMMON)]) == figures.COMMON


def test_a_row_names_the_sheet_it_stands_in(evidence: EvidenceNight) -> None:
    """Landing counts sheets from 0, people from 1: every view adds one, once."""
    places = "delivered_on, file_name, row_number_in_file"
    landed = " union ".join(
        f"select {places}, sheet_no from {schema}.{name}"
        for schema, name in evidence.connection.execute(
            "select distinct schema_name, table_name from duckdb_columns()"
            " where database_name = current_database() and column_name = 'sheet_no'"
            " and (schema_name = 'staging' or table_name = 'fct_dossier')"
        ).fetchall()
    )
    counted = 0
    for family in words.families():
        shown = (
            f"select {places}, sheet_no - 1 as sheet_no from evidence.ev_{family} where file_name is not null"
        )
        wrong = evidence.connection.execute(f"{shown} except ({landed}) limit 3").fetchall()
        assert wrong == [], family
        counted += evidence.connection.execute(f"select count(*) from ({shown})").fetchone()[0]
    assert counted > 10_000


def test_a_workbook_says_sheet_1_of_a_file_of_text_and_the_sheets_of_a_workbook(
    evidence: EvidenceNight, tmp_path: Path, sample_inbox: Path
) -> None:
    (delivered,) = sample_inbox.rglob("dossiers_mot-cua.xlsx")
    book = openpyxl.load_workbook(delivered, read_only=True)
    filled = {
        at for at, sheet in enumerate(book.worksheets, start=1) if sum(1 for _ in sheet.iter_rows()) > 20
    }
    book.close()
    assert len(filled) > 1 and 1 not in filled  # a note comes first
    found: dict[str, set[int]] = {}
    for target_id in ("3.3.1a", "3.4.1", "3.4.2", "3.4.3"):
        write_evidence(evidence, target_id, path := tmp_path / f"{target_id}.xlsx")
        heading, *rows = cells(path, "Dòng chi tiết")
        file, sheet = heading.index("Tệp nguồn"), heading.index("Trang tính")
        for row in rows:
            found.setdefault(row[file], set()).add(row[sheet])
    assert found["agency_procedures.csv"] == {1} == found["dossiers_DVCQG.json"]
    assert found[delivered.name] == filled


def test_tables_named_for_a_view_are_those_it_reads() -> None:
    """The seed family_table against the lineage that dbt knows."""
    from orchestration import dbt

    manifest = dbt.manifest()

    def sources_of(node_id: str) -> set[str]:
        if node_id.startswith("source."):
            source = manifest["sources"][node_id]
            if source["source_name"] == "carried":  # evidence is built whole: nothing is carried over
                return set()
            return {f"{source['source_name']}.{source['name'].removesuffix('_new')}"}
        node = manifest["nodes"][node_id]
        return set().union(*(sources_of(parent) for parent in node["depends_on"].get("nodes", [])))

    for model in yaml.safe_load(words.VIEWS.read_text(encoding="utf-8"))["models"]:
        named = {
            f"{row['source']}.{row['table_name']}"
            for row in seed("family_table")
            if f"ev_{row['family']}" == model["name"]
        }
        assert named == sources_of(f"model.par_index.{model['name']}"), model["name"]


def cells(path: Path, sheet: str) -> list[tuple]:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        return list(book[sheet].iter_rows(values_only=True))
    finally:
        book.close()


def cover_of(path: Path) -> dict[str, str]:
    return {row[0]: row[1] for row in cells(path, "Bìa") if row[0] and row[1]}


def test_the_workbook_shows_the_published_figure_and_all_its_rows(
    evidence: EvidenceNight, tmp_path: Path
) -> None:
    path = tmp_path / "3.4.1.xlsx"
    written = write_evidence(evidence, "3.4.1", path)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["3.4.1.xlsx"]
    shown = cover_of(path)
    assert shown["Chỉ tiêu"].startswith("3.4.1. ")
    assert "Nghị định 61/2018/NĐ-CP" in shown["Căn cứ pháp lý"]
    assert "Tử số: " in shown["Công thức"] and "Numerator: " in shown["Formula (English)"]
    assert shown["Kết quả"] == figures.verdict_text(written.figure)
    (reason,) = evidence.connection.execute(
        "select status_reason from published.marts.rpt_scorecard where target_id = '3.4.1'"
    ).fetchone()
    assert shown["Trên bảng điểm"] == reason
    assert "phụ" not in shown["Cách tính"] and "Dòng bị loại" not in shown
    assert "khớp số công bố" in shown["Đối chiếu từng dòng"]
    assert "95%" in shown["Kế hoạch có chỗ chưa thống nhất"]
    text = " ".join(str(cell) for row in cells(path, "Bìa") for cell in row if cell)
    assert "NGƯỜI LẬP BIỂU" in text and "THỦ TRƯỞNG CƠ QUAN" in text
    hashes = evidence.connection.execute(
        "select content_hash from published.marts.fct_delivery"
        " where source = 'tthc' and table_name = 'dossiers'"
    ).fetchall()
    assert hashes and all(digest in text for (digest,) in hashes)
    heading, *rows = cells(path, "Dòng chi tiết")
    assert len(rows) == written.rows
    assert sum(row[heading.index("Cộng vào tử số")] for row in rows) == written.figure.numerator
    assert sum(row[heading.index("Cộng vào mẫu số")] for row in rows) == written.figure.denominator
    assert all(isinstance(row[heading.index("Ngày tính")], datetime) for row in rows)
    assert any("10 – " in str(cell) for cell in rows[0]), "a code with what it means"
    assert len(cells(path, "Số liệu")) > 100
    assert len(cells(path, "Bị loại")) == written.rejected + 1 > 1
    assert not any(" | " in str(row[7]) for row in cells(path, "Bị loại")), "in Vietnamese alone"


def test_rows_stand_by_agency_day_and_key_in_columns_that_are_filled(evidence: EvidenceNight) -> None:
    for target_id in ("1.1", "3.4.1", "6.1.1", "7.2.1a", "8.3.3"):
        one = figures.target(evidence, target_id)
        found = figures.counted_rows(evidence, one, one.headline_variant, None)
        rows = [row for batch in found.batches for row in batch]
        agency, day, key = map(found.columns.index, ("agency_code", "event_on", "record_key"))
        places = [(row[agency], row[day] is None, row[day] or date.min, row[key]) for row in rows]
        assert places == sorted(places), target_id
        details = [at for at, name in enumerate(found.columns) if name not in figures.COMMON]
        assert all(any(row[at] is not None for row in rows) for at in details), target_id


def test_one_agency_and_one_reading(evidence: EvidenceNight, tmp_path: Path) -> None:
    agency = evidence.connection.execute(
        "select agency_code from published.marts.fct_indicator"
        " where target_id = '3.4.2' and variant = 'B' and period_kind = 'ytd' and level = 'huyen' limit 1"
    ).fetchall()[0][0]
    path = tmp_path / "b.xlsx"
    written = write_evidence(evidence, "3.4.2", path, agency=agency, variant="B")
    heading, *rows = cells(path, "Dòng chi tiết")
    assert {row[heading.index("Mã đơn vị")] for row in rows} == {agency}
    assert sum(row[heading.index("Cộng vào mẫu số")] for row in rows) == written.figure.denominator
    assert {row[2] for row in cells(path, "Số liệu")[1:]} == {agency}
    shown = cover_of(path)
    assert "766" in shown["Công thức"] and "không dùng để kết luận" in shown["Cách tính"]
    assert "Trên bảng điểm" not in shown and "mọi đơn vị" in shown["Dòng bị loại"]
    write_evidence(evidence, "3.4.2", path, variant="B")
    assert "Trên bảng điểm" not in cover_of(path), "which tells of the main reading"


def test_of_a_file_known_before_all_good_rows_are_told_as_used(evidence: EvidenceNight) -> None:
    targets = [figures.target(evidence, target_id) for target_id in ("1.1", "3.4.1", "6.1.1")]
    told = [one for of in targets for one in figures.deliveries(evidence, of, of.headline_variant)]
    assert "unchanged" in {one["outcome"] for one in told}
    for one in told:
        assert one["rows_in_file"] == one["rows_loaded"] + one["rows_quarantined"], one["file_name"]


def test_a_number_of_pieces_is_asked_of_the_province_as_a_whole(evidence: EvidenceNight) -> None:
    count, rate = figures.target(evidence, "6.3.1"), figures.target(evidence, "3.4.1")
    assert (count.measure_kind, rate.measure_kind) == ("count", "percent")
    assert [one.verdict(False, code) for one in (count, rate) for code in (PROVINCE, "H62.1")] == [
        *(False, None, False, False)
    ]


@pytest.mark.parametrize(
    ("value", "meets", "told"),
    [
        (None, None, "Chưa có số liệu"),
        (5.0, None, "Không kết luận"),
        (5.0, True, "Đạt"),
        (0.0, False, "Chưa đạt"),
    ],
)
def test_a_verdict_in_words(value, meets, told: str) -> None:
    assert figures.verdict_text(figures.Figure(None, None, value, meets)) == told


def test_what_the_scorecard_judges_no_more_is_not_missing() -> None:
    """Of a level without agencies nobody has data to deliver."""
    none = figures.Figure(None, None, None, None)
    assert figures.verdict_text(none, figures.Scored("not_applicable", None)) == "Không đánh giá"
    assert figures.verdict_text(none, figures.Scored("no_data", None)) == "Chưa có số liệu"


def test_targets_stand_in_the_order_of_the_plan() -> None:
    ids = ["10.1", "2.10", "2.9b", "2.9a", "2.9"]
    assert sorted(ids, key=figures._plan_order) == ["2.9", "2.9a", "2.9b", "2.10", "10.1"]


def test_rows_beyond_a_sheet_go_to_the_next(evidence: EvidenceNight, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", 50)
    path = tmp_path / "split.xlsx"
    written = write_evidence(evidence, "3.5.1", path)
    names = [
        name
        for name in openpyxl.load_workbook(path, read_only=True).sheetnames
        if name.startswith("Dòng chi tiết")
    ]
    assert len(names) == -(-written.rows // 50) > 1
    assert {len(cells(path, name)) - 1 for name in names[:-1]} == {50}
    keys = [row[1] for name in names for row in cells(path, name)[1:]]
    assert len(keys) == len(set(keys)) == written.rows


@pytest.mark.parametrize(("rows", "sheets"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_a_sheet_that_is_just_full_has_no_empty_one_behind_it(
    rows: int, sheets: int, tmp_path: Path, monkeypatch
) -> None:
    import xlsxwriter

    assert workbook.ROWS_PER_SHEET < 1_048_576, "what Excel holds, with the headings"
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", 2)
    path = tmp_path / "full.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        batches = iter([[(number,) for number in range(rows)]])
        workbook._write_table(book, workbook.Formats.of(book), "x", ["h"], [10], batches)
    names = openpyxl.load_workbook(path, read_only=True).sheetnames
    assert names == ["x", "x (2)", "x (3)"][:sheets]
    assert [row[0] for name in names for row in cells(path, name)[1:]] == list(range(rows))


def test_no_cell_is_live(evidence: EvidenceNight, tmp_path: Path) -> None:
    """Texts that begin with = + - @ or look like links stay texts."""
    import xlsxwriter

    path = tmp_path / "live.xlsx"
    texts = ["=1+1", "+84", "-1", "@x", "http://example.org", '=HYPERLINK("x")', "1234"]
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        formats = workbook.Formats.of(book)
        batches = iter([[(text,) for text in texts]])
        workbook._write_table(book, formats, "x", ["=h"], [10], batches)
    assert [row[0] for row in cells(path, "x")] == ["=h", *texts]
    write_evidence(evidence, "1.1", tmp_path / "1.1.xlsx")
    for file in (path, tmp_path / "1.1.xlsx"):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                content = archive.read(name)
                assert b"<f>" not in content and b"<hyperlink" not in content, name


def test_rejected_rows_of_the_register_are_those_of_the_target(evidence: EvidenceNight) -> None:
    one = figures.target(evidence, "5.4")
    known = set(figures.target_ids(evidence)) - {"5.4"}
    for batch in figures.rejected_rows(evidence, one, one.headline_variant):
        assert not known & {(row[-1] or "").split(" / ")[0] for row in batch}


def test_unknown_names_are_answered_with_the_nearest(evidence: EvidenceNight, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"3\.4\.[1-5]"):
        write_evidence(evidence, "3.4.9", tmp_path / "x.xlsx")
    with pytest.raises(UnknownName, match="H62"):
        write_evidence(evidence, "3.4.1", tmp_path / "x.xlsx", agency="H62.999")
    with pytest.raises(UnknownName, match=r"nearest: H62\.10\b"):
        write_evidence(evidence, "3.4.1", tmp_path / "x.xlsx", agency="000.00.10.H62")
    with pytest.raises(UnknownName, match="A, B, N, S"):
        write_evidence(evidence, "3.4.1", tmp_path / "x.xlsx", variant="Q")
    with pytest.raises(NoFigure):
        write_evidence(evidence, "3.4.1", tmp_path / "x.xlsx", agency="H62.243")
    assert list(tmp_path.iterdir()) == []


def test_rows_that_do_not_add_up_are_told_on_the_cover(evidence, tmp_path: Path, monkeypatch) -> None:
    real = figures.figure

    def another(*arguments):
        found = real(*arguments)
        return figures.Figure(found.numerator + 1, found.denominator, found.value, found.meets_target)

    monkeypatch.setattr(figures, "figure", another)
    with pytest.raises(Mismatch, match="do not add up"):
        write_evidence(evidence, "1.7", tmp_path / "x.xlsx")
    assert "KHÔNG khớp" in cover_of(tmp_path / "x.xlsx")["Đối chiếu từng dòng"]


@pytest.mark.parametrize(
    ("numerator", "denominator", "agrees"),
    [
        (None, None, True),
        (0.0, 0.0, True),
        (0.0, None, True),
        (3.0, 5.0, False),
        (0.0, 5.0, False),
        (3.0, None, False),
    ],
)
def test_without_rows_only_nothing_or_zero_is_agreed_with(numerator, denominator, agrees: bool) -> None:
    published = figures.Figure(numerator, denominator, None, None)
    assert figures.Sums(0, None, None).equals(published) is agrees


@pytest.mark.parametrize(
    "numerator", ["-475862109876.55", "1234567890123.45", "999999999999999.999999", "0.1", "3"]
)
def test_fractions_of_a_dong_agree_with_what_is_published_of_them(numerator: str) -> None:
    """Rows add up exactly; what is published is the float nearest to it."""
    night = SimpleNamespace(connection=duckdb.connect())
    night.connection.execute(f"""
        attach ':memory:' as published;
        create schema published.marts;
        create schema evidence;
        create table evidence.ev_revenue as
            select '8.3.3' as target_id, 'headline' as variant, 'H62' as agency_code,
                unnest([cast('{numerator}' as decimal(38, 6)) - 2, 2]) as in_numerator, 7.3 as in_denominator;
        create table published.marts.fct_indicator as
            select target_id, variant, agency_code, 'ytd' as period_kind, 1.0 as value, true as meets_target,
                cast(cast(sum(in_numerator) as decimal(38, 6)) as double) as numerator,
                cast(cast(sum(in_denominator) as decimal(38, 6)) as double) as denominator
            from evidence.ev_revenue group by all;
    """)
    one = SimpleNamespace(
        target_id="8.3.3", view=lambda variant: "revenue", verdict=lambda meets, agency: meets
    )
    found = figures.figure(night, one, "headline", PROVINCE)
    added = figures.sums(night, one, "headline", None)
    assert added.equals(found)
    assert not replace(added, numerator=added.numerator + 1).equals(found)
    assert not replace(added, denominator=None).equals(found)


@pytest.fixture(scope="module")
def bundle(night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence") / "all"
    shown = parindex("evidence", "--all", "--out", str(folder), home=night)
    assert f"{len(targets_in_force(SAMPLE_DAY))} workbooks" in shown.stdout
    return folder


def test_all_targets_in_one_folder(bundle: Path, evidence: EvidenceNight) -> None:
    names = {path.name for path in bundle.iterdir()}
    assert names == {f"{one}.xlsx" for one in figures.target_ids(evidence)} | {"index.html", "SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == names - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest, name
    assert all(path.stat().st_mode & 0o777 == 0o640 for path in bundle.iterdir())


def test_the_index_links_every_workbook_with_its_figure(bundle: Path, evidence: EvidenceNight) -> None:
    page = (bundle / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'href="([^"]+)"', page)) == {f"{one}.xlsx" for one in figures.target_ids(evidence)}
    one = figures.target(evidence, "3.4.1")
    found = figures.figure(evidence, one, "A", PROVINCE)
    assert figures.value_text(one, found.value) in page
    assert "không khớp" not in page


def lines_of_index(page: str) -> dict[str, list[tuple[str, str]]]:
    """Class and content of each cell, by target."""
    lines = {}
    for line in re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL):
        found = re.findall(r"<td(?: class=\"([^\"]*)\")?>(.*?)</td>", line, re.DOTALL)
        lines[found[0][1]] = found
    return lines


def test_the_index_says_what_the_scorecard_says_and_is_red_only_where_that_says_missed(
    bundle: Path, evidence: EvidenceNight
) -> None:
    page = (bundle / "index.html").read_text(encoding="utf-8")
    at = re.findall(r'<th scope="col">(.*?)</th>', page).index("Trên bảng điểm")
    lines = lines_of_index(page)
    scored = evidence.connection.execute(
        "select target_id, status, status_reason from published.marts.rpt_scorecard"
    ).fetchall()
    assert {target for target, _, _ in scored} == set(lines)
    for target_id, status, reason in scored:
        colour = lines[target_id][at - 1][0]
        assert (colour == "missed") == (status == "missed"), target_id
        assert (colour == "met") == (status == "met"), target_id
        said = re.sub(r"<[^>]+>|\n", " ", html.unescape(lines[target_id][at][1]))
        assert words.status(status) in said and reason in said, target_id
    at_risk = [target for target, status, _ in scored if status == "at_risk"]
    assert any(lines[target][at - 1][1] == "Chưa đạt" for target in at_risk), "the figure of the day alone"


def test_the_index_of_an_agency_has_its_verdicts_and_no_word_of_the_scorecard(
    evidence: EvidenceNight, tmp_path: Path, monkeypatch
) -> None:
    from orchestration.evidence import write_all

    code, target_id = evidence.connection.execute(
        "select agency_code, target_id from published.marts.fct_indicator where target_id = '3.4.3'"
        " and is_headline and period_kind = 'ytd' and agency_code <> 'H62' and not meets_target limit 1"
    ).fetchone()
    monkeypatch.setattr(figures, "target_ids", lambda night: [target_id])
    write_all(evidence, tmp_path / "all", agency=code)
    page = (tmp_path / "all" / "index.html").read_text(encoding="utf-8")
    assert "Trên bảng điểm" not in page
    assert ("missed", "Chưa đạt") in lines_of_index(page)[target_id]


def test_every_cover_of_the_bundle_agrees(bundle: Path) -> None:
    for path in bundle.glob("*.xlsx"):
        assert "khớp số công bố" in cover_of(path)["Đối chiếu từng dòng"], path.name
        assert "KHÔNG" not in cover_of(path)["Đối chiếu từng dòng"], path.name


def test_no_personal_value_is_in_the_bundle(bundle: Path, sample_inbox: Path) -> None:
    export = next((sample_inbox / "tthc").glob("*/dossiers_2024_p01.csv"))
    labels = {c.vi for c in load_contracts()["tthc"].tables["dossiers"].columns if c.personal}
    with export.open(encoding="utf-8-sig", newline="") as file:
        rows = [[row[label] for label in labels] for row in islice(csv.DictReader(file, delimiter=";"), 60)]
    values = {value.encode() for row in rows for value in row if value and len(value) > 8}
    assert len(values) > 100
    for path in bundle.glob("*.xlsx"):
        with zipfile.ZipFile(path) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist() if "worksheets" in name)
        assert not any(value in content for value in values), path.name


def test_an_earlier_night_is_built_again_from_what_it_knew(own_night: Path, tmp_path: Path) -> None:
    """Without its warehouse, and with files judged otherwise since, the rows are still those of the night."""
    settings = settings_of(own_night)
    (own_night / "warehouse.duckdb").unlink()
    ledger = Ledger(settings.ledger)
    known = next(d for d in ledger.deliveries() if d.accepted and d.table_name == "assigned_tasks")
    ledger.record(replace(known, delivery_id="later", content_hash="other"))  # replaces the one that was used
    held = [d for d in ledger.deliveries() if d.accepted and d.table_name == "disbursements"]
    for one in held:  # a broken file joined its delivery
        ledger.change(one, outcome=HELD_BACK, reason="held", rows_loaded=0, rows_quarantined=one.rows_in_file)
    ledger.close()
    told: list[str] = []
    with open_evidence(settings, SAMPLE_DAY, told.append) as opened:
        assert "building it again from landing" in told[0]
        written = write_evidence(opened, "1.1", tmp_path / "1.1.xlsx")
        paid = write_evidence(opened, "6.1.1", tmp_path / "6.1.1.xlsx")
        write_evidence(opened, "7.3.5", tmp_path / "7.3.5.xlsx")
    assert held and written.rows > 0 and paid.rows > 0
    assert "đã thay" not in " ".join(str(cell) for row in cells(tmp_path / "1.1.xlsx", "Bìa") for cell in row)
    kept = [path for path in (settings.work / "evidence").iterdir() if path.is_dir()]
    assert len(kept) == 1 and (kept[0] / "warehouse.duckdb").exists()
    assert (
        json.loads((own_night / "published" / "manifest.json").read_text())["as_of"] == SAMPLE_DAY.isoformat()
    )
    told.clear()
    with open_evidence(settings, SAMPLE_DAY, told.append):
        assert told == [], "what was built is the night, and is taken again"


def test_a_night_whose_landed_rows_are_gone_is_not_built_again_without_them(own_night: Path) -> None:
    settings = settings_of(own_night)
    (own_night / "warehouse.duckdb").unlink()
    ledger = Ledger(settings.ledger)
    used = next(one for one in ledger.deliveries() if one.accepted and one.table_name == "assigned_tasks")
    ledger.close()
    landed_file(settings, used).parquet.unlink()
    with (
        pytest.raises(EvidenceError, match=rf"{used.file_name}.* cannot be built again"),
        open_evidence(settings),
    ):
        pass


def test_rejected_rows_that_cannot_be_read_are_named(own_night: Path, tmp_path: Path) -> None:
    """By the commands that read them; the night has none of them to read."""
    file = next((own_night / "landing" / "tthc" / "dossiers").rglob("*.rejected.parquet"))
    os.truncate(file, 1000)
    for command in (("evidence", "3.4.1", "--out", str(tmp_path / "x.xlsx")), ("quarantine", "list")):
        result = parindex(*command, home=own_night, check=False)
        assert result.returncode == 1 and f"damaged file: {file}" in result.stderr, result.stderr
        assert "Traceback" not in result.stderr and "rows of tthc/" in result.stderr
    assert not (tmp_path / "x.xlsx").exists()


def test_what_a_night_says_of_its_deliveries_is_what_landing_said_then(
    night: Path, evidence: EvidenceNight
) -> None:
    ledger = Ledger(settings_of(night).ledger)
    shown = {row["delivery_id"]: row for row in publish.deliveries(settings_of(night), evidence.version)}
    assert "unchanged" in {row["outcome"] for row in shown.values()}, "found out by the build"
    now = ledger.deliveries(SAMPLE_DAY)
    assert sorted(evidence.ledger.deliveries(SAMPLE_DAY), key=by_id) == sorted(now, key=by_id)
    ledger.close()


def test_a_file_that_another_took_the_place_of_says_so_on_the_cover(
    evidence: EvidenceNight, tmp_path: Path
) -> None:
    known = publish.deliveries(evidence.settings, evidence.version)
    old = next(one for one in known if one["table_name"] == "assigned_tasks" and one["outcome"] != "refused")
    old["replaced_by"] = "the file that was sent again"
    ledger = Ledger(evidence.settings.ledger)
    write_evidence(
        replace(evidence, ledger=open_night.KnownThen(ledger, known)), "1.1", tmp_path / "1.1.xlsx"
    )
    ledger.close()
    told = {
        row[2]
        for row in cells(tmp_path / "1.1.xlsx", "Bìa")
        if row[4] == "đã thay bằng tệp giao lại cùng ngày"
    }
    assert told == {old["file_name"]}


def test_what_was_built_of_a_night_is_made_anew_when_a_file_of_it_lands_again(tmp_path: Path) -> None:
    """Landing may then hold other rows of it. Files that the night did not know are none of its business."""
    known, later = (
        Delivery(
            delivery_id=name,
            source="finance",
            table_name="revenue",
            file_name=f"{name}.csv",
            format="csv",
            delivered_on=SAMPLE_DAY,
            outcome="loaded",
            reason=None,
            rows_in_file=1,
            rows_loaded=1,
            rows_unchanged=0,
            rows_quarantined=0,
            content_hash=name,
            loaded_at=datetime(2024, 11, 30, 1),
        )
        for name in ("known", "later")
    )
    ledger = Ledger(settings_of(tmp_path).ledger)
    ledger.record(known)
    night = open_night.KnownThen(ledger, [{"delivery_id": "known"}])
    then = night.landings()
    ledger.record(later)
    assert night.landings() == then
    ledger.change(known, loaded_at=datetime(2024, 12, 1, 1))
    assert night.landings() != then
    ledger.close()


def test_only_of_the_last_night_a_rebuild_is_advised(own_night: Path, tmp_path: Path) -> None:
    """It goes by what counts today, and would publish that over a night that was rolled back to."""
    settings = settings_of(own_night)
    with open_evidence(settings) as opened:
        assert opened.is_the_last
        later = opened.version.folder.with_name("29991231T000000000000-29991231")
        shutil.copytree(opened.version.folder, later)
        manifest = json.loads((later / "manifest.json").read_text())
        (later / "manifest.json").write_text(json.dumps(manifest | {"version": later.name}))
        assert not opened.is_the_last
        one = figures.target(opened, "6.1.1")
        found = figures.figure(opened, one, one.headline_variant, PROVINCE)
        told = workbook._mismatch(
            opened, one, "A", PROVINCE, found, figures.Sums(0, None, None), tmp_path / "x"
        )
    assert "rebuild" not in told and "earlier night" in told


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("3.4.9", "--out", "x.xlsx"), 2, "3.4."),
        (("3.4.1", "--out", "x.pdf"), 2, ".xlsx"),
        (("--out", "x.xlsx"), 2, "--all"),
        (("3.4.1", "--all", "--out", "x"), 2, "--all"),
        (("3.4.1", "--agency", "nowhere", "--out", "x.xlsx"), 2, "nowhere"),
        (("3.4.1", "--as-of", "30/11/2024", "--out", "x.xlsx"), 2, "YYYY-MM-DD"),
        (("3.4.1", "--as-of", "2023-01-01", "--out", "x.xlsx"), 1, SAMPLE_DAY.isoformat()),
    ],
)
def test_wrong_use_is_told(
    night: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    at = arguments.index("--out") + 1
    placed = (*arguments[:at], str(tmp_path / arguments[at]), *arguments[at + 1 :])
    result = parindex("evidence", *placed, home=night, check=False)
    assert result.returncode == code
    assert said in result.stderr + result.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_published_night(home: Path, tmp_path: Path) -> None:
    result = parindex("evidence", "3.4.1", "--out", str(tmp_path / "x.xlsx"), home=home, check=False)
    assert result.returncode == 1
    assert "parindex run" in result.stderr


def test_days_are_excel_days() -> None:
    assert date(2024, 11, 30).toordinal() - workbook._DAY_ZERO == 45626
