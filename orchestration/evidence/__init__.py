"""Evidence: one published figure as the workbook that a reviewer accepts, down to every row behind it.

with open_evidence(settings, as_of) as night:      the published night and the rows that made it
    write_evidence(night, target_id, path)         one workbook
    write_all(night, folder)                       the yearly file: all workbooks, an index, checksums
"""

from orchestration.evidence.bundle import write_all
from orchestration.evidence.errors import EvidenceError, Mismatch, NoFigure, UnknownName
from orchestration.evidence.night import EvidenceNight, open_evidence
from orchestration.evidence.workbook import Written, write_evidence

__all__ = [
    "EvidenceError",
    "EvidenceNight",
    "Mismatch",
    "NoFigure",
    "UnknownName",
    "Written",
    "open_evidence",
    "write_all",
    "write_evidence",
]
