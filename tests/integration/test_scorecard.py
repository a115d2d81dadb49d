"""The scorecard that ends a night, as a terminal shows it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration.scorecard import ESTIMATE, show_scorecard
from warehouse.settings import Settings


@pytest.mark.parametrize("official", [False, True])
def test_points_are_told_as_estimates_until_the_official_scale_is_loaded(
    night: Path, tmp_path: Path, official: bool
) -> None:
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    shutil.copyfile(night / "published" / "par_index.duckdb", settings.published_file)
    if official:
        with duckdb.connect(str(settings.published_file)) as connection:
            connection.execute("update marts.rpt_field_score set is_estimate = false")
    console = Console(width=200)
    with console.capture() as captured:
        show_scorecard(settings, console)
    shown = captured.get()
    assert "Chỉ số cải cách hành chính (PAR INDEX)" in shown
    assert [ESTIMATE in shown, "Điểm*" in shown, "Ước tính*" in shown] == [not official] * 3
