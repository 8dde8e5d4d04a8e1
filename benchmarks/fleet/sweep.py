"""Sweeps of a real Airflow over 10, 100 and 1,000 services: `python -m benchmarks.fleet.sweep 10 100 1000`.

Everything is its own: an embedded cluster that counts its requests, a real Prometheus, PostgreSQL for both databases,
an Airflow with the settings of deploy/airflow. The first sweep is not measured: it makes what every later one finds.
Counted as the sweep's are Airflow's processes and PostgreSQL's, less what they take at rest; the cluster and Prometheus
are the world that it looks at.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from examples.demo.airflow_server import Airflow, begin_airflow, when_ready
from examples.demo.children import Child, Children
from examples.demo.patience import wait_until

from benchmarks.fleet.cluster import COUNTS
from benchmarks.fleet.history import keep_history
from benchmarks.fleet.metrics import SEEN_SECONDS, Measured, measured
from benchmarks.fleet.one_dag import START_SECONDS, at_rest, leave_alone, run_dag, settings_of
from benchmarks.fleet.postgres import Databases, databases
from benchmarks.fleet.processes import PeakMemory, memory_mib, processor_seconds
from benchmarks.fleet.services import REPLICAS, Fleet
from benchmarks.table import RESULTS, Table

SWEEP: Final = "adjust_capacity"
COLUMNS: Final = (
    "services",
    "sweep",
    "ended",
    "seconds",
    "CPU-seconds",
    "API requests",
    "Prometheus requests",
    "memory at rest, MiB",
    "peak, MiB",
    "tasks",
    "runs started",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a sweep needs, running."""

    fleet: Fleet
    airflow: Airflow
    metrics: Measured
    stores: Databases
    server: str

    def requests(self) -> Counter[str]:
        """Return what the cluster was asked so far."""
        return Counter(httpx.get(f"{self.server}{COUNTS}", timeout=30, trust_env=False).json())

    def processor(self) -> float:
        """Return the processor's seconds of Airflow and of PostgreSQL so far."""
        return processor_seconds(self.airflow.child.process.pid) + processor_seconds(self.stores.pid)


@contextmanager
def scene(
    home: Path, fleet: Fleet, kept_in: Callable[[Path], AbstractContextManager[Databases]] = databases
) -> Iterator[Scene]:
    """Start everything, and stop it."""
    fleet.write_policies(home / "policies")
    with Children(home / "logs") as children, kept_in(home) as stores, measured(home / "prometheus", fleet) as metrics:
        cluster = children.start(
            "cluster", [sys.executable, "-m", "benchmarks.fleet.cluster", str(home), str(fleet.services)]
        )
        server = when_all_ready(home, fleet, cluster)
        airflow = begin_airflow(children, home / "airflow", settings_of(home, metrics, stores))
        keep_history(fleet, metrics.url, home / "airflow" / "springtide" / "demand")
        when_ready(airflow, START_SECONDS)
        leave_alone(airflow, SWEEP)
        yield Scene(fleet, airflow, metrics, stores, server)


def when_all_ready(home: Path, fleet: Fleet, cluster: Child) -> str:
    """Wait until every pod is ready; return the API server's address."""
    kubeconfig = home / "kubeconfig"
    wait_until(kubeconfig.exists, "the cluster is up", cluster.require_alive, START_SECONDS)
    server = str(json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])

    def ready() -> bool:
        items = httpx.get(f"{server}/apis/apps/v1/deployments", timeout=60, trust_env=False).json()["items"]
        return bool(sum(each.get("status", {}).get("readyReplicas", 0) for each in items) == REPLICAS * fleet.services)

    wait_until(ready, "every pod is ready", cluster.require_alive, START_SECONDS)
    return server


def sweep(scene: Scene) -> tuple[str, float, list[dict[str, Any]]]:
    """Run one sweep; return how it ended, after how many seconds, and its tasks."""
    return run_dag(scene.airflow, SWEEP)


def row(scene: Scene, name: str) -> list[str]:
    """Measure one sweep, and return its line."""
    rest_memory = memory_mib(scene.airflow.child.process.pid)
    rest = at_rest(scene.processor)
    asked = scene.requests()
    queries = scene.metrics.requests()
    runs = _runs(scene)
    before = scene.processor()
    with PeakMemory(scene.airflow.child.process.pid) as memory:
        state, seconds, tasks = sweep(scene)
    took = scene.processor() - before - rest * seconds
    requests = scene.requests() - asked
    for kind, count in requests.most_common():
        sys.stderr.write(f"  {count:6d} {kind}\n")
    numbers = (f"{seconds:.0f}", f"{took:.0f}", sum(requests.values()), scene.metrics.requests() - queries)
    memories = (f"{rest_memory:.0f}", f"{memory.most:.0f}", len(tasks), _runs(scene) - runs)
    return [str(scene.fleet.services), name, state, *map(str, (*numbers, *memories))]


def _runs(scene: Scene) -> int:
    answer = scene.airflow.client.get("/api/v2/dags/scale_service/dagRuns", params={"limit": 1}, timeout=60)
    return int(answer.json()["total_entries"])


def measure(services: int, *, changes: bool) -> list[list[str]]:
    """Return the lines of a fleet of so many services."""
    with tempfile.TemporaryDirectory(prefix="springtide-fleet-") as place:
        fleet = Fleet(services=services)
        with scene(Path(place), fleet) as running:
            state, seconds, _ = sweep(running)
            sys.stderr.write(f"{services} services: the first sweep: {state} after {seconds:.0f} s\n")
            rows = [row(running, "nothing to do")]
            if changes:
                running.metrics.show(Fleet(services=services, changes=True))
                time.sleep(SEEN_SECONDS)
                rows.append(row(running, "one in ten changes"))
            return rows


def main(arguments: list[str]) -> None:
    """Measure each fleet, and write the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started is stopped
    load = os.getloadavg()[0]
    changes = "--still" not in arguments
    rows = [line for count in arguments if count.isdigit() for line in measure(int(count), changes=changes)]
    table = Table(f"Sweeps; the machine's load was {load:.1f} before", COLUMNS, rows)
    again = f"`PYTHONPATH=include:plugins:tests python -m benchmarks.fleet.sweep {' '.join(arguments)}` makes it again."
    text = f"{table.to_markdown()}\n{again}\n"
    RESULTS.joinpath("fleet-sweep.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
