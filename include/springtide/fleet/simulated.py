"""A simulated preparation: what an event of the past would have been given, and what its demand then asked for.

It is planned with what was known when it would have been prepared, and nothing later; demand alone is read, and
nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from springtide.capacity.combine import estimate
from springtide.capacity.registry import build_model
from springtide.demand.local_time import clock_of
from springtide.demand.model import DemandSeries
from springtide.demand.registry import read_demand
from springtide.errors import DemandUnusable, SpringtideError
from springtide.events.grants import Grant, ReplicaBounds, grants
from springtide.events.occurrences import Occurrence
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports

STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedLine:
    """One service: planned replicas, and what demand then asked for at most, minute by minute. `problem` says why not.

    `short_minutes` are those in which the policy's own models asked for more than was planned.
    """

    service: str
    expected: int | None = None
    planned: int | None = None
    needed: int | None = None
    minutes: int = 0
    short_minutes: int = 0
    pod_hours: float = 0.0
    reason: str = ""
    problem: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self)

    def message(self) -> str:
        """Return what was found, for a log."""
        if self.planned is None:
            return f"not planned: {self.problem}"
        asked = self.problem or (
            f"demand asked for at most {self.needed}: {self.short_minutes} of {self.minutes} minutes short, "
            f"{self.pod_hours:.1f} pod-hours"
        )
        return f"{self.expected} → {self.planned} planned; {asked}"


def simulate_preparation(
    ports: Ports,
    policies: Mapping[str, ScalingPolicy],
    events: Sequence[Occurrence],
    *,
    at: datetime,
    cap: int | None = None,
) -> tuple[SimulatedLine, ...]:
    """Return each service's line for `events`, as they would have been prepared `at` that time."""
    names = sorted({name for event in events for name in event.asks})
    expected: dict[str, int] = {}
    problems = {name: "it has no policy" for name in names if name not in policies}
    for name in names:
        if name in policies:
            try:
                expected[name] = needed_at(policies[name], _demand(ports, policies[name], at), at)
            except SpringtideError as error:
                problems[name] = error.message
    bounds = {
        name: ReplicaBounds(policies[name].spec.replicas.min, policies[name].spec.replicas.max) for name in expected
    }
    planned = grants(events, expected, bounds, cap=cap)
    end = max(event.end for event in events)
    begin = min(event.start for event in events)
    return tuple(
        _line(ports, policies[name], expected[name], planned[name], begin=begin, end=end)
        if name in planned
        else SimulatedLine(service=name, problem=problems.get(name))
        for name in names
    )


def _line(
    ports: Ports, policy: ScalingPolicy, expected: int, grant: Grant, *, begin: datetime, end: datetime
) -> SimulatedLine:
    minutes = round((end - begin) / STEP)
    reason = "; ".join([grant.reason, *(clamp.reason for clamp in grant.clamps)])
    line = SimulatedLine(
        service=policy.name,
        expected=expected,
        planned=grant.replicas,
        needed=None,
        minutes=minutes,
        short_minutes=0,
        pod_hours=grant.replicas * (end - begin).total_seconds() / 3600,
        reason=reason,
    )
    try:
        series = _demand(ports, policy, end, since=begin)
        needed = [needed_at(policy, series, begin + number * STEP) for number in range(1, minutes + 1)]
    except SpringtideError as error:
        return _with(line, problem=f"what demand did is not known: {error.message}")
    short = sum(needed_then > grant.replicas for needed_then in needed)
    return _with(line, needed=max(needed, default=0), short_minutes=short)


def _with(line: SimulatedLine, **changes: Any) -> SimulatedLine:
    return SimulatedLine(**(asdict(line) | changes))


def _demand(
    ports: Ports, policy: ScalingPolicy, now: datetime, *, since: datetime | None = None
) -> DemandSeries | None:
    """Return demand until `now`, over the policy's lookback before it (or before `since`)."""
    spec = policy.spec.demand
    source = ports.demand(policy)
    if spec is None or source is None:
        return None
    if since is None:
        return read_demand(source, spec, now=now)[0]
    return source.read(since - spec.lookback, now, spec.step)


def needed_at(policy: ScalingPolicy, demand: DemandSeries | None, now: datetime) -> int:
    """Return what demand most likely needs at `now`, within the policy's bounds; its models see nothing later.

    Raises:
        DemandUnusable: there is no sample before `now` (`capacity_unusable`), or the models cannot use what there is.
    """
    spec = policy.spec
    models = [build_model(model, clock=clock_of(spec.demand)) for model in spec.capacity.models]
    if demand is not None:
        known = demand.times <= now.timestamp()
        demand = DemandSeries(
            times=demand.times[known], values=demand.values[known], unit=demand.unit, source=demand.source
        )
        if not len(demand):
            raise DemandUnusable(
                f"demand of {demand.source}: there is no sample before {now.isoformat()}.",
                code="capacity_unusable",
                field="demand",
            )
    estimated = estimate(models, demand, combine=spec.capacity.combine, replicas=spec.replicas.min, now=now)
    return min(max(estimated.expected, spec.replicas.min), spec.replicas.max)
