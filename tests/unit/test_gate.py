"""Only a build that the gate has passed is published, whatever assets somebody picks in Dagster's pages."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.checks import refuse_unchecked
from warehouse.settings import Settings

DELIVERY = "('tthc', true, 'block')"


@pytest.mark.parametrize(
    ("results", "fit"),
    [
        (DELIVERY, False),
        (f"{DELIVERY}, ('marts', false, 'block'), ('marts', true, 'block')", False),
        (f"{DELIVERY}, ('marts', true, 'block'), ('marts', false, 'warn')", True),
    ],
    ids=["never checked", "found unfit", "fit"],
)
def test_a_build_is_published_only_when_the_gate_has_passed_it(
    tmp_path: Path, results: str, fit: bool
) -> None:
    settings = Settings(tmp_path / "home", tmp_path / "inbox").create()
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.fct_check_result as from (values {results}) as r(suite, passed, severity)"
        )
    if fit:
        refuse_unchecked(settings)
    else:
        with pytest.raises(dg.Failure) as refused:
            refuse_unchecked(settings)
        assert "nightly" in refused.value.description
