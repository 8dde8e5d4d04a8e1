"""Every store, by one fixture; SQL ones also by the URL that opens them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import NullPool, create_engine, text

from springtide.record.memory import MemoryStore
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from support.postgres_server import OWNER, is_wanted, postgresql_server

DATABASES = ["sqlite", *(["postgresql"] if is_wanted() else [])]


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[str]:
    with postgresql_server() as directory:
        yield directory


@pytest.fixture
def fresh_postgresql(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Return a function that makes an empty database and returns its URL."""

    def make() -> str:
        directory = request.getfixturevalue("_postgresql")
        name = f"test_{uuid4().hex}"
        url = f"postgresql+psycopg://{OWNER}@/{{}}?host={directory}"
        engine = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return url.format(name)

    return make


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path, fresh_postgresql: Callable[[], str]) -> str:
    """Return the URL of an empty database of each kind."""
    return f"sqlite:///{tmp_path}/new/runs.db" if request.param == "sqlite" else fresh_postgresql()


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest, tmp_path: Path, fresh_postgresql: Callable[[], str]) -> Iterator[RunStore]:
    """Return an empty store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite:///{tmp_path}/runs.db" if request.param == "sqlite" else fresh_postgresql()
    with open_store(url) as opened:
        yield opened
