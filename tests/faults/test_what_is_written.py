"""What a night writes names nobody, and nothing of it is obeyed.

Persons are planted everywhere a person can be in what is delivered, and looked for in everything that is written.
Names of files and sheets are planted that a shell, a database, a browser, a spreadsheet or a terminal would act on.

Good rows, rejected rows, rows slipped by a column, refused and held-back files, columns that no contract knows, names of
files and sheets. What a night, a report, evidence, exports and the screen leave behind is read as its reader would
(Parquet, DuckDB, SQLite and workbooks unpacked) and searched for each of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest
from landing_kit import xlsx_bytes

from sources.sample import write_sample
from tests.conftest import SAMPLE_DAY, parindex
from tests.faults.kills import sink
from warehouse.landing import land_inbox
from warehouse.ledger import Ledger
from warehouse.settings import Settings

_WORDS = ["Khổng", "Doãn", "Mạc", "Thân", "Nghiêm", "Vi", "Giáp", "Lều", "Ông", "Tống", "Chử", "Ngạc"]


@dataclass(frozen=True)
class Person:
    number: int

    @property
    def name(self) -> str:
        return f"{_WORDS[self.number % 12]} Thị Kỳ Lân {_WORDS[self.number // 12 % 12]} Huyền"

    @property
    def id_number(self) -> str:
        return f"0261{77000000 + self.number:08d}"

    @property
    def phone(self) -> str:
        return f"09{13570000 + self.number:08d}"

    @property
    def address(self) -> str:
        return f"Số {900 + self.number} ngõ Hoa Ban Tím, thôn Mẫu Đơn"

    @property
    def needles(self) -> tuple[str, ...]:
        return self.name, self.id_number, self.phone, self.address


class Crowd:
    def __init__(self) -> None:
        self.people: list[Person] = []

    def __call__(self) -> Person:
        self.people.append(Person(len(self.people)))
        return self.people[-1]

    def found_in(self, text: str) -> set[str]:
        return {needle for person in self.people for needle in person.needles if needle in text}


def _csv(head: list[str], rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return out.getvalue()


def plant(inbox: Path, crowd: Crowd) -> dict[str, Person]:
    """Deliveries of the sample's last day with persons in them; returns those who must be found again as a hash."""
    day = inbox / "tthc" / str(SAMPLE_DAY)
    with (day / f"dossiers_{SAMPLE_DAY:%Y%m%d}.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *sample = csv.reader(file)
    at = {name: number for number, name in enumerate(head)}
    hashed: dict[str, Person] = {}

    def row(number: int, **changes: str) -> list[str]:
        person = crowd()
        cells = list(sample[number % len(sample)])
        values = {"applicant_name": person.name, "applicant_id": person.id_number, "phone": person.phone}
        values |= {
            "address": person.address,
            "dossier_code": f"000.00.48.H62-241130-{7000 + number}",
            **changes,
        }
        for name, value in values.items():
            cells[at[name]] = value
        hashed[cells[at["dossier_code"]]] = person
        return cells

    good = [row(number) for number in range(30)]
    person = crowd()
    bad = [
        row(40, received_at="hôm qua"),
        row(41, received_at=person.name),  # slipped under another heading
        row(42, due_at=person.id_number),
        row(43, components_total=person.phone),
        row(44, status=person.address),
        row(45, dossier_code=person.name, received_at=""),
        row(46, agency_code=person.name, procedure_code=person.id_number, received_at="x"),
        row(47)[:-3],  # ragged
        row(48)[1:],
    ]
    names = [p.phone for p in (crowd(), crowd())]
    ids = [p.id_number for p in (crowd(), crowd())]
    (day / f"dossiers_{ids[0]}_{names[0]}.csv").write_text(_csv(head, good * 4 + bad))
    # Most rows of a day rejected: held back as a whole.
    another_day = inbox / "tthc" / "2024-11-28"
    another_day.mkdir()
    (another_day / "dossiers_held.csv").write_text(
        _csv(head, good[:5] + [row(n, received_at=crowd().name) for n in range(60, 70)])
    )
    # Refused: no required column, another kind of file, no header at all.
    (day / "dossiers_without.csv").write_text(
        _csv([f"x{h}" if h == "dossier_code" else h for h in head], good)
    )
    (day / "dossiers_no_header.csv").write_text(_csv(row(80), [row(n) for n in range(81, 90)]))
    page = "".join(f"<tr><td>{crowd().name}</td><td>{crowd().id_number}</td></tr>" for _ in range(5))
    (day / "dossiers_page.xls").write_text(f"<html><table>{page}</table></html>")
    (day / "dossiers_broken.json").write_text(json.dumps([dict(zip(head, good[0], strict=True))])[:-20])
    (day / f"thu_{ids[1]}.csv").write_text("no table of ours")
    (day / "dossiers_sheet.xlsx").write_bytes(
        xlsx_bytes(
            head,
            *[row(n) for n in range(100, 110)],
            row(110, received_at=crowd().name),
            sheet=f"SĐT {names[1]}",
        )
    )
    # Other sources: a column that no contract knows, and headings that are a person.
    office = inbox / "document_office" / str(SAMPLE_DAY)
    source = next(office.glob("documents_*.csv")).read_text(encoding="utf-8-sig").splitlines()
    lines = [
        f"{source[0]},Người ký,SĐT {crowd().phone}",
        *(f"{line},{crowd().name},{crowd().phone}" for line in source[1:]),
    ]
    next(office.glob("documents_*.csv")).write_text("\n".join(lines))
    for kind, table in (("finance", "disbursements"), ("register", "criteria_results")):
        folder = inbox / kind / str(SAMPLE_DAY)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{table}_extra.json").write_text(
            json.dumps([{"Họ tên": crowd().name, "CCCD": crowd().id_number}])
        )
    return hashed


