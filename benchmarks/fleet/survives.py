"""The demo and a sweep over 100 services, again and again: who survives on the default database, or on SQLite.

    python -m benchmarks.fleet.survives 10
    python -m benchmarks.fleet.survives 3 sqlite

Each round is `make demo ONCE=1` as it stands, then an Airflow of its own with its first two sweeps: the first is what
ended a scheduler on SQLite. It goes on after a round that failed, and its exit code says whether one did.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from examples.demo.__main__ import HOME
from examples.demo.airflow_server import PARTS, ROOT, Airflow
from examples.demo.children import DemoError
from examples.demo.database import KINDS, airflow_on_sqlite, on_sqlite

from benchmarks.fleet.postgres import Databases, databases
from benchmarks.fleet.services import Fleet
from benchmarks.fleet.sweep import scene, sweep
from benchmarks.table import Table

SERVICES: Final = 100
SWEEPS: Final = 2
DEMO_SECONDS: Final = 900
COLUMNS: Final = ("round", "what", "database", "ended", "seconds", "database errors", "tracebacks")
GOOD: Final = frozenset({"success", "code 0"})
REFUSED: Final = re.compile(r"database is locked|OperationalError|InterfaceError|\[critical", re.IGNORECASE)
"""What a database that does not hold leaves in the log of `airflow standalone`, and a part that falls."""

DATABASE: Final = re.compile(r"^Database (PostgreSQL \S+|SQLite)", re.MULTILINE)


def errors_in(log: Path) -> list[str]:
    """Count the lines of a log by which a database refused or a part fell, and the tracebacks of any kind."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [str(sum(bool(REFUSED.search(line)) for line in lines)), str(sum("Traceback (" in line for line in lines))]


@contextmanager
def sqlite(home: Path) -> Iterator[Databases]:
    """Yield SQLite files in `home` as the demo has them without PostgreSQL; no process of theirs is measured."""
    database = on_sqlite(home, "it is measured")
    (airflow,) = airflow_on_sqlite(home / "airflow").values()
    yield Databases(airflow=airflow, store=database.store_url, pid=os.getpid())


def demo(number: int, kind: str) -> list[str]:
    """Run the demo once; return its row."""
    began = time.monotonic()
    command = [sys.executable, "-m", "examples.demo", "--once", *(["--database", kind] if kind == "sqlite" else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False)
    said = DATABASE.search(done.stdout)
    database = said[1] if said else "unknown"
    seconds = f"{time.monotonic() - began:.0f}"
    errors = errors_in(HOME / "logs" / "airflow.log")
    return [str(number), "demo", database, f"code {done.returncode}", seconds, *errors]


def sweeps(number: int, kind: str) -> list[list[str]]:
    """Start a fleet and an Airflow; return a row for each of its sweeps."""
    rows = []
    kept_in, name = (sqlite, "SQLite") if kind == "sqlite" else (databases, "PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="springtide-fleet-") as place:
        try:
            with scene(Path(place), Fleet(services=SERVICES), kept_in) as running:
                for which in range(1, SWEEPS + 1):
                    state, seconds, _ = sweep(running)
                    state = "; ".join([state, *unhealthy(running.airflow)])
                    errors = errors_in(running.airflow.child.log)
                    rows.append([str(number), f"sweep {which}", name, state, f"{seconds:.0f}", *errors])
        except (DemoError, httpx.HTTPError) as error:
            rows.append([str(number), "sweep", name, str(error).partition("\n")[0], "", "", ""])
    return rows


def told(row: list[str]) -> list[str]:
    """Print a row while the others are still to come."""
    sys.stderr.write(f"{' | '.join(row)}\n")
    return row


def unhealthy(airflow: Airflow) -> list[str]:
    """Return which of Airflow's parts has fallen: `airflow standalone` starts none of them again."""
    parts = airflow.client.get("/api/v2/monitor/health").json()
    return [f"{name} is {parts[name]['status']}" for name in PARTS if parts[name]["status"] != "healthy"]


def main(rounds: int, kind: str) -> int:
    """Play the rounds, write the table, and return 0 when everything survived without an error of its database."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started is stopped
    rows: list[list[str]] = []
    for number in range(1, rounds + 1):
        rows.append(told(demo(number, kind)))
        rows += map(told, sweeps(number, kind))
    table = Table(f"{rounds} rounds of the demo and of sweeps over {SERVICES} services", COLUMNS, rows)
    table.write("survives-sqlite" if kind == "sqlite" else "survives")
    sys.stdout.write(table.to_markdown())
    return 0 if all(row[3] in GOOD and row[5] == "0" for row in rows) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet.survives")
    parser.add_argument("rounds", type=int, nargs="?", default=10)
    parser.add_argument("database", choices=KINDS, nargs="?", default="postgresql")
    asked = parser.parse_args()
    sys.exit(main(asked.rounds, asked.database))
