"""How fast the shipped conductor starts runs, in real time, against the pace that calendars allow.

A hundred services each want one more pod. Their runs end at once, so nothing but the conductor, its pace and its turns
says how many are started a minute. A run that has ended is seen at the next turn: with `runs` at the same time, no more
than `runs` are started a turn.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.table import Table
from springtide.clock import SystemClock
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.waves import ChildRunState, ServicePlan
from springtide.fleet.conductor import Conductor, conducted
from springtide.fleet.due import Due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.ports import FleetPorts
from springtide.policy.calendar.model import EventCalendar
from springtide.record.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from springtide.fleet.child_runs import ChildRun
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.run.ports import Ports

SERVICES: Final = 100
CASES: Final = (
    (100, 100, 5.0),
    (100, 100, 1.0),
    (100, 4, 5.0),
    (100, 4, 1.0),
    (300, 100, 5.0),
    (300, 100, 1.0),
)
"""Pods a minute, services at the same time, seconds between two turns."""


@dataclass
class InstantRuns:
    """Child runs that succeed at once; `at` is when each was started, in seconds."""

    at: list[float] = field(default_factory=list)

    def start(self, run: ChildRun) -> None:
        """Note when it was started."""
        assert run.replicas == run.before + 1
        self.at.append(time.monotonic())

    def state(self, _run_id: str) -> ChildRunState:
        """Return that it succeeded."""
        return ChildRunState.SUCCEEDED

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those that have ended."""
        return dict.fromkeys(run_ids, ChildRunState.SUCCEEDED)

    def failure(self, run_id: str) -> str:
        """Return what never happens."""
        raise AssertionError(f"{run_id} cannot fail")


class NoPolicies:
    """A fleet whose orders are given needs no policy."""

    def names(self) -> list[str]:
        """Return nothing."""
        return []

    def get(self, name: str) -> ScalingPolicy:
        """Refuse."""
        raise KeyError(name)


def measure() -> Table:
    """Return starts per minute against what pace and turns allow."""
    columns = ("pods a minute", "runs at once", "turn, s", "allowed a minute", "started a minute", "share", "all, s")
    rows = [_row(*case) for case in CASES]
    return Table(f"Starts of {SERVICES} services by the shipped conductor, in real time", columns, rows)


def _row(pods: int, runs: int, every: float) -> list[str]:
    at = _starts(pods, runs, every)
    allowed = min(float(pods), runs * 60 / every)
    # what the last turn starts is for the time until the next
    took = at[-1] - at[0] + every
    began = len(at) * 60 / took
    return [
        str(pods),
        str(runs),
        f"{every:g}",
        f"{allowed:.0f}",
        f"{began:.0f}",
        f"{began / allowed:.0%}",
        f"{at[-1] - at[0]:.0f}",
    ]


def _starts(pods: int, runs: int, every: float) -> list[float]:
    """Return when each run was started."""
    clock = SystemClock()
    child_runs = InstantRuns()
    almanac = _almanac(clock, pods, runs)

    def no_ports() -> nullcontext[Ports]:
        raise AssertionError("orders that are given need no cluster")

    fleet = FleetPorts(
        clock=clock,
        calendars=lambda: almanac,
        policies=NoPolicies(),
        open_ports=no_ports,
        open_store=lambda: nullcontext(MemoryStore()),
    )
    conductor = Conductor(
        fleet=fleet,
        runs=child_runs,
        memory=ProcessMemory(),
        decide=lambda _due: [
            ServicePlan(service=f"service-{number:03d}", current=1, steps=(2,)) for number in range(SERVICES)
        ],
        parent="pace",
        every=timedelta(seconds=every),
    )
    conducted(conductor, Due(began_at=clock.now(), planned_at=clock.now()), lambda _turn: None)
    return child_runs.at


def _almanac(clock: SystemClock, pods: int, runs: int) -> Calendars:
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "pace", "owner": "benchmark"},
        "spec": {"timezone": "UTC", "pace": {"pods_per_minute": pods, "runs": runs}},
    }
    calendar = EventCalendar.model_validate(document)
    return Calendars((ExpandedCalendar.of(calendar, Path(), now=clock.now()),))
