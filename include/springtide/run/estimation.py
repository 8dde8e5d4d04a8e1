"""How many replicas a policy's models ask for: from its demand, from what was learned, and past the quality gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from springtide.capacity.combine import estimate, held
from springtide.capacity.gates import AbstainOnError
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.registry import rehearsed_model
from springtide.demand.local_time import clock_of
from springtide.demand.model import DemandSeries, DemandSource
from springtide.demand.registry import read_demand
from springtide.demand.verdict import QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.policy.language.parts import Part
from springtide.policy.scaling.capacity_part import AheadPart
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.rehearsal import counts_requests
from springtide.record.history import HistoryStore, past_of
from springtide.verify.smoke import Instant


@dataclass(frozen=True, slots=True)
class EstimateInputs:
    """What else is known when replicas are calculated.

    `ask` answers the signals of `demand.alive`; `allowed_startup` is what the probes let a pod take, in seconds, which
    counts until tuning has found the start-up time.
    """

    ask: Instant | None = None
    allowed_startup: float | None = None


DEFAULT_INPUTS = EstimateInputs()


def estimate_for(
    policy: ScalingPolicy,
    source: DemandSource | None,
    store: HistoryStore,
    *,
    now: datetime,
    current: int,
    inputs: EstimateInputs = DEFAULT_INPUTS,
) -> CapacityEstimate:
    """Return what the policy's models make of demand, with what was learned and what the quality gate says.

    Raises:
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    spec = policy.spec.demand
    capacity = policy.spec.capacity
    clock = clock_of(spec)
    past = past_of(store, policy.name, now, clock)
    learned = past.learned.allowing(capacity.models, inputs.allowed_startup)
    measured = past.measured if spec is not None and counts_requests(spec.unit) else None
    models = [rehearsed_model(model, learned, measured, clock=clock) for model in capacity.models]
    if source is None or spec is None:
        return estimate(models, None, combine=capacity.combine, replicas=current, now=now)
    demand, verdict = read_demand(source, spec, now=now, expected=past.expected, ask=inputs.ask)
    quality = verdict.to_record() | {"pages": past.pages}
    seen = _seen(verdict, demand, now)
    if verdict.outcome is QualityOutcome.PASS:
        answer = estimate(models, demand, combine=capacity.combine, replicas=current, now=now)
        return replace(_with_reach(answer, capacity.models, seen, spec.lookback), quality=quality)
    # Demand that the gate distrusts may still ask for more; `held` sees to it that nobody shrinks by it.
    lenient = [AbstainOnError(spec.model, model) for spec, model in zip(capacity.models, models, strict=True)]
    try:
        answer = estimate(lenient, demand, combine=capacity.combine, replicas=current, now=now)
    except DemandUnusable:  # no model can say anything by such demand
        return replace(held(None, replicas=current, reason=verdict.message), quality=quality)
    answer = _with_reach(answer, capacity.models, seen, spec.lookback)
    return replace(held(answer, replicas=current, reason=verdict.message), quality=quality)


def _seen(verdict: QualityVerdict, demand: DemandSeries, now: datetime) -> timedelta | None:
    """Return how far back demand is known where that is less than was asked for; None where it is all there."""
    if not any(finding.rule == "short_history" for finding in verdict.findings):
        return None
    return timedelta(seconds=now.timestamp() - float(demand.times[0]))


def _with_reach(
    answer: CapacityEstimate, models: Sequence[Part], seen: timedelta | None, lookback: timedelta
) -> CapacityEstimate:
    """Return `answer` whose models of seasons say how much of the past they had: none of them asks for what is gone."""
    if seen is None:
        return answer
    note = f"it saw {seen / timedelta(days=1):.1f} days of the {lookback} that it looks back"
    answers = tuple(
        replace(each, reason=f"{each.reason}; {note}") if isinstance(spec, AheadPart) else each
        for spec, each in zip(models, answer.answers, strict=True)
    )
    return replace(answer, answers=answers)
