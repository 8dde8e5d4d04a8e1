"""How many replicas a policy's models ask for: from its demand, from what was learned, and past the quality gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from springtide.capacity.combine import estimate, held
from springtide.capacity.gates import AbstainOnError
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.registry import rehearsed_model
from springtide.demand.local_time import clock_of
from springtide.demand.model import DemandSource
from springtide.demand.registry import read_demand
from springtide.demand.verdict import QualityOutcome
from springtide.errors import DemandUnusable
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
    if verdict.outcome is QualityOutcome.PASS:
        answer = estimate(models, demand, combine=capacity.combine, replicas=current, now=now)
        return replace(answer, quality=quality)
    # Demand that the gate distrusts may still ask for more; `held` sees to it that nobody shrinks by it.
    lenient = [AbstainOnError(spec.model, model) for spec, model in zip(capacity.models, models, strict=True)]
    try:
        answer = estimate(lenient, demand, combine=capacity.combine, replicas=current, now=now)
    except DemandUnusable:  # no model can say anything by such demand
        return replace(held(None, replicas=current, reason=verdict.message), quality=quality)
    return replace(held(answer, replicas=current, reason=verdict.message), quality=quality)
