"""Invented applicants: every name, number and address here is made up from lists of common words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# fmt: off
_FAMILY = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương",
    "Lý", "Kim", "Tạ", "Phùng", "Khổng", "Trương", "Lưu",
]
_MIDDLE = [
    "Văn", "Thị", "Đức", "Minh", "Ngọc", "Thanh", "Quang", "Hữu", "Thu", "Xuân", "Hồng", "Công", "Bích",
    "Mạnh", "Tuấn", "Phương",
]
_GIVEN = [
    "An", "Bình", "Chi", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hiền", "Hòa", "Hoa", "Hùng", "Huệ",
    "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Oanh", "Phúc", "Quân", "Sơn", "Tâm", "Thảo",
    "Thủy", "Trang", "Tuyết", "Việt", "Yến",
]
# fmt: on
_TRADES = [
    "Thương mại",
    "Xây dựng",
    "Cơ khí",
    "Vận tải",
    "May mặc",
    "Nông sản",
    "Điện tử",
    "Gốm sứ",
    "Dịch vụ",
    "In ấn",
]
_BRANDS = [
    "Ánh Dương",
    "Bình Minh",
    "Đại Phát",
    "Hoàng Gia",
    "Hưng Thịnh",
    "Phú Quý",
    "Sông Lô",
    "Tam Đảo",
    "Tây Thiên",
]
_BODIES = [
    "Trường Tiểu học số 1",
    "Trường Mầm non Hoa Sen",
    "Trạm Y tế khu vực",
    "Hợp tác xã Đồng Tiến",
    "Hội Người cao tuổi",
]
_HAMLETS = [
    f"Thôn {name}"
    for name in ("Đông", "Đoài", "Trung", "Thượng", "Hạ", "Chùa", "Đình", "Giếng", "Mới", "Bến")
]
_STREETS = [
    f"Số {number}, đường {name}"
    for number in (5, 18, 27, 46)
    for name in ("Trần Phú", "Mê Linh", "Hùng Vương")
]

KINDS = (1, 2, 3, 4)  # citizen, enterprise, state agency, other organisation
_KIND_SHARE = {
    "tinh": (0.60, 0.36, 0.02, 0.02),
    "huyen": (0.88, 0.09, 0.01, 0.02),
    "xa": (0.97, 0.02, 0.0, 0.01),
}


class People:
    """Draws applicants as small integers (`draw`); spells them only when a file is written (`spell`)."""

    def __init__(self, communes: pd.DataFrame):
        """`communes`: agency_name and agency_name_of_parent per row; an address names one of them."""
        citizens = [f"{a} {b} {c}" for a in _FAMILY for b in _MIDDLE for c in _GIVEN]
        firms = [f'Công ty TNHH {trade} "{brand}"' for trade in _TRADES for brand in _BRANDS]
        firms += [f"Công ty Cổ phần {trade} {brand}" for trade in _TRADES for brand in _BRANDS]
        pools = {1: citizens, 2: firms, 3: _BODIES[:3], 4: _BODIES[3:]}
        sizes = [len(pools[kind]) for kind in KINDS]
        self._start = np.concatenate([[0], np.cumsum(sizes)])
        self._names = pa.array([name for kind in KINDS for name in pools[kind]])
        places = _HAMLETS + _STREETS
        self._addresses = pa.array(
            [
                f"{place}, {name.removeprefix('UBND ')}, {parent.removeprefix('UBND ')}, tỉnh Vĩnh Phúc"
                for name, parent in zip(communes.agency_name, communes.agency_name_of_parent, strict=True)
                for place in places
            ]
        )

    def draw(self, rng: np.random.Generator, level: np.ndarray) -> dict[str, np.ndarray]:
        """Applicants for dossiers of `level` (names of levels, one per dossier)."""
        kind = np.ones(len(level), "int8")
        for name, share in _KIND_SHARE.items():
            here = level == name
            kind[here] = 1 + np.searchsorted(np.cumsum(share)[:-1], rng.random(here.sum()), side="right")
        low, high = self._start[kind - 1], self._start[kind]
        return {
            "applicant_kind": kind,
            "person": (low + rng.random(len(level)) * (high - low)).astype("int32"),
            "id_number": rng.integers(0, 10**9, len(level)),
            "phone_number": rng.integers(0, 10**8, len(level)),
            "address": rng.integers(0, len(self._addresses), len(level), dtype="int32"),
        }

    def spell(self, lives: pd.DataFrame) -> dict[str, pa.Array]:
        """The personal columns of the export for drawn applicants."""
        citizen = pa.array(lives.applicant_kind.to_numpy() == 1)
        numbers = lives.id_number.to_numpy()
        identity = pc.if_else(
            citizen, _digits("026", numbers, 9), _digits("2500", numbers % 10**6, 6)
        )  # 026 = Vĩnh Phúc in citizen numbers, 2500 in its tax codes
        return {
            "applicant_name": self._names.take(pa.array(lives.person)),
            "applicant_id": identity,
            "applicant_kind": pa.array(lives.applicant_kind).cast(pa.string()),
            "phone": _digits("09", lives.phone_number.to_numpy(), 8),
            "address": self._addresses.take(pa.array(lives.address)),
        }


def _digits(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """`prefix` and each number with leading zeros."""
    padded = pc.utf8_slice_codeunits(pa.array(numbers + 10**width).cast(pa.string()), 1)
    return pc.binary_join_element_wise(prefix, padded, "")
