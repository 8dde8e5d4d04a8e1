"""A policy against its service's history: what it would have planned, missed and cost, beside what others would have.

Nothing looks ahead: every decision sees the demand before it, the setting of every day is chosen from the days before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest import baselines
from springtide.backtest.daily import control_of
from springtide.backtest.guarded import GuardedPast
from springtide.backtest.policies import AUTOSCALERS, Replayed, Workbench
from springtide.backtest.simulate import Plans, Replay, SimulatedAutoscaler, oracle_pod_minutes, replay_plans, score
from springtide.backtest.switches import switches
from springtide.backtest.tuning import INTERVAL, reached
from springtide.capacity.combine import estimate
from springtide.capacity.minutes import HOUR, MINUTE
from springtide.capacity.registry import build_model
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable, InputError
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.capacity import WeightedDemandSpec
from springtide.policy.scaling.capacity_part import ModelPart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.backtest.simulate import Score
    from springtide.backtest.trace import Trace
    from springtide.capacity.cost_curve import CurvePoint
    from springtide.capacity.model import CapacityModel
    from springtide.policy.scaling.capacity import ModelSpec
    from springtide.policy.scaling.model import ScalingPolicy

POLICY = "this policy"
TICKS = 4
"""Ticks of a minute."""
_SEEN = 28
"""Days of demand that a decision is shown: more than any model looks back on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How one way of scaling did over the range: its score, the days on which it missed a minute, and its replicas.

    `replicas` are the largest of each minute, and `switches` how often they fell and rose again within the hour; None
    where there is no replay (the oracle, the static peak).
    """

    name: str
    score: Score
    pod_hours: float
    missed_days: int
    replicas: NDArray[np.int64] | None = None
    switches: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """A backtest: the policy's line first, then the others'. `trace` is the history, `settings` the tuned ones.

    `curve` is what the settings of `auto` reach over the whole range, over the cost of the second line.
    """

    policy: str
    trace: Trace
    startup_seconds: float
    lines: tuple[Line, ...]
    settings: tuple[str, ...] = ()
    curve: tuple[CurvePoint, ...] = ()

    @property
    def days(self) -> float:
        """Days that were replayed."""
        return (len(self.trace.demand) - self.trace.scored) / (24 * HOUR)

    def line(self, name: str) -> Line:
        """Return the line called `name`."""
        return next(line for line in self.lines if line.name == name)


def backtest(policy: ScalingPolicy, trace: Trace, startup_seconds: float) -> BacktestReport:
    """Return what `policy` would have done over the scored part of `trace`, and what others would have."""
    auto = next((spec for spec in policy.spec.capacity.models if isinstance(spec, AutoSpec)), None)
    hpa = SimulatedAutoscaler("cpu", 0.5) if auto is None else SimulatedAutoscaler(auto.hpa.metric, auto.hpa.target)
    interval = INTERVAL if auto is None else int(auto.interval.total_seconds() // MINUTE)
    shared = Workbench.of(trace, startup_seconds, interval=interval, reference=hpa)
    if auto is None:
        decided = _by_models(policy, shared)
        curve: tuple[CurvePoint, ...] = ()
    else:
        shared = _over_its_plans(policy, auto, shared)
        decided = shared.control(control_of(auto))
        first = shared.trace.first_day
        minutes = len(shared.trace.demand) - first * 24 * HOUR
        curve = reached(shared.days_of(control_of(auto)).since(first), shared.reference.since(first), minutes)
    # The policy's own autoscaler first: it is what this policy replaces, so the verdict compares with it.
    others = {_named(each): each for each in (hpa, *AUTOSCALERS.values())}
    lines = [_line(POLICY, shared.trace, decided)]
    lines += [_line(name, shared.trace, shared.stand_alone(each)) for name, each in others.items()]
    lines.append(_line("cron", shared.trace, baselines.cron(shared.trace, startup_seconds)))
    lines.append(_of_score("static peak", shared.trace, baselines.static_peak(shared.trace), 0))
    lines.append(_of_score("oracle", shared.trace, baselines.oracle(shared.trace), 0))
    return BacktestReport(
        policy=policy.name,
        trace=shared.trace,
        startup_seconds=startup_seconds,
        lines=tuple(lines),
        settings=tuple(str(each) for each in decided.settings),
        curve=curve,
    )


def capacity_of_a_pod(policy: ScalingPolicy) -> float:
    """Return what one replica can serve, as the policy's models say, in the demand's unit.

    Raises:
        InputError: no model says it.
    """
    for spec in policy.spec.capacity.models:
        if isinstance(spec, WeightedDemandSpec):  # with demand in cores, what a pod can serve is what it can use
            return float(spec.limit)
        if isinstance(spec, ModelPart) and spec.rated_load is not None:
            return spec.rated_load
    raise InputError(
        f"per_replica: no model of policy {policy.name} says what one replica can serve. Give it: --per-replica 55.",
        code="capacity_unusable",
        field="per_replica",
    )


def _named(autoscaler: SimulatedAutoscaler) -> str:
    return f"HPA {autoscaler.metric} {autoscaler.target:.0%}"


def _over_its_plans(policy: ScalingPolicy, auto: AutoSpec, shared: Workbench) -> Workbench:
    """Return the course for daily tuning: over the plans of the policy's other models, within its bounds."""
    others = [spec for spec in policy.spec.capacity.models if spec is not auto]
    plans = shared.plans.replicas
    if others:
        beside = _planned(policy, others, shared)[np.newaxis]
        plans = np.maximum(plans, beside) if policy.spec.capacity.combine == "max" else plans + beside
    bounds = policy.spec.replicas
    # 0 means that there was no plan: it must not become the policy's minimum, which would be one.
    plans = np.where(plans > 0, np.clip(plans, bounds.min, bounds.max), 0)
    return replace(shared, plans=Plans(plans, shared.plans.interval))


