"""What a plan of now costs as the fleet grows: `python -m benchmarks.fleet.plans 10 100 1000`.

The library alone, as the page's *Plan now* and REST ask it: it opens the store and the cluster, reads what was learned
and decided, and asks Prometheus for what is new of three weeks of demand. The cluster is the embedded one; Prometheus
and the store's PostgreSQL are real. A plan that finds nothing to do makes no preflight, one that would change something
does.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from examples.demo.children import Children

from benchmarks.fleet.cluster import COUNTS
from benchmarks.fleet.history import keep_history
from benchmarks.fleet.metrics import Measured, measured
from benchmarks.fleet.postgres import databases
from benchmarks.fleet.processes import processor_seconds
from benchmarks.fleet.services import ONE_IN, REPLICAS, Fleet
from benchmarks.fleet.stored_year import keep_learned
from benchmarks.fleet.sweep import when_all_ready
from benchmarks.table import RESULTS, Table
from springtide.clock import SystemClock
from springtide.events.snapshot import CalendarSnapshot
from springtide.kube.kubeconfig import find_cluster
from springtide.kube.live import connected
from springtide.overview.plan_now import Planner
from springtide.overview.wall import WallPorts, WallReader
from springtide.plan.model import PlanOutcome
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.sql import open_store
from springtide.run.assembly import Metrics, assemble
from springtide.run.ports import Ports

PLANS: Final = 100
"""At least so many of each kind: services of a small fleet are planned several times."""

PATIENCE_SECONDS: Final = 60.0
FACTOR: Final = 1.1
COLUMNS: Final = (
    "services",
    "plan",
    "plans",
    "median, ms",
    "slowest, ms",
    "CPU-ms each",
    "PostgreSQL, CPU-ms each",
    "API requests each",
    "Prometheus requests each",
    "factor of CPU",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Everything that plans are made with."""

    fleet: Fleet
    home: Path
    metrics: Measured
    store: str
    postmaster: int
    server: str

    @contextmanager
    def ports(self, policy: ScalingPolicy) -> Iterator[Ports]:
        """Open what a plan reaches the world through, as the API server does for each of them."""
        del policy
        cluster = find_cluster(self.home / "kubeconfig")
        metrics = Metrics(url=self.metrics.url, base=self.home / "policies", kept=self.home / "demand")
        with open_store(self.store) as store:
            yield assemble(connected(cluster), store, metrics)

    def planner(self) -> tuple[Planner, WallReader]:
        """Return who plans, and who knows the policies."""
        clock = SystemClock()
        reader = WallReader(
            WallPorts(
                clock=clock,
                policies=lambda: PolicyFolder(self.home / "policies"),
                calendars=CalendarSnapshot,
                open_store=lambda: open_store(self.store),
                open_ports=self.ports,
                paused_dags=frozenset,
                halt=None,
            )
        )
        return Planner(self.ports, reader.policies, within_seconds=PATIENCE_SECONDS), reader

    def requests(self) -> Counter[str]:
        """Return what the cluster was asked so far."""
        return Counter(httpx.get(f"{self.server}{COUNTS}", timeout=120, trust_env=False).json())


@contextmanager
def place(home: Path, fleet: Fleet) -> Iterator[Place]:
    """Start everything, fill the store, and stop it."""
    fleet.write_policies(home / "policies")
    with ExitStack() as stack:
        children = stack.enter_context(Children(home / "logs"))
        stores = stack.enter_context(databases(home))
        metrics = stack.enter_context(measured(home / "prometheus", fleet))
        command = [sys.executable, "-m", "benchmarks.fleet.cluster", str(home), str(fleet.services)]
        cluster = children.start("cluster", command)
        server = when_all_ready(home, fleet, cluster)
        keep_history(fleet, metrics.url, home / "demand")
        policies = PolicyFolder(home / "policies")
        with open_store(stores.store) as store:
            keep_learned(store, policies.get(fleet.names[0]), fleet.names, datetime.now(UTC))
        yield Place(fleet=fleet, home=home, metrics=metrics, store=stores.store, postmaster=stores.pid, server=server)


def row(place: Place, what: str, chosen: list[str], expected: PlanOutcome) -> tuple[list[str], float]:
    """Plan each of these services, and return the line, and the CPU-milliseconds of one plan."""
    planner, reader = place.planner()
    names = chosen * -(-PLANS // len(chosen))
    planner.plan(reader.policy(names[0]))  # what is imported and read once costs the first plan alone
    _require_all_read(reader)
    asked = place.requests()
    queries = place.metrics.requests()
    database = processor_seconds(place.postmaster)
    cpu = time.process_time()
    taken = [_timed(lambda name=name: _plan(planner, reader, name, expected)) for name in names]  # type: ignore[misc]
    each = (time.process_time() - cpu) / len(names) * 1000
    numbers = (
        statistics.median(taken) * 1000,
        max(taken) * 1000,
        each,
        (processor_seconds(place.postmaster) - database) / len(names) * 1000,
        sum((place.requests() - asked).values()) / len(names),
        (place.metrics.requests() - queries) / len(names),
    )
    return [str(place.fleet.services), what, str(len(names)), *(f"{number:.1f}" for number in numbers)], each


def _require_all_read(reader: WallReader) -> None:
    """Wait until every policy is read: the page gives up after a second, and reads the others the next time."""
    while any(not isinstance(policy, ScalingPolicy) for policy in reader.policies().values()):
        time.sleep(0.2)


def _plan(planner: Planner, reader: WallReader, name: str, expected: PlanOutcome) -> None:
    made = planner.plan(reader.policy(name))
    if made.plan.outcome is not expected:
        raise SystemExit(f"{name}: {made.plan.outcome}, and not {expected}: {made.plan.reason}")


def _timed(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def measure(services: int) -> list[tuple[list[str], float]]:
    """Return the lines of a fleet of so many services: still, and with more to do."""
    with (
        tempfile.TemporaryDirectory(prefix="springtide-fleet-") as folder,
        place(Path(folder), Fleet(services=services)) as running,
    ):
        names = running.fleet.names
        still = row(running, "nothing to do", names, PlanOutcome.NOTHING_TO_DO)
        grown = names[::ONE_IN]
        for name in grown:
            file = running.home / "policies" / f"{name}.yaml"
            policy = json.loads(file.read_text())
            policy["spec"]["replicas"]["min"] = REPLICAS + 1
            file.write_text(json.dumps(policy))
        return [still, row(running, "more replicas", grown, PlanOutcome.SCALE)]


def main(arguments: list[str]) -> None:
    """Measure each fleet, and write the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started is stopped
    load = os.getloadavg()[0]
    first: dict[str, float] = {}
    rows: list[list[str]] = []
    for count in arguments:
        for line, each in measure(int(count)):
            first.setdefault(line[1], each)
            rows.append([*line, f"{each / first[line[1]]:.2f}"])
    title = (
        f"A plan of now, with everything in the store; aimed at: a factor of {FACTOR}; the load was {load:.1f} before"
    )
    table = Table(title, COLUMNS, rows)
    RESULTS.joinpath("fleet-plans.md").write_text(table.to_markdown())
    sys.stdout.write(table.to_markdown())


if __name__ == "__main__":
    main(sys.argv[1:] or ["10", "100", "1000"])
