"""One server and one database for all tests here, empty for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from own_postgres import OwnPostgres

from .nights import Nights


@pytest.fixture(scope="session")
def server() -> Iterator[OwnPostgres]:
    with OwnPostgres() as running:
        yield running


@pytest.fixture(scope="session")
def one_database(server: OwnPostgres) -> sa.URL:
    return server.new_database("một kho")


@pytest.fixture
def database(server: OwnPostgres, one_database: sa.URL) -> sa.URL:
    server.empty(one_database)
    return one_database


@pytest.fixture
def address(database: sa.URL) -> str:
    """The address as an operator writes it."""
    return database.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nights")


@pytest.fixture
def nights(tmp_path: Path, store: Path) -> Nights:
    return Nights(tmp_path / "home", store)