HOSTILE = [
    "dossiers_'; drop table delivery; --.csv",
    'dossiers_" or 1=1.csv',
    "dossiers_<img src=x onerror=alert(1)>.csv",
    "dossiers_[red]x[bold].csv",
    "dossiers_\x1b[2J\n{0}%s.csv",
    "dossiers_..%2f..%2fetc%2fpasswd.csv",
    "dossiers_$(reboot)`id`.csv",
]
HOSTILE_REFUSED = "=HYPERLINK(A1)<script>alert(2)<x>[bold].csv"
HOSTILE_SHEET = "<b>'; drop table x; --{0}%s"


def plant_hostile(inbox: Path) -> None:
    """Good rows in files and a sheet of such names, a few rejected ones among them."""
    day = inbox / "tthc" / str(SAMPLE_DAY)
    with (day / f"dossiers_{SAMPLE_DAY:%Y%m%d}.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *sample = csv.reader(file)
    for number, name in enumerate([*HOSTILE, "dossiers_hostile.xlsx"]):
        rows = [list(sample[n % len(sample)]) for n in range(12)]
        for n, row in enumerate(rows):
            row[0] = f"000.00.48.H62-241130-{8000 + 100 * number + n}"
        rows[-1][head.index("received_at")] = "=1+1"
        if name.endswith(".xlsx"):
            (day / name).write_bytes(xlsx_bytes(head, *rows, sheet=HOSTILE_SHEET))
        else:
            (day / name).write_text(_csv(head, rows))
    (day / HOSTILE_REFUSED).write_text("no table of ours")


@dataclass(frozen=True)
class Evening:
    home: Path
    crowd: Crowd
    hashed: dict[str, Person]
    written: dict[str, str]  # everything that was written, as text
    books: dict[str, bytes]


def _texts(path: Path) -> str:
    """A file as its reader sees it."""
    data = path.read_bytes()
    with duckdb.connect() as connection:
        if path.suffix == ".parquet":
            return repr(connection.execute(f"from read_parquet('{path}')").fetchall())
        if path.suffix == ".duckdb":
            connection.execute(f"attach '{path}' as d (read_only)")
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'd'"
            )
            return repr([connection.execute(f'from d."{s}"."{t}"').fetchall() for s, t in tables.fetchall()])
    if data[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())
    if data[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return data.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    folder = tmp_path_factory.mktemp("persons")
    inbox, home, out = folder / "inbox", folder / "home", folder / "out"
    write_sample(inbox, dossiers=400, seed=152, as_of=SAMPLE_DAY)
    crowd = Crowd()
    hashed = plant(inbox, crowd)
    plant_hostile(inbox)
    home.mkdir(mode=0o750)
    written = {}
    with sink() as taken:
        (home / "alerts.yaml").write_text(
            f"routes:\n- name: all\n  severity: low\n  to: ['json://127.0.0.1:{taken.port}/all']\n"
        )
        for arguments in (
            ("run", "--inbox", str(inbox)),
            ("run", "--inbox", str(inbox)),
            ("status",),
            ("quarantine", "list", "--limit", "5000"),
            ("quarantine", "export", "--out", str(out / "q.csv")),
            ("quarantine", "export", "--out", str(out / "q.xlsx")),
            ("evidence", "3.4.1", "--out", str(out / "e.xlsx")),
            ("alerts", "list"),
            ("report", "--out", str(out / "page")),
        ):
            result = parindex(*arguments, home=home)
            written[" ".join(arguments)] = result.stdout + result.stderr
        written["messages"] = repr(taken.messages)
    for path in [*home.rglob("*"), *out.rglob("*")]:
        if path.is_file():
            written[str(path.relative_to(folder))] = _texts(path)
    return Evening(
        home, crowd, hashed, written, {path.name: path.read_bytes() for path in out.glob("*.xlsx")}
    )


def test_nobody_is_found_anywhere(evening: Evening) -> None:
    assert len(evening.crowd.people) > 80
    kinds = {Path(name).suffix for name in evening.written if "/" in name}
    assert kinds >= {
        ".parquet",
        ".duckdb",
        ".sqlite",
        ".db",
        ".xlsx",
        ".csv",
        ".html",
        ".log",
        ".prom",
        ".json",
    }
    found = {name: evening.crowd.found_in(text) for name, text in evening.written.items()}
    assert {name: needles for name, needles in found.items() if needles} == {}


def test_the_search_finds_what_is_there(evening: Evening) -> None:
    """The rows did arrive: good, rejected and held back; a person is there under the keyed hash alone."""
    with closing(sqlite3.connect(evening.home / "landing" / "ledger.sqlite")) as connection:
        outcomes = dict(
            connection.execute(
                "select outcome, count(*) from delivery where delivered_on >= '2024-11-28' group by 1"
            )
        )
    assert outcomes["refused"] >= 5 and outcomes["held_back"] >= 1 and outcomes["partly_quarantined"] >= 2
    with duckdb.connect() as connection:
        landed = (
            f"read_parquet('{evening.home}/landing/tthc/dossiers/2024-11-30/*.parquet', union_by_name = true)"
        )
        rows = connection.execute(
            f"select distinct applicant_id_hash from {landed} where dossier_code like '%-7%' and applicant_id_hash <> ''"
        ).fetchall()
    assert len(rows) >= 30
    assert all(len(value) == 32 for (value,) in rows)
    assert any(
        "000.00.48.H62-241130-7040" in text
        for name, text in evening.written.items()
        if name.endswith("q.csv")
    )
    assert re.search(
        r"dossiers_############_##########~[0-9a-f]{6}\.csv", evening.written["quarantine list --limit 5000"]
    )
    assert any("SĐT ##########" in text for name, text in evening.written.items() if name.endswith("q.csv"))


def test_names_are_shown_and_not_obeyed(evening: Evening) -> None:
    status, listed = evening.written["status"], evening.written["quarantine list --limit 5000"]
    assert HOSTILE_REFUSED in status and "[red]x[bold]" in listed.replace("\n", "")
    for command in ("run --inbox", "status", "quarantine list"):
        for name, text in evening.written.items():
            if name.startswith(command):
                assert "\x1b" not in text
    with closing(sqlite3.connect(evening.home / "landing" / "ledger.sqlite")) as connection:
        names = {
            name for (name,) in connection.execute("select file_name from delivery where rows_loaded = 11")
        }
    printable = {
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in n) for n in HOSTILE
    }
    assert printable <= names


