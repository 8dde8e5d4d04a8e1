"""A PostgreSQL for Airflow's metadata and the store, as a production has one; its process is measured, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.postgres_server import OWNER, postgresql_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Where both databases are, and the server's first process."""

    airflow: str
    store: str
    pid: int


@contextmanager
def databases() -> Iterator[Databases]:
    """Start a server with a database for each, and stop it."""
    with postgresql_server() as place:
        with psycopg.connect(host=place, user=OWNER, dbname="postgres", autocommit=True) as connection:
            for name in ("airflow", "springtide"):
                connection.execute(f"CREATE DATABASE {name}")
        pid = int(Path(place, "data", "postmaster.pid").read_text().splitlines()[0])
        url = f"postgresql+psycopg://{OWNER}@/%s?host={place}"
        yield Databases(airflow=url % "airflow", store=url % "springtide", pid=pid)