def _by_models(policy: ScalingPolicy, shared: Workbench) -> Replayed:
    """Return what the policy's models and guards make of it, with nobody else in control."""
    first = shared.trace.scored // shared.plans.interval
    planned = _guarded(policy, _planned(policy, list(policy.spec.capacity.models), shared)[first:], shared)
    scored = shared.trace.from_scored()
    plans = Plans(planned[np.newaxis], shared.plans.interval)
    replay = replay_plans(scored, plans, np.zeros(scored.day_count, np.int64), shared.startup_seconds)
    return Replayed((), replay, score(scored, replay))


def _planned(policy: ScalingPolicy, specs: list[ModelSpec], shared: Workbench) -> NDArray[np.int64]:
    """Return what the models ask for at every decision of the scored part; 0 before it, and where they cannot say."""
    trace = shared.trace
    interval = shared.plans.interval
    models = [build_model(spec, clock=trace.clock) for spec in specs]
    planned = np.zeros(shared.plans.replicas.shape[1], np.int64)
    for k in range(trace.scored // interval, len(planned)):
        if k * interval:
            planned[k] = _asked(policy, models, trace, k * interval, int(planned[k - 1]))
    return planned


def _asked(policy: ScalingPolicy, models: list[CapacityModel], trace: Trace, minute: int, before: int) -> int:
    first = max(0, minute - _SEEN * 24 * HOUR)
    times = trace.start + MINUTE * np.arange(first, minute, dtype=np.float64)
    spec = policy.spec.demand
    series = DemandSeries(
        times=times, values=trace.demand[first:minute], unit="" if spec is None else spec.unit, source=trace.name
    )
    # A second before the minute begins: the samples of the minutes before it are all that a run could have read.
    now = datetime.fromtimestamp(trace.start + MINUTE * minute - 1, UTC)
    try:
        return estimate(models, series, combine=policy.spec.capacity.combine, replicas=before, now=now).replicas
    except DemandUnusable:
        return before  # as a run does: without usable demand, what runs stays


def _guarded(policy: ScalingPolicy, wanted: NDArray[np.int64], shared: Workbench) -> NDArray[np.int64]:
    """Return the plans after the policy's guards, each judged from the one before it and the answers of lately."""
    start = shared.trace.start + MINUTE * shared.trace.scored
    guarded = np.zeros_like(wanted)
    past = GuardedPast(policy=policy)
    for k, number in enumerate(wanted):
        if number:  # 0: nothing was known yet, and what runs stays
            now = datetime.fromtimestamp(start + MINUTE * k * shared.plans.interval, UTC)
            guarded[k] = past.after(int(number), now)
    return guarded


def _line(name: str, trace: Trace, decided: Replayed) -> Line:
    missed = int(np.count_nonzero(decided.replay.days.violated))
    return _of_score(name, trace, decided.score, missed, decided.replay)


def _of_score(name: str, trace: Trace, judged: Score, missed: int, replay: Replay | None = None) -> Line:
    hours = judged.cost * oracle_pod_minutes(trace) / HOUR
    # Four ticks a minute; the largest of them, so that a short scale-up is still seen in the plot.
    replicas = None if replay is None else replay.created.reshape(-1, TICKS).max(axis=1)
    switched = None if replay is None else switches(replay.created, per_minute=TICKS)
    return Line(name=name, score=judged, pod_hours=hours, missed_days=missed, replicas=replicas, switches=switched)
