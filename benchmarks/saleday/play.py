"""The day played twice in the same cluster: under an HPA as it is, and under springtide."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np
import structlog

from benchmarks.saleday.day import RUN_IN, SHARES, Day
from benchmarks.saleday.metrics import HPA_TARGET, Metrics, ready_endpoints
from benchmarks.saleday.pipeline import Pipeline
from benchmarks.saleday.runs import Mark
from benchmarks.saleday.shop import FEWEST, NAMESPACE, Recorded, shop
from springtide.backtest.simulate import TICK_SECONDS
from springtide.capacity.learned import fingerprint_of
from springtide.capacity.minutes import MINUTE
from springtide.capacity.setting import UNTUNED, Setting
from springtide.run.ports import RunRequest
from springtide.run.release import release_request
from springtide.training.tuning import auto_specs, tune_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.sandbox.store import Change
    from springtide.sandbox.world import World

TRIALS: Final = 5
"""Runs up and back of each service on the evening before: what leads and start-up times are learned from."""
TICKS: Final = round(MINUTE / TICK_SECONDS)


@dataclass
class Watched:
    """What the cluster's own record says: (second, count) of pods and of desired replicas, by service."""

    world: World
    pods: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    desired: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in SHARES:
            deployment = self.world.get("deployments", NAMESPACE, name)
            assert deployment is not None
            self.pods[name] = [(0.0, len(self.world.pods(NAMESPACE, {"app": name})))]
            self.desired[name] = [(0.0, deployment["spec"]["replicas"])]
        self.world.store.observe(self._saw)

    def _saw(self, change: Change) -> None:
        if change.ref.resource == "pods" and change.type != "MODIFIED":
            many = self.pods[change.object["metadata"]["labels"]["app"]]
            many.append((self.world.elapsed, many[-1][1] + (1 if change.type == "ADDED" else -1)))
        if change.ref.resource == "deployments" and change.type == "MODIFIED":
            desired = self.desired[change.ref.name]
            replicas = change.object["spec"]["replicas"]
            if replicas != desired[-1][1]:
                desired.append((self.world.elapsed, replicas))


@dataclass(frozen=True, slots=True)
class Played:
    """One service's day: per tick of 15 s the fewest ready endpoints, what was needed, and what was paid.

    `pod_hours` are those of the day, `changes` the changes of desired replicas in it.
    """

    ready: NDArray[np.int64]
    needed: NDArray[np.float64]
    pod_hours: float
    changes: int

    @property
    def violated(self) -> NDArray[np.bool_]:
        """Which minutes had too few ready endpoints in any of their ticks."""
        return np.asarray((self.ready < self.needed).reshape(-1, TICKS).any(axis=1), np.bool_)


@dataclass(frozen=True, slots=True)
class Course:
    """A whole day: each service's, and the runs in seconds of the day."""

    services: dict[str, Played]
    marks: tuple[Mark, ...] = ()
    tuned: dict[str, Setting] = field(default_factory=dict)


def under_hpa(day: Day, startup: int) -> Course:
    """Return the day under the HPA on mean CPU at 50 %."""
    world = shop(day, startup, _first_replicas(day, HPA_TARGET))
    watched = Watched(world)
    Metrics(world, {name: day.trace(name) for name in SHARES}, lambda _service: None)
    world.advance((RUN_IN + day.minutes) * MINUTE)
    return Course({name: _played(day, world, watched, name) for name in SHARES})


