"""How many replicas a service's kept days say are usual at this hour: for when its demand is not known now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import structlog

from springtide.capacity.combine import estimate
from springtide.capacity.gates import AbstainOnError
from springtide.capacity.registry import rehearsed_model
from springtide.demand.local_time import clock_of
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable, SpringtideError
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.history import LOOKED_BACK, HistoryStore, past_of, usual_at

log = structlog.get_logger(__name__)

_LONGEST: Final = timedelta(days=21)  # of the level that models are asked about: more of it says nothing new


def usual_replicas(store: HistoryStore, policy: ScalingPolicy, now: datetime) -> int | None:
    """Return what the policy's models ask for by the demand that is usual at this hour; None where no day was kept.

    A store that does not answer knows nothing: the look goes on without it.
    """
    spec = policy.spec.demand
    if spec is None:
        return None
    today = now.astimezone(UTC).date()
    try:
        days = store.days(policy.name, today - timedelta(days=LOOKED_BACK + 1), today - timedelta(days=1))
    except SpringtideError as error:
        log.warning("days_not_read", service=policy.name, code=error.code, message=error.message)
        return None
    # Another unit is another number: the policy measures something else since.
    level = usual_at([day for day in days if day.unit == spec.unit], now, clock_of(spec))
    return None if level is None else _needed(store, policy, spec, level, now)


def _needed(
    store: HistoryStore,
    policy: ScalingPolicy,
    spec: PrometheusDemand | FileDemand,
    level: float,
    now: datetime,
) -> int | None:
    """Return what the models make of demand that stood at `level`; None where none of them has an answer."""
    capacity = policy.spec.capacity
    past = past_of(store, policy.name, now, clock_of(spec))
    models = [
        AbstainOnError(model.model, rehearsed_model(model, past.learned, past.measured)) for model in capacity.models
    ]
    least = policy.spec.replicas.min
    try:
        answer = estimate(models, _flat(spec, level, now), combine=capacity.combine, replicas=least, now=now)
    except DemandUnusable:
        return None
    return min(max(answer.expected, least), policy.spec.replicas.max)


def _flat(spec: PrometheusDemand | FileDemand, level: float, now: datetime) -> DemandSeries:
    step = spec.step.total_seconds()
    count = int(min(spec.lookback, _LONGEST).total_seconds() // step)
    times = now.timestamp() - step * np.arange(count, -1, -1, dtype=np.float64)
    return DemandSeries(times=times, values=np.full(len(times), level), unit=spec.unit, source="the kept days")
