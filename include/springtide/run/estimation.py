"""How many replicas a policy's models ask for: demand, what was learned, and what the quality gate says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from springtide.capacity.combine import estimate, held
from springtide.capacity.gates import AbstainOnError
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.registry import rehearsed_model
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
    around: EstimateInputs = DEFAULT_INPUTS,
) -> CapacityEstimate:
    """Return what the policy's models make of demand, with what was learned and what the quality gate says.

    Raises:
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    spec = policy.spec.demand
    capacity = policy.spec.capacity
    past = past_of(store, policy.name, now)
    learned = past.learned.allowing(capacity.models, around.allowed_startup)
    measured = past.measured if spec is not None and counts_requests(spec.unit) else None
    models = [rehearsed_model(model, learned, measured) for model in capacity.models]
    if source is None or spec is None:
        return estimate(models, None, combine=capacity.combine, replicas=current, now=now)
    demand, verdict = read_demand(source, spec, now=now, expected=past.expected, ask=around.ask)
    quality = verdict.to_record() | {"pages": past.pages}
    if verdict.outcome is QualityOutcome.PASS:
        found = estimate(models, demand, combine=capacity.combine, replicas=current, now=now)
        return replace(found, quality=quality)
    lenient = [AbstainOnError(one.model, model) for one, model in zip(capacity.models, models, strict=True)]
    try:
        found = estimate(lenient, demand, combine=capacity.combine, replicas=current, now=now)
    except DemandUnusable:  # no model can say anything by such demand
        return replace(held(None, replicas=current, reason=verdict.message), quality=quality)
    return replace(held(found, replicas=current, reason=verdict.message), quality=quality)