def under_springtide(day: Day, startup: int, *, shape: str = "learned") -> Course:
    """Return the day under springtide: sweeps, the calendar, and floors over HPAs that follow its tuned metric.

    Its sales are held by the `shape` of those before them, or `flat`.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    world = shop(day, startup, _first_replicas(day, UNTUNED.target or 1.0))
    watched = Watched(world)
    with TemporaryDirectory() as folder:
        pipeline = Pipeline(world, day, Path(folder), shape)
        Metrics(world, {name: day.trace(name) for name in SHARES}, lambda name: _setting(pipeline, name))
        _try_out(pipeline)
        for name, policy in pipeline.policies.items():
            tune_policy(policy, Recorded(day, name), pipeline.store, world.now())
        pipeline.advance(day.minutes * MINUTE)
    begin = _begins(day, world)
    for mark in pipeline.runs.marks:
        mark.begun -= begin
        mark.ended = None if mark.ended is None else mark.ended - begin
    return Course(
        {name: _played(day, world, watched, name) for name in SHARES},
        tuple(pipeline.runs.marks),
        {name: _setting(pipeline, name) for name in SHARES},
    )


def _try_out(pipeline: Pipeline) -> None:
    """Scale each service up and back a few times on the evening before, with some pods more than run."""
    begin = pipeline.world.elapsed
    world = pipeline.world
    for trial in range(TRIALS):
        for name, policy in pipeline.policies.items():
            more = ready_endpoints(world, name) + 6
            request = RunRequest(
                run_id=f"trial-{trial}-{name}",
                policy=policy,
                replicas=more,
                strategy=None,
                requested_by="benchmark",
                reason="tried out",
            )
            pipeline.runs.begin("trial", request, before=0, to=more)
        pipeline.advance(20 * MINUTE, is_scheduled=False)
        for name, policy in pipeline.policies.items():
            back = release_request(policy, run_id=f"back-{trial}-{name}", requested_by="benchmark", reason="tried out")
            pipeline.runs.begin("trial", back, before=0, to=FEWEST)
        pipeline.advance(20 * MINUTE, is_scheduled=False)
    left = RUN_IN * MINUTE - (world.elapsed - begin)
    pipeline.advance(left, is_scheduled=False)


def _setting(pipeline: Pipeline, name: str) -> Setting:
    """Return what the service's autoscaler follows now."""
    spec = auto_specs(pipeline.policies[name])[0]
    tuned = pipeline.store.learned(name).tuned.get(fingerprint_of(spec))
    return UNTUNED if tuned is None else tuned.setting


def _first_replicas(day: Day, target: float) -> dict[str, int]:
    first = {name: float(day.trace(name).demand[0]) / day.per_replica for name in SHARES}
    return {name: max(FEWEST, math.ceil(pods / target)) for name, pods in first.items()}


def _begins(day: Day, world: World) -> float:
    return float((day.begins - world.core.start) / timedelta(seconds=1))


def _played(day: Day, world: World, watched: Watched, name: str) -> Played:
    begin = _begins(day, world)
    ticks = day.minutes * TICKS
    written = [(entry.time, len(entry.ready)) for entry in world.history.written if entry.service == name]
    needed = np.repeat(day.trace(name).demand[RUN_IN:], TICKS) / day.per_replica
    pods = watched.pods[name]
    desired = watched.desired[name]
    end = begin + ticks * TICK_SECONDS
    return Played(
        ready=_fewest(written, begin, ticks),
        needed=needed,
        pod_hours=_integral(pods, begin, end) / 3600,
        changes=sum(begin <= at < end for at, _ in desired),
    )


def _fewest(course: list[tuple[float, int]], begin: float, ticks: int) -> NDArray[np.int64]:
    """Return the least count of each tick, the one that it begins with included."""
    fewest = np.zeros(ticks, np.int64)
    at = 0
    count = 0
    for tick in range(ticks):
        start = begin + tick * TICK_SECONDS
        while at < len(course) and course[at][0] <= start:
            count = course[at][1]
            at += 1
        least = count
        ahead = at
        while ahead < len(course) and course[ahead][0] < start + TICK_SECONDS:
            least = min(least, course[ahead][1])
            ahead += 1
        fewest[tick] = least
    return fewest


def _integral(course: list[tuple[float, int]], begin: float, end: float) -> float:
    """Return count times seconds from `begin` to `end`."""
    times = [min(max(at, begin), end) for at, _ in course] + [end]
    return sum(count * (times[i + 1] - times[i]) for i, (_, count) in enumerate(course))
