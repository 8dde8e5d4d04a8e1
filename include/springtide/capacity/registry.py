"""From a policy's `capacity.models` to models: one line per model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from springtide.capacity.auto import Auto
from springtide.capacity.conformal import Conformal
from springtide.capacity.event import Event, Occasion, Uplift
from springtide.capacity.fixed import Fixed
from springtide.capacity.forecast import Fitting, Forecasting
from springtide.capacity.learned import NOTHING_LEARNED, Learned, fingerprint_of
from springtide.capacity.minutes import DAY, WEEK
from springtide.capacity.model import CapacityModel
from springtide.capacity.percentile import Percentile
from springtide.capacity.queueing import Queueing
from springtide.capacity.rehearsed import Larger, MeasuredLoad, Rehearsed, planned_load
from springtide.capacity.seasonal import Seasonal
from springtide.capacity.sqrt_headroom import SqrtHeadroom
from springtide.capacity.target_utilization import TargetUtilization
from springtide.capacity.trust import Looked, Trusted
from springtide.capacity.usl import Usl, fitted
from springtide.capacity.weighted_demand import WeightedDemand
from springtide.policy.capacity_part import AheadPart
from springtide.policy.model import (
    AutoSpec,
    ConformalSpec,
    EventSpec,
    FixedSpec,
    ForecastSpec,
    KnownEvent,
    ModelSpec,
    PercentileSpec,
    QueueingSpec,
    SeasonalSpec,
    SqrtHeadroomSpec,
    TargetUtilizationSpec,
    UslSpec,
    WeightedDemandSpec,
)

UNMEASURED = timedelta(seconds=60)
"""How long a pod takes to serve, where neither the policy nor a run has said."""

_SEASONS = {"day": DAY, "week": WEEK}


def _weighted_demand(spec: WeightedDemandSpec) -> WeightedDemand:
    return WeightedDemand(
        request=float(spec.request),
        limit=float(spec.limit),
        max_replicas=spec.max_replicas,
        growth=spec.growth,
        target=spec.target,
        reserve=float(spec.reserve),
        window=spec.window,
    )


def _auto(spec: AutoSpec, learned: Learned) -> Auto:
    key = fingerprint_of(spec)
    startup = spec.startup or UNMEASURED
    seconds = startup.total_seconds() if spec.startup else learned.startups.get(key, startup.total_seconds())
    return Auto(
        spec.per_replica, spec.autoscaler, spec.interval // timedelta(minutes=1), seconds, learned.tuned.get(key)
    )


def _queueing(spec: QueueingSpec) -> Queueing:
    return Queueing(
        spec.per_replica, spec.workers, spec.wait_seconds, float(spec.share), spec.routing == "shared", spec.window
    )


def _seasonal(spec: SeasonalSpec) -> Seasonal:
    return Seasonal(spec.per_replica, _SEASONS[spec.season], float(spec.quantile), *_ahead(spec))


def _event(spec: EventSpec) -> Event:
    occasions = tuple(_occasion(one, spec.per_replica) for one in spec.events)
    uplift = Uplift(float(spec.quantile), spec.last)
    return Event(spec.per_replica, occasions, *_ahead(spec), uplift, float(spec.max_error))


def _occasion(one: KnownEvent, per_replica: float) -> Occasion:
    return Occasion(
        kind=one.kind,
        start=one.start.timestamp(),
        end=one.end.timestamp(),
        known_at=0.0 if one.announced is None else one.announced.timestamp(),
        multiply=None if one.multiply is None else float(one.multiply),
        demand=None if one.replicas is None else one.replicas * per_replica,
        like=None if one.past_start is None else one.past_start.timestamp(),
    )


def _ahead(spec: AheadPart | EventSpec) -> tuple[int, float]:
    return spec.interval // timedelta(minutes=1), spec.startup.total_seconds()


_BUILDERS: dict[type, Callable[[Any], CapacityModel]] = {
    TargetUtilizationSpec: lambda spec: TargetUtilization(spec.per_replica, spec.target, spec.window),
    FixedSpec: lambda spec: Fixed(spec.replicas),
    WeightedDemandSpec: _weighted_demand,
    SqrtHeadroomSpec: lambda spec: SqrtHeadroom(spec.per_replica, spec.target, spec.headroom, spec.window),
    PercentileSpec: lambda spec: Percentile(spec.per_replica, float(spec.quantile), float(spec.margin), spec.window),
    SeasonalSpec: _seasonal,
    ConformalSpec: lambda spec: Conformal(spec.per_replica, float(spec.quantile), *_ahead(spec)),
    QueueingSpec: _queueing,
    UslSpec: lambda spec: Usl(
        fitted([(one.replicas, one.throughput) for one in spec.measured]), spec.target, spec.window
    ),
    EventSpec: _event,
}


def build_model(spec: ModelSpec, learned: Learned = NOTHING_LEARNED) -> CapacityModel:
    """Return the model that `spec` describes, with what was `learned` for it; it steps aside after large errors."""
    model = _built(spec, learned)
    if isinstance(spec, AheadPart):
        return Trusted(spec.model, model, learned.errors.get(fingerprint_of(spec)), float(spec.max_error))
    return model


def rehearsed_model(spec: ModelSpec, learned: Learned, measured: MeasuredLoad | None) -> CapacityModel:
    """Return the model in the light of what a rehearsal measured, where it did."""
    model = build_model(spec, learned)
    if measured is None:
        return model
    planned = planned_load(spec)
    if planned is not None:
        return Rehearsed(model, planned, measured)
    if isinstance(spec, UslSpec) and measured.is_limit:
        points = [(one.replicas, one.throughput) for one in spec.measured]
        rehearsed = (measured.replicas, measured.per_replica * measured.replicas)
        return Larger(model, Usl(fitted([*points, rehearsed]), spec.target, spec.window))
    return model


def untrusted(spec: ModelSpec, learned: Learned = NOTHING_LEARNED) -> CapacityModel:
    """Return the model without a look at its errors: what they are measured on."""
    return _built(spec, learned)


def fitting_of(spec: ForecastSpec) -> Fitting:
    """Return how the forecast of `spec` is fitted."""
    return Fitting(_SEASONS[spec.season], float(spec.quantile))


def judged_by(spec: AheadPart) -> Looked:
    """Return how the errors of `spec`'s model are measured."""
    assert spec.rated_load is not None, "every model that looks ahead says what one replica serves"
    return Looked(spec.rated_load, *_ahead(spec))


def _built(spec: ModelSpec, learned: Learned) -> CapacityModel:
    if isinstance(spec, ForecastSpec):
        fit = learned.forecasts.get(fingerprint_of(spec))
        return Forecasting(spec.per_replica, fit, float(spec.quantile), *_ahead(spec))
    if isinstance(spec, AutoSpec):
        return _auto(spec, learned)
    return _BUILDERS[type(spec)](spec)
