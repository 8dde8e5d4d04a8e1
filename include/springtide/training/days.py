"""What a past day teaches: its profile into the store, and the models that are fitted. It writes nowhere else.

There is no cluster behind it: `Learning` holds sources of demand and a store, and nothing that could scale anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from springtide.capacity.gates import recent_error
from springtide.capacity.learned import Forecast, Learned, fingerprint_of
from springtide.capacity.minutes import seen_minutes
from springtide.capacity.registry import fitting_of, scoring_of, untrusted
from springtide.demand.kept_pages import PAGES_KEPT
from springtide.demand.local_time import LocalClock, clock_of
from springtide.demand.model import DemandSeries, DemandSource
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.policy.scaling.capacity_ahead import ForecastSpec
from springtide.policy.scaling.capacity_part import AheadPart
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.quantities import round_up
from springtide.record.history import SLOTS, HistoryDay
from springtide.record.looks import errors_measured, keep_look
from springtide.record.store import RunStore

SLOT = timedelta(days=1) / SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How the past of one policy is read, and where it is kept.

    `maxima` answers with five-minute maxima, each named by the end of its five minutes; `replicas` with those that
    served, None where nobody knows; `recent` with demand as runs read it. `pages` is a folder, None for no pages; a
    page stays there for as long as `pages_kept` says.
    """

    policy: ScalingPolicy
    demand: PrometheusDemand | FileDemand
    store: RunStore
    recent: DemandSource
    maxima: DemandSource
    replicas: DemandSource | None = None
    pages: Path | None = None
    pages_kept: timedelta = PAGES_KEPT


def learn_day(learning: Learning, day: date) -> HistoryDay:
    """Judge `day` (UTC), keep it, and return it. The same day again gives the same row.

    Raises:
        DemandUnavailable: the metrics did not answer; try again.
        TemporaryError: the store did not answer.
    """
    from springtide.demand.expectations import judge_day

    start = datetime.combine(day, time.min, UTC)
    empty = HistoryDay(policy=learning.policy.name, day=day, unit=learning.demand.unit, profile=(None,) * SLOTS)
    try:
        series = _maxima(learning, start)
    except DemandUnusable as error:
        verdict = QualityVerdict((QualityFinding("readable", QualityOutcome.REFUSE, error.message),))
        kept = replace(empty, quality=verdict.to_record())
    else:
        judged = judge_day(series, learning.demand, start=start, pages=learning.pages, kept=learning.pages_kept)
        kept = replace(empty, quality=judged.verdict.to_record(), pages=judged.page)
        if judged.verdict.outcome is not QualityOutcome.REFUSE:
            kept = _with_demand(kept, learning, series, start)
    # A day that teaches nothing is kept as well: it says that it was looked at, and why it is empty.
    learning.store.save_day(kept)
    return kept


def learn_models(learning: Learning, now: datetime) -> Learned:
    """Fit the forecasts of the policy and measure each model's recent error, all from what lies before `now`.

    A forecast that was fitted on the same data is taken over. What cannot be learned yet is left out.

    Raises:
        DemandUnavailable: the metrics did not answer; try again.
        DemandUnusable: they answered with something that teaches nothing.
        TemporaryError: the store did not answer.
    """
    specs = [spec for spec in learning.policy.spec.capacity.models if isinstance(spec, AheadPart)]
    known = learning.store.learned(learning.policy.name)
    if not specs:
        return known
    series = learning.recent.read(now - learning.demand.lookback, now, learning.demand.step)
    clock = clock_of(learning.demand)
    fitted = dict(_forecasts(specs, series, known, now=now, clock=clock))
    errors = dict(_errors(specs, series, known, now=now, clock=clock))
    latest = learning.store.learned(learning.policy.name)  # fitting takes seconds, in which others may have learned
    learned = replace(latest, forecasts=fitted, errors=errors)
    learning.store.save_learned(learning.policy.name, learned)
    keep_look(lambda: nullcontext(learning.store), errors_measured(learning.policy.name, now=now))
    return learned


def _forecasts(
    specs: Sequence[AheadPart], series: DemandSeries, known: Learned, *, now: datetime, clock: LocalClock
) -> Iterator[tuple[str, Forecast]]:
    for spec in specs:
        if isinstance(spec, ForecastSpec):
            name = fingerprint_of(spec)
            try:
                yield name, fitting_of(spec, clock).fit(seen_minutes(series, now), known.forecasts.get(name))
            except DemandUnusable:
                continue  # too young: the model says so itself


def _errors(
    specs: Sequence[AheadPart], series: DemandSeries, known: Learned, *, now: datetime, clock: LocalClock
) -> Iterator[tuple[str, float]]:
    """Yield each model's error; a forecast is judged by the fit that was in force, which is the one before."""
    for spec in specs:
        name = fingerprint_of(spec)
        model = untrusted(spec, known, clock=clock)  # type: ignore[arg-type]
        error = recent_error(model, series, scoring_of(spec), now=now)
        if error is not None:
            yield name, error
        elif name in known.errors:
            yield name, known.errors[name]


def _maxima(learning: Learning, start: datetime) -> DemandSeries:
    """Return the five-minute maxima of the day, each named by its beginning."""
    # Prometheus names a maximum by its end, so the day's first one is that of 00:05.
    series = learning.maxima.read(start + SLOT, start + timedelta(days=1), SLOT)
    return replace(series, times=series.times - SLOT.total_seconds())


def _with_demand(day: HistoryDay, learning: Learning, series: DemandSeries, start: datetime) -> HistoryDay:
    profile = _profile(series, start)
    served = _profile(_replicas(learning, start), start)
    highest = int(np.nanargmax(profile))
    per_replica = _per_replica(learning.policy)
    day = replace(
        day,
        profile=tuple(None if np.isnan(value) else float(value) for value in profile),
        peak=float(profile[highest]),
        peak_at=start + highest * SLOT,
        mean=float(np.nanmean(profile)),
        required=None if per_replica is None else round_up(float(profile[highest]) / per_replica),
        actual=None if np.isnan(served).all() else float(np.nanmax(served)),
    )
    # Only where both are known: a gap in the replicas is not a service without any.
    usable = ~np.isnan(profile) & (served > 0)
    if per_replica is None or not usable.any():
        return day
    return replace(day, saturation=float((profile[usable] / (served[usable] * per_replica)).max()))


def _replicas(learning: Learning, start: datetime) -> DemandSeries:
    nothing = DemandSeries(times=np.empty(0), values=np.empty(0), unit="replicas", source="nobody")
    if learning.replicas is None:
        return nothing
    try:
        series = learning.replicas.read(start + SLOT, start + timedelta(days=1), SLOT)
    except DemandUnusable:
        return nothing  # nobody measured them: the demand of the day is known all the same
    return replace(series, times=series.times - SLOT.total_seconds())


def _profile(series: DemandSeries, start: datetime) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    profile = np.full(SLOTS, np.nan)
    slot = ((series.times - start.timestamp()) // SLOT.total_seconds()).astype(np.int64)
    inside = (slot >= 0) & (slot < SLOTS)
    profile[slot[inside]] = series.values[inside]
    return profile


def _per_replica(policy: ScalingPolicy) -> float | None:
    """Return what one replica serves by the first model that says so."""
    return policy.spec.capacity.rated_load
