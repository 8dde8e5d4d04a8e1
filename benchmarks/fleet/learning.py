"""A day learned by a real Airflow of 10, 100 and 1,000 services: `python -m benchmarks.fleet.learning 10 100 1000`.

The scene is that of the sweeps (`sweep.py`) without a cluster, for learning opens none: a real Prometheus that holds
the whole day, four weeks in the cache of demand, PostgreSQL for both databases, an Airflow with the settings of
deploy/airflow. The newest day is learned, so each service also has its model tuned and judged, and a page made.
Counted are Airflow's processes and PostgreSQL's, less what they take at rest, and Prometheus' beside them.
`--chunk N` sets SPRINGTIDE_LEARN_CHUNK.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from examples.demo.airflow_server import Airflow, begin_airflow, when_ready
from examples.demo.children import Children

from benchmarks.fleet.history import keep_history
from benchmarks.fleet.metrics import Measured, measured
from benchmarks.fleet.one_dag import START_SECONDS, at_rest, leave_alone, run_dag, settings_of, when_idle
from benchmarks.fleet.postgres import Databases, databases
from benchmarks.fleet.processes import PeakMemory, memory_mib, processor_seconds
from benchmarks.fleet.services import Fleet
from benchmarks.table import RESULTS, Table
from springtide.record.sql import open_store
from springtide.training.tuning import HISTORY
from springtide.training.whole_days import last_whole_day

DAG: Final = "capacity_history"
LEARNS: Final = "learn_day"
HOURS: Final = 49
"""The whole last day, at whatever time of the next one."""

LIMIT_SECONDS: Final = 900
COLUMNS: Final = (
    "services",
    "ended",
    "learned",
    "seconds",
    "CPU-seconds",
    "of Prometheus",
    "Prometheus requests",
    "memory at rest, MiB",
    "peak, MiB",
    "tasks that learn",
    "longest of them, s",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that learning needs, running."""

    fleet: Fleet
    airflow: Airflow
    metrics: Measured
    stores: Databases

    def processor(self) -> float:
        """Return the processor's seconds of Airflow and of PostgreSQL so far."""
        return processor_seconds(self.airflow.child.process.pid) + processor_seconds(self.stores.pid)

    def learned(self) -> int:
        """Return of how many services the last day is kept, and the model tuned."""
        day = last_whole_day(datetime.now(UTC))
        with open_store(self.stores.store) as store:
            return sum(
                bool(store.days(name, day, day)) and bool(store.learned(name).tuned) for name in self.fleet.names
            )


@contextmanager
def scene(home: Path, fleet: Fleet, settings: dict[str, str]) -> Iterator[Scene]:
    """Start everything, and stop it."""
    prometheus = measured(home / "prometheus", fleet, HOURS)
    with Children(home / "logs") as children, databases(home) as stores, prometheus as metrics:
        airflow = begin_airflow(children, home / "airflow", settings_of(home, metrics, stores) | settings)
        cache = home / "airflow" / "springtide" / "demand"
        keep_history(fleet, metrics.url, cache, days=HISTORY.days)
        when_ready(airflow, START_SECONDS)
        leave_alone(airflow, DAG)
        when_idle(airflow, DAG)
        fleet.write_policies(home / "policies")  # now: the DAG has run by itself already, and learned nothing
        yield Scene(fleet, airflow, metrics, stores)


def row(scene: Scene) -> list[str]:
    """Learn the day, and return its line."""
    rest_memory = memory_mib(scene.airflow.child.process.pid)
    rest = at_rest(scene.processor)
    queries = scene.metrics.requests()
    asked = processor_seconds(scene.metrics.pid)
    before = scene.processor()
    with PeakMemory(scene.airflow.child.process.pid) as memory:
        state, seconds, tasks = run_dag(scene.airflow, DAG)
    took = scene.processor() - before - rest * seconds
    numbers = (scene.learned(), seconds, took, processor_seconds(scene.metrics.pid) - asked)
    memories = (scene.metrics.requests() - queries, rest_memory, memory.most)
    lengths = [float(task["duration"] or 0) for task in tasks if task["task_id"] == LEARNS]
    cells = (f"{number:.0f}" for number in (*numbers, *memories, len(lengths), max(lengths, default=0)))
    return [str(scene.fleet.services), state, *cells]


def measure(services: int, settings: dict[str, str]) -> list[str]:
    """Return the line of a fleet of so many services."""
    fleet = Fleet(services=services)
    with (
        tempfile.TemporaryDirectory(prefix="springtide-learning-") as place,
        scene(Path(place), fleet, settings) as running,
    ):
        return row(running)


def main(arguments: Sequence[str]) -> None:
    """Measure each fleet, and write the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started is stopped
    load = os.getloadavg()[0]
    words = list(arguments)
    settings: dict[str, str] = {}
    if "--chunk" in words:
        at = words.index("--chunk")
        settings["SPRINGTIDE_LEARN_CHUNK"] = words[at + 1]
        del words[at : at + 2]
    rows: list[Any] = [measure(int(count), settings) for count in words]
    title = f"A day learned; limit: 1,000 services in {LIMIT_SECONDS} s; the machine's load was {load:.1f} before"
    table = Table(title, COLUMNS, rows)
    RESULTS.joinpath("fleet-learning.md").write_text(table.to_markdown())
    sys.stdout.write(table.to_markdown())


if __name__ == "__main__":
    main(sys.argv[1:])
