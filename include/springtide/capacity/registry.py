"""From a policy's `capacity.models` to models: one line per model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from springtide.capacity.auto import Auto
from springtide.capacity.conformal import Conformal
from springtide.capacity.event import Event, KnownOccurrence, Uplift
from springtide.capacity.fixed import Fixed
from springtide.capacity.forecast import Fitting, Forecasting
from springtide.capacity.gates import ErrorGate, ScoringWindow
from springtide.capacity.learned import NOTHING_LEARNED, Learned, fingerprint_of
from springtide.capacity.minutes import DAY, WEEK
from springtide.capacity.model import CapacityModel
from springtide.capacity.percentile import Percentile
from springtide.capacity.queueing import Queueing
from springtide.capacity.rehearsed import MaxOf, MeasuredLoad, RehearsedModel, planned_load
from springtide.capacity.seasonal import Seasonal
from springtide.capacity.sqrt_headroom import SqrtHeadroom
from springtide.capacity.target_utilization import TargetUtilization
from springtide.capacity.usl import Usl, fitted
from springtide.capacity.weighted_demand import WeightedDemand
from springtide.demand.local_time import STEADY, LocalClock
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.capacity import (
    FixedSpec,
    ModelSpec,
    PercentileSpec,
    QueueingSpec,
    SqrtHeadroomSpec,
    TargetUtilizationSpec,
    UslSpec,
    WeightedDemandSpec,
)
from springtide.policy.scaling.capacity_ahead import (
    ConformalSpec,
    EventModelSpec,
    ForecastSpec,
    KnownEvent,
    SeasonalSpec,
)
from springtide.policy.scaling.capacity_part import AheadPart

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


def _auto(spec: AutoSpec, learned: Learned, clock: LocalClock) -> Auto:
    key = fingerprint_of(spec)
    if spec.startup is None:
        seconds = learned.startups.get(key, UNMEASURED.total_seconds())
    else:
        seconds = spec.startup.total_seconds()  # what the owner states is not overruled by a measurement
    return Auto(
        per_replica=spec.per_replica,
        autoscaler=spec.autoscaler,
        interval=spec.interval // timedelta(minutes=1),
        startup_seconds=seconds,
        tuned=learned.tuned.get(key),
        clock=clock,
    )


def _conformal(spec: ConformalSpec, clock: LocalClock) -> Conformal:
    return Conformal(per_replica=spec.per_replica, quantile=float(spec.quantile), clock=clock, **_window(spec))


def _event(spec: EventModelSpec, clock: LocalClock) -> Event:
    return Event(
        per_replica=spec.per_replica,
        occasions=tuple(_occasion(event, spec.per_replica, clock) for event in spec.events),
        uplift=Uplift(quantile=float(spec.quantile), last=spec.last, clock=clock),
        max_error=float(spec.max_error),
        **_window(spec),
    )


def _occasion(event: KnownEvent, per_replica: float, clock: LocalClock) -> KnownOccurrence:
    like = event.past_start(ZoneInfo(clock.zone))
    return KnownOccurrence(
        kind=event.kind,
        start=event.start.timestamp(),
        end=event.end.timestamp(),
        known_at=0.0 if event.announced is None else event.announced.timestamp(),
        multiply=None if event.multiply is None else float(event.multiply),
        # the model divides by per_replica again, so that asked replicas come out as they were written
        demand=None if event.replicas is None else event.replicas * per_replica,
        like=None if like is None else like.timestamp(),
    )


def _forecasting(spec: ForecastSpec, learned: Learned) -> Forecasting:
    return Forecasting(
        per_replica=spec.per_replica,
        fit=learned.forecasts.get(fingerprint_of(spec)),
        quantile=float(spec.quantile),
        **_window(spec),
    )


def _percentile(spec: PercentileSpec) -> Percentile:
    return Percentile(
        per_replica=spec.per_replica, quantile=float(spec.quantile), margin=float(spec.margin), window=spec.window
    )


def _queueing(spec: QueueingSpec) -> Queueing:
    return Queueing(
        per_replica=spec.per_replica,
        workers=spec.workers,
        wait=spec.wait_seconds,
        share=float(spec.share),
        is_shared=spec.routing == "shared",
        window=spec.window,
    )


def _seasonal(spec: SeasonalSpec, clock: LocalClock) -> Seasonal:
    return Seasonal(
        per_replica=spec.per_replica,
        season=_SEASONS[spec.season],
        quantile=float(spec.quantile),
        clock=clock,
        **_window(spec),
    )


def _sqrt_headroom(spec: SqrtHeadroomSpec) -> SqrtHeadroom:
    return SqrtHeadroom(per_replica=spec.per_replica, target=spec.target, headroom=spec.headroom, window=spec.window)


def _usl(spec: UslSpec, *more: tuple[int, float]) -> Usl:
    measured = [(point.replicas, point.throughput) for point in spec.measured]
    return Usl(fitted([*measured, *more]), spec.target, spec.window)


class _Window(TypedDict):
    """What the models of what comes have to cover: minutes between runs, and seconds until a pod serves."""

    interval: int
    startup_seconds: float


def _window(spec: AheadPart | EventModelSpec) -> _Window:
    return {
        "interval": spec.interval // timedelta(minutes=1),
        "startup_seconds": spec.startup.total_seconds(),
    }


_BUILDERS: dict[type, Callable[[Any], CapacityModel]] = {
    TargetUtilizationSpec: lambda spec: TargetUtilization(spec.per_replica, spec.target, spec.window),
    FixedSpec: lambda spec: Fixed(spec.replicas),
    WeightedDemandSpec: _weighted_demand,
    SqrtHeadroomSpec: _sqrt_headroom,
    PercentileSpec: _percentile,
    QueueingSpec: _queueing,
    UslSpec: _usl,
}

_BY_THE_CLOCK: dict[type, Callable[[Any, LocalClock], CapacityModel]] = {
    SeasonalSpec: _seasonal,
    ConformalSpec: _conformal,
    EventModelSpec: _event,
}


def build_model(spec: ModelSpec, learned: Learned = NOTHING_LEARNED, *, clock: LocalClock = STEADY) -> CapacityModel:
    """Return the model that `spec` describes, with what was `learned` for it; it abstains after large errors.

    Its days are those of `clock`.
    """
    model = _built(spec, learned, clock)
    # Models that look ahead can be wrong without anybody noticing; those of present demand cannot.
    if isinstance(spec, AheadPart):
        return ErrorGate(
            name=spec.model,
            model=model,
            error=learned.errors.get(fingerprint_of(spec)),
            max_error=float(spec.max_error),
        )
    return model


def rehearsed_model(
    spec: ModelSpec, learned: Learned, measured: MeasuredLoad | None, *, clock: LocalClock = STEADY
) -> CapacityModel:
    """Return the model in the light of what a rehearsal measured, where it did."""
    model = build_model(spec, learned, clock=clock)
    if measured is None:
        return model
    planned = planned_load(spec)
    if planned is not None:
        return RehearsedModel(model, planned, measured)
    if isinstance(spec, UslSpec) and measured.is_limit:
        # a law is fitted to points, so the measurement is one more of them instead of a factor
        rehearsed = (measured.replicas, measured.per_replica * measured.replicas)
        return MaxOf(model, _usl(spec, rehearsed))
    return model


def untrusted(spec: ModelSpec, learned: Learned = NOTHING_LEARNED, *, clock: LocalClock = STEADY) -> CapacityModel:
    """Return the model without a look at its errors: what they are measured on."""
    return _built(spec, learned, clock)


def fitting_of(spec: ForecastSpec, clock: LocalClock = STEADY) -> Fitting:
    """Return how the forecast of `spec` is fitted."""
    return Fitting(_SEASONS[spec.season], float(spec.quantile), clock)


def scoring_of(spec: AheadPart) -> ScoringWindow:
    """Return how the errors of `spec`'s model are measured."""
    assert spec.rated_load is not None, "every model that looks ahead says what one replica serves"
    return ScoringWindow(spec.rated_load, **_window(spec))


def _built(spec: ModelSpec, learned: Learned, clock: LocalClock) -> CapacityModel:
    if isinstance(spec, ForecastSpec):
        return _forecasting(spec, learned)
    if isinstance(spec, AutoSpec):  # these two need what was learned, the others their settings alone
        return _auto(spec, learned, clock)
    if type(spec) in _BY_THE_CLOCK:
        return _BY_THE_CLOCK[type(spec)](spec, clock)
    return _BUILDERS[type(spec)](spec)
