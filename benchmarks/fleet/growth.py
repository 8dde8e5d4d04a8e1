"""What sweeps, runs and preparations add to both databases: `python -m benchmarks.fleet.growth 10 100 1000`.

The scene is that of benchmarks.fleet.sweep. Some sweeps that find nothing to do are measured together, then one that
starts a run for every tenth service, then the preparation of an event of as many others. What the last two add beyond a
sweep that finds nothing is what their runs add. Bytes are those of all tables of a database with their indexes, after a
vacuum. At last Airflow forgets it all, by the command of deploy/airflow/clean: rows go, and their space is used anew.

From the largest fleet follows what a year of a thousand services comes to: see benchmarks.fleet.stored_year.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from examples.demo.airflow_server import ROOT
from examples.demo.patience import wait_until

from benchmarks.fleet.metrics import SEEN_SECONDS
from benchmarks.fleet.services import ONE_IN, Fleet
from benchmarks.fleet.stored_year import rows_filled, samples_of
from benchmarks.fleet.sweep import Scene, scene, sweep
from benchmarks.fleet.table_sizes import Sizes, TableSize, sizes_of
from benchmarks.fleet.year import Each, year
from benchmarks.table import RESULTS, Table
from springtide.policy.reading.folder import PolicyFolder

PREPARE: Final = "prepare_events"
SWEEPS: Final = 3
REST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 1800
KIB: Final = 1024
RESULT: Final = RESULTS / "fleet-growth.md"
COLUMNS: Final = ("services", "what", "runs", "in", "rows each", "KiB each", "most of it")


@dataclass(frozen=True, slots=True)
class Held:
    """What both databases and the folder of logs hold."""

    airflow: Sizes
    store: Sizes
    logs: Sizes

    @classmethod
    def of(cls, scene: Scene) -> Held:
        """Return what they hold now."""
        return cls(sizes_of(scene.stores.airflow), sizes_of(scene.stores.store), _logs(scene.airflow.logs))

    def since(self, before: Held) -> dict[str, Sizes]:
        """Return by how much each grew."""
        return {
            "Airflow's database": self.airflow.since(before.airflow),
            "the store": self.store.since(before.store),
            "log files": self.logs.since(before.logs),
        }


def _logs(folder: Path) -> Sizes:
    """Return the files of each DAG's tasks, and of what else writes there: a file is a row."""
    found: dict[str, list[int]] = {}
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            found.setdefault(file.relative_to(folder).parts[0], []).append(file.stat().st_size)
    return Sizes({name: TableSize(len(sizes), sum(sizes)) for name, sizes in found.items()})


@dataclass
class Course:
    """What was measured of one fleet: the lines of the table, and what one of each adds, in bytes."""

    scene: Scene
    rows: list[list[str]]
    each: dict[str, Each] = field(default_factory=dict)

    def measure(self, what: str, act: Callable[[], None], times: int = 1) -> None:
        """Do it, and keep what it added."""
        before = Held.of(self.scene)
        runs = _runs(self.scene)
        for _ in range(times):
            act()
        grown = Held.of(self.scene).since(before)
        started = _runs(self.scene) - runs
        self.each[what] = Each(started, {name: size.bytes / times for name, size in grown.items()})
        for name, size in grown.items():
            numbers = (f"{size.rows / times:.0f}", f"{size.bytes / times / KIB:.0f}")
            self.rows.append([str(self.scene.fleet.services), what, str(started), name, *numbers, size.largest(4)])


def _take(measured: Course) -> None:
    """Take everything in turn; the first sweep makes what every later one finds."""
    running = measured.scene
    _sweep(running)
    measured.measure(f"{REST_SECONDS} s at rest", lambda: time.sleep(REST_SECONDS))
    measured.measure("a sweep, nothing to do", lambda: _sweep(running), SWEEPS)
    running.metrics.show(Fleet(services=running.fleet.services, changes=True))
    time.sleep(SEEN_SECONDS)
    measured.measure("a sweep, one in ten changes", lambda: _sweep(running))
    measured.measure("an event of one in ten", lambda: _prepare(running))


def _sweep(running: Scene) -> None:
    state, seconds, _ = sweep(running)
    sys.stderr.write(f"{running.fleet.services} services: a sweep: {state} after {seconds:.0f} s\n")


def _prepare(running: Scene) -> None:
    client = running.airflow.client
    client.patch(f"/api/v2/dags/{PREPARE}", json={"is_paused": False}).raise_for_status()
    wanted = {"dag_run_id": "growth", "logical_date": None, "conf": _event(running.fleet)}
    client.post(f"/api/v2/dags/{PREPARE}/dagRuns", json=wanted).raise_for_status()

    def is_over() -> bool:
        answer = client.get(f"/api/v2/dags/{PREPARE}/dagRuns/growth", timeout=60)
        return str(answer.json().get("state")) in {"success", "failed"}

    wait_until(is_over, "the event is prepared", running.airflow.child.require_alive, LONGEST_SECONDS)


def _clean(running: Scene) -> None:
    program = str(Path(sys.executable).with_name("airflow"))
    (tables,) = re.findall("--tables (\\S+)", (ROOT / "deploy" / "airflow" / "clean").read_text())
    words = ["--yes", "--skip-archive", "--error-on-cleanup-failure", "--tables", tables, "--clean-before-timestamp"]
    command = [program, "db", "clean", *words, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S+00:00}"]
    environment = os.environ | running.airflow.environment
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=LONGEST_SECONDS)


def _runs(running: Scene) -> int:
    answer = running.airflow.client.get("/api/v2/dags/scale_service/dagRuns", params={"limit": 1}, timeout=60)
    return int(answer.json()["total_entries"])


def _event(fleet: Fleet) -> dict[str, Any]:
    now = datetime.now(UTC)
    chosen = fleet.names[1::ONE_IN]
    return {
        "name": "growth",
        "start": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}:00Z",
        "end": f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}:00Z",
        "services": [f"{name}=3" for name in chosen],
        "reason": "a benchmark",
    }


def main(arguments: list[str]) -> None:
    """Measure each fleet, and write the tables."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started is stopped
    load = os.getloadavg()[0]
    rows: list[list[str]] = []
    tables: list[Table] = []
    for count in sorted(int(count) for count in arguments):
        with tempfile.TemporaryDirectory(prefix="springtide-fleet-") as place:
            home = Path(place)
            with scene(home, Fleet(services=count)) as running:
                measured = Course(running, rows)
                _take(measured)
                policy = PolicyFolder(home / "policies").get(running.fleet.names[0])
                filled = rows_filled(running.stores.store, samples_of(running.stores.store, policy), datetime.now(UTC))
                tables = year(measured.each, filled, services=count)  # of the largest fleet, which comes last
                _keep(rows, tables, load)
                measured.measure("airflow db clean of all that", partial(_clean, running))
                _keep(rows, tables, load)
    sys.stdout.write(RESULT.read_text())


def _keep(rows: list[list[str]], tables: list[Table], load: float) -> None:
    grown = Table(f"What is added to databases and logs; the machine's load was {load:.1f} before", COLUMNS, rows)
    RESULT.write_text("\n".join(table.to_markdown() for table in (grown, *tables)))


if __name__ == "__main__":
    main(sys.argv[1:] or ["10", "100", "1000"])