def test_nothing_is_written_outside_the_home(evening: Evening) -> None:
    stored = {path.name for path in (evening.home / "landing").rglob("*.parquet")}
    assert all(re.fullmatch(r"[0-9a-f]{20}(\.rejected)?\.parquet", name) for name in stored)


def test_pages_hold_no_markup_of_others(evening: Evening) -> None:
    pages = {name: text for name, text in evening.written.items() if name.endswith(".html")}
    assert pages
    for text in pages.values():
        assert "<img src=x" not in text and "<script>alert" not in text


def test_workbooks_are_inert(evening: Evening) -> None:
    books = evening.books
    assert len(books) == 2
    for name, data in books.items():
        book = openpyxl.load_workbook(io.BytesIO(data))
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
        assert [cell.coordinate for cell in cells if cell.data_type == "f" or cell.hyperlink] == [], name
        assert any("drop table" in str(cell.value) for cell in cells), name
    exported = evening.written["out/q.csv"]
    assert ",=" not in exported and "\n=" not in exported


def test_plain_personal_data_show_only_when_asked_for(evening: Evening, tmp_path: Path) -> None:
    """Where the operator keeps personal data readable, an export still needs the flag."""
    crowd, inbox, home = Crowd(), tmp_path / "inbox", tmp_path / "home"
    write_sample(inbox, dossiers=400, seed=152, as_of=SAMPLE_DAY)
    plant(inbox, crowd)
    settings = Settings(home=home, inbox=inbox, personal_data="plain").create()
    ledger = Ledger(settings.ledger)
    land_inbox(settings, ledger, lambda: datetime(2024, 12, 1))
    ledger.close()
    for flag, expected in (((), False), (("--personal",), True)):
        out = tmp_path / f"q{expected}.csv"
        parindex("quarantine", "export", "--out", str(out), *flag, home=home, PARINDEX_PERSONAL_DATA="plain")
        assert bool(crowd.found_in(out.read_text(encoding="utf-8-sig"))) is expected


def test_what_is_written_is_for_the_data_team_only(evening: Evening) -> None:
    for path in [evening.home, *evening.home.rglob("*")]:
        if not path.is_symlink() and path.name != "alerts.yaml":  # the operator's own file
            assert path.stat().st_mode & 0o007 == 0, path
    assert (evening.home / "personal_data.key").stat().st_mode & 0o777 == 0o600


def test_the_key_is_nowhere_but_in_its_file(evening: Evening) -> None:
    key = (evening.home / "personal_data.key").read_text().strip()
    holders = [name for name, text in evening.written.items() if key in text]
    assert holders == ["home/personal_data.key"]
