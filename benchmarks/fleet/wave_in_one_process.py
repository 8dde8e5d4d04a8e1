"""A wave by one process, `springtide prepare`, and no Airflow.

    PYTHONPATH=include:plugins:tests python -m benchmarks.fleet.wave_in_one_process 1 10 100 1000

The services, the embedded cluster and the pace are those of `benchmarks.fleet.wave`: each from one pod to two, in
place, at most a hundred at once. Each number of services has a cluster and a store on PostgreSQL of its own. It is
counted from the start of the process until every workload has exactly its two ready replicas, and until it has ended.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.fleet.processes import PeakMemory, processor_seconds
from benchmarks.fleet.springtide_prepares import preparing
from benchmarks.fleet.wave import TARGET, started_cluster
from benchmarks.fleet.wave_services import MOST_AT_ONCE, name_of, write
from benchmarks.table import Table

NAME: Final = "fleet-wave-one-process"
EVENT: Final = "pace.sale"
PODS_PER_MINUTE: Final = 6000
LONGEST: Final = 3600.0
EVERY: Final = 0.5
_MOST_A_SECOND: Final = 500
"""So many workloads are looked at, or the looks would take the processor from what is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One event: its services, the seconds from its start, CPU-seconds by process, and memory in MiB."""

    services: int
    exactly: float
    ended: float
    problems: int
    own: float
    postgresql: float
    cluster: float
    memory: float

    @property
    def over_the_pace(self) -> float:
        """The seconds until exactly N, without those that the pace alone takes."""
        return self.exactly - (self.services - 1) * 60 / PODS_PER_MINUTE


def measured(services: int) -> Prepared:
    """Prepare one event of so many services."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="springtide-wave-")))
        event = {
            "name": "sale",
            "start": f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M}",
            "duration": "2h",
            "services": {name_of(number): {"replicas": TARGET} for number in range(services)},
        }
        write(folder, services, runs=MOST_AT_ONCE, pods_per_minute=PODS_PER_MINUTE, startup=1, events=[event])
        cluster = started_cluster(folder, services, stack)
        before = processor_seconds(cluster.pid)
        preparation = stack.enter_context(preparing(folder, folder / "kubeconfig", event=EVENT))
        memory = stack.enter_context(PeakMemory(preparation.pid))
        deadline = time.monotonic() + LONGEST
        while cluster.standing() < services:
            if preparation.has_ended() or time.monotonic() > deadline:
                raise SystemExit(f"{services} services: {cluster.standing()} stand: {preparation.problems()}")
            time.sleep(max(EVERY, services / _MOST_A_SECOND))
        exactly = time.monotonic() - preparation.began
        own = 0.0
        while not preparation.has_ended():
            own = processor_seconds(preparation.pid) or own
            time.sleep(EVERY)
        return Prepared(
            services=services,
            exactly=exactly,
            ended=time.monotonic() - preparation.began,
            problems=len(preparation.problems()),
            own=own,
            postgresql=processor_seconds(preparation.database),
            cluster=processor_seconds(cluster.pid) - before,
            memory=memory.most,
        )


def table(waves: list[Prepared]) -> Table:
    """Return what they came to, a column each."""
    first = waves[0]
    rows = [
        ["seconds to the last exactly-N", *(f"{each.exactly:.1f}" for each in waves)],
        ["over what the pace sets, s", *(f"{each.over_the_pace:.1f}" for each in waves)],
        [f"over that of {first.services}", *(f"{each.over_the_pace / first.exactly:.1f}" for each in waves)],
        ["seconds until it said so and ended", *(f"{each.ended:.1f}" for each in waves)],
        ["services that are not as they should be", *(str(each.problems) for each in waves)],
        ["its own CPU-seconds", *(f"{each.own:.1f}" for each in waves)],
        ["the same, a service", *(f"{each.own / each.services:.2f}" for each in waves)],
        ["CPU-seconds of PostgreSQL", *(f"{each.postgresql:.1f}" for each in waves)],
        ["CPU-seconds of the embedded cluster", *(f"{each.cluster:.1f}" for each in waves)],
        ["its memory at most, MiB", *(f"{each.memory:.0f}" for each in waves)],
    ]
    title = f"A wave by one process, at most {MOST_AT_ONCE} runs at once, pods ready after 1 s"
    return Table(title, ("services", *(str(each.services) for each in waves)), rows)


def main(arguments: list[str]) -> None:
    """Measure each number of services, and keep what is there after each."""
    waves: list[Prepared] = []
    for count in map(int, arguments):
        waves.append(measured(count))
        table(waves).write(NAME)
        sys.stdout.write(f"{table(waves).to_markdown()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:] or ["1", "10", "100", "1000"])
