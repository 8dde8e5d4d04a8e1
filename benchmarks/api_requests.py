"""What a run asks of the API server, by polling and by watches, with few pods and with many.

On the embedded cluster in virtual time, so that a busy machine changes no number: pods take 8 s to start and 5 s to go,
the propagation is 5 s, the drain 8 s. The smoke checks ask each new pod, by way of the API server: they are counted by
themselves.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.table import Table

if TYPE_CHECKING:
    from springtide.sandbox.history import Call

COURSES: Final = (("blue_green", 3, 6), ("blue_green", 10, 30), ("in_place", 3, 6), ("in_place", 10, 30))
ENVIRONMENT: Final = {"STARTUP": "8s", "DRAIN": "5s"}
WAITING: Final = ("instances_ready", "endpoints_switched", "remove_old_instances")


def measure() -> Table:
    """Return how many requests each run sends."""
    rows = [_row(*course, by=by) for course in COURSES for by in ("polling", "watches")]
    columns = ("run", "by", "seconds", "API requests", "of them watches", "while it waits or removes", "smoke checks")
    return Table("What a run asks of the API server", columns, rows)


def _row(strategy: str, start: int, target: int, *, by: str) -> tuple[str, ...]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    import logging

    import structlog

    from springtide.run import pipeline
    from springtide.run.state import Phase
    from support.simulation import Simulation
    from support.watching import watching

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    simulation = Simulation.of(start, strategy=strategy, propagation="5s", drain="8s")
    world = simulation.world
    deployment = deepcopy(simulation.deployment("web") or {})
    environment = [{"name": name, "value": value} for name, value in ENVIRONMENT.items()]
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = environment
    world.apply(deployment)
    world.settle(quiet=30.0)
    ports = watching(simulation.ports(), world) if by == "watches" else simulation.ports()
    before = len(world.history.calls)
    began = world.elapsed
    phases: list[tuple[str, int]] = []

    def on_phase(phase: Phase) -> None:
        phases.append((phase.value, len(world.history.calls)))

    pipeline.run(ports, simulation.request(target), on_phase)
    calls = world.history.calls
    ends = [number for _, number in phases[1:]] + [len(calls)]
    waits = [calls[first:last] for (name, first), last in zip(phases, ends, strict=True) if name in WAITING]
    asked = [call for call in calls[before:] if not _is_smoke(call)]
    watches = sum(call.query.get("watch") == "1" for call in asked)
    smoke = len(calls) - before - len(asked)
    numbers = (f"{world.elapsed - began:.0f}", len(asked), watches, sum(map(len, waits)), smoke)
    return (f"{strategy}, {start} to {target}", by, *map(str, numbers))


def _is_smoke(call: Call) -> bool:
    return "/proxy/" in call.path
