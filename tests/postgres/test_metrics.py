"""A metric says the same in PostgreSQL as in the published file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration import semantic
from orchestration.publish_command import send
from warehouse.publish import current
from warehouse.settings import Settings


def plain(rows) -> list[tuple]:
    """Numbers of both drivers as floats, moments as days."""
    return [
        tuple(float(c) if hasattr(c, "__float__") else c.date() if hasattr(c, "date") else c for c in row)
        for row in rows
    ]


def test_both_databases_answer_alike(night: Path, address: str) -> None:
    settings = Settings(home=night, inbox=night / "inbox")
    version = current(settings)
    send(settings, address, version)
    year = {"first": date(2024, 1, 1), "last": version.as_of}
    questions = [
        semantic.Question(["on_time_rate", "due_dossiers"], by=["level", "month"], **year),
        semantic.Question(["digitised_rate"], by=["authority_level"], where={"channel": "2"}, **year),
        semantic.Question(["headline_rate"], by=["target_id"], **year),
        semantic.Question(["headline_quarterly_rate"], by=["quarter"], where={"target_id": "3.4.1"}, **year),
    ]
    engine = sa.create_engine(sa.make_url(address).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        for question in questions:
            _, here = semantic.ask(version.database, question)
            there = connection.exec_driver_sql(
                semantic.sql(question, "postgres").replace("%", "%%")
            ).fetchall()
            here, there = sorted(plain(here), key=str), sorted(plain(there), key=str)
            assert len(here) > 1 or question.where
            assert len(here) == len(there)
            for one, other in zip(here, there, strict=True):
                assert [c for c in one if not isinstance(c, float)] == [
                    c for c in other if not isinstance(c, float)
                ]
                assert [c for c in one if isinstance(c, float)] == pytest.approx(
                    [c for c in other if isinstance(c, float)]
                )
    engine.dispose()
