"""The yearly file: the evidence of every target in one folder, with an index page and checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestration import clock
from orchestration.evidence import figures, words
from orchestration.evidence.errors import Mismatch, NoFigure
from orchestration.evidence.night import EvidenceNight
from orchestration.evidence.workbook import Written, write_evidence
from warehouse.new_file import new_file

INDEX = "index.html"
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Bundle:
    """What was written, the targets without a figure for the agency, and those whose rows disagree."""

    folder: Path
    written: list[Written]
    without: list[str]
    mismatches: list[str]


def write_all(
    night: EvidenceNight,
    folder: Path,
    *,
    agency: str | None = None,
    tell: Callable[[int, int, str], None] = lambda done, of, text: None,
) -> Bundle:
    """One workbook per target in force, `index.html` and `SHA256SUMS`. Raises EvidenceError."""
    if agency is not None and agency != figures.province(night)[0]:
        figures.agency_name(night, agency)
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    known = figures.target_ids(night)
    written, without, mismatches = [], [], []
    for number, target_id in enumerate(known, start=1):
        tell(number, len(known), target_id)
        path = folder / f"{target_id}.xlsx"
        try:
            written.append(write_evidence(night, target_id, path, agency=agency))
        except NoFigure:
            path.unlink(missing_ok=True)
            without.append(target_id)
        except Mismatch as found:
            mismatches.append(str(found))
    hashes = {one.path.name: _sha256(one.path) for one in written}
    index = folder / INDEX
    _write(index, _index(night, agency, written, without, mismatches, hashes))
    hashes[INDEX] = _sha256(index)
    _write(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items())))
    return Bundle(folder, written, without, mismatches)


def _index(
    night: EvidenceNight, agency, written: list[Written], without, mismatches, hashes: dict[str, str]
) -> str:
    template = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    ).get_template("index.html.j2")
    code, name = figures.province(night)
    if agency is not None and agency != code:
        code, name = agency, figures.agency_name(night, agency)
    fields = dict(
        night.connection.execute(
            "select field_id, name_vi from seeds.plan152_fields where row_type = 'field'"
        ).fetchall()
    )
    groups: dict[str, list[dict]] = {}
    for one in written:
        groups.setdefault(one.target.field_id, []).append(
            {
                "id": one.target.target_id,
                "name": one.target.name,
                "value": figures.figure_text(one.target, one.figure),
                "numerator": figures.number_text(one.figure.numerator),
                "denominator": figures.number_text(one.figure.denominator),
                "goal": figures.goal_text(one.target),
                "verdict": figures.verdict_text(one.figure, one.scored),
                "status": _status(one),
                "scored": one.scored and words.status(one.scored.status),
                "reason": one.scored and one.scored.reason,
                "rows": figures.number_text(one.rows),
                "rejected": figures.number_text(one.rejected),
                "file": one.path.name,
                "hash": hashes[one.path.name],
            }
        )
    return template.render(
        name=name,
        code=code,
        as_of=figures.day_text(night.as_of),
        version=night.version.version,
        written_at=f"{clock.now():%H:%M ngày %d/%m/%Y}",
        groups=[(field, fields.get(field, ""), rows) for field, rows in groups.items()],
        is_scored=any(one.scored is not None for one in written),
        without=without,
        mismatches=mismatches,
        sums=SUMS,
    )


def _status(one: Written) -> str | None:
    """By which a line is green or red: as on the scorecard, which may not conclude yet; of an agency by its figure."""
    if one.scored is not None:
        return one.scored.status
    return {True: "met", False: "missed", None: None}[one.figure.meets_target]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with new_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
