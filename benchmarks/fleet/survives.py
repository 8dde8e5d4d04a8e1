"""The demo and a sweep over 100 services, again and again on the default database: who survives, and for how long.

    python -m benchmarks.fleet.survives 10

Each round is `make demo ONCE=1` as it stands, then an Airflow of its own with its first two sweeps: the first is what
ended a scheduler on SQLite. It goes on after a round that failed, and its exit code says whether one did.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx
from examples.demo.__main__ import HOME
from examples.demo.airflow_server import PARTS, ROOT, Airflow
from examples.demo.children import DemoError

from benchmarks.fleet.services import Fleet
from benchmarks.fleet.sweep import scene, sweep
from benchmarks.table import Table

SERVICES: Final = 100
SWEEPS: Final = 2
DEMO_SECONDS: Final = 900
COLUMNS: Final = ("round", "what", "database", "ended", "seconds", "errors in Airflow's log")
GOOD: Final = frozenset({"success", "code 0"})
ERROR: Final = re.compile(
    r"database is locked|OperationalError|InterfaceError|Traceback|\[critical|scheduler.*exited", re.IGNORECASE
)
"""What a database that does not hold leaves in the log of `airflow standalone`."""


def errors_in(log: Path) -> int:
    """Count the lines of a log that tell of a part that fell, or of a database that refused."""
    return sum(bool(ERROR.search(line)) for line in log.read_text(errors="replace").splitlines())


def demo(number: int) -> list[str]:
    """Run the demo once; return its row."""
    began = time.monotonic()
    command = [sys.executable, "-m", "examples.demo", "--once"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False)
    said = next((line for line in done.stdout.splitlines() if line.startswith("Database ")), "Database unknown")
    database = " ".join(said.split()[1:3])
    seconds = f"{time.monotonic() - began:.0f}"
    errors = errors_in(HOME / "logs" / "airflow.log")
    return [str(number), "demo", database, f"code {done.returncode}", seconds, str(errors)]


def sweeps(number: int) -> list[list[str]]:
    """Start a fleet and an Airflow; return a row for each of its sweeps."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="springtide-fleet-") as place:
        try:
            with scene(Path(place), Fleet(services=SERVICES)) as running:
                for which in range(1, SWEEPS + 1):
                    state, seconds, _ = sweep(running)
                    state = "; ".join([state, *unhealthy(running.airflow)])
                    errors = errors_in(running.airflow.child.log)
                    rows.append([str(number), f"sweep {which}", "PostgreSQL", state, f"{seconds:.0f}", str(errors)])
        except (DemoError, httpx.HTTPError) as error:
            rows.append([str(number), "sweep", "PostgreSQL", str(error).partition("\n")[0], "", ""])
    return rows


def unhealthy(airflow: Airflow) -> list[str]:
    """Return which of Airflow's parts has fallen: `airflow standalone` starts none of them again."""
    parts = airflow.client.get("/api/v2/monitor/health").json()
    return [f"{name} is {parts[name]['status']}" for name in PARTS if parts[name]["status"] != "healthy"]


def main(rounds: int) -> int:
    """Play the rounds, write the table, and return 0 when everything survived without an error in a log."""
    rows: list[list[str]] = []
    for number in range(1, rounds + 1):
        for row in (demo(number), *sweeps(number)):
            rows.append(row)
            sys.stderr.write(f"{' | '.join(row)}\n")
    table = Table(f"{rounds} rounds of the demo and of sweeps over {SERVICES} services", COLUMNS, rows)
    table.write("survives")
    sys.stdout.write(table.to_markdown())
    return 0 if all(row[3] in GOOD and row[5] == "0" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
