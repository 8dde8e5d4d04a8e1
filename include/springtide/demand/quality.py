"""The gate before any model: demand that is empty, absurd, old or full of holes stops the run. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from springtide.errors import DemandUnusable
from springtide.quantities import round_down

if TYPE_CHECKING:
    from springtide.demand.model import DemandSeries
    from springtide.policy.model import FileDemand, PrometheusDemand

_CLOCK_SKEW = 60.0  # seconds that the source's clock may be ahead; more is an error of one of the clocks


def check_quality(series: DemandSeries, spec: PrometheusDemand | FileDemand, *, now: datetime) -> None:
    """Return when `series`, read over the `lookback` before `now`, may be acted on as `spec.quality` says.

    Raises:
        DemandUnusable: it may not (`capacity_unusable`); the message names the source, the value and its age.
    """
    _check_values(series)
    _check_age(series, spec.quality.max_age, now)
    _check_gaps(series, spec, now)


def unusable(source: str, problem: str) -> DemandUnusable:
    """Return the error for demand of `source` that must not be acted on."""
    return DemandUnusable(f"demand of {source}: {problem}", code="capacity_unusable", field="demand")


def _check_values(series: DemandSeries) -> None:
    if not len(series):
        raise unusable(series.source, "there is no sample. Is the query right, and is the service measured?")
    wrong = ~np.isfinite(series.values) | (series.values < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise unusable(
            series.source,
            f"{int(wrong.sum())} of {len(series)} samples are NaN, infinite or negative, first {series.values[first]} "
            f"at {_clock(series.times[first])}. Demand is a finite number, at least 0: correct the query.",
        )
    if (np.diff(series.times) <= 0).any():
        raise unusable(series.source, "its samples are not in the order of time, or one time stands twice.")


def _check_age(series: DemandSeries, max_age: timedelta, now: datetime) -> None:
    newest = float(series.times[-1])
    age = now.timestamp() - newest
    if age > max_age.total_seconds():
        raise unusable(
            series.source,
            f"the newest sample, {series.values[-1]:g} {series.unit} at {_clock(newest)}, is {age:.0f} s old; "
            f"quality.max_age allows {max_age}. Is the service still measured?",
        )
    if age < -_CLOCK_SKEW:
        raise unusable(
            series.source,
            f"the newest sample, at {_clock(newest)}, lies {-age:.0f} s in the future: two clocks differ.",
        )


def _check_gaps(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> None:
    step = spec.step.total_seconds()
    expected = max(1, spec.lookback // spec.step)
    missing = max(0, expected - len(np.unique(series.times // step)))
    if missing <= round_down(expected * spec.quality.max_missing):
        return
    start = now.timestamp() - spec.lookback.total_seconds()
    edges = np.concatenate(([start], series.times, [now.timestamp()]))
    longest = int(np.argmax(np.diff(edges)))
    raise unusable(
        series.source,
        f"{missing} of {expected} samples are missing ({missing / expected:.1%}), quality.max_missing allows "
        f"{spec.quality.max_missing}; the longest gap is from {_clock(edges[longest])} to {_clock(edges[longest + 1])}."
        f"{_hint(series, step, at_start=longest == 0)}",
    )


def _hint(series: DemandSeries, step: float, *, at_start: bool) -> str:
    spacing = float(np.median(np.diff(series.times))) if len(series) > 1 else step
    if spacing >= 2 * step:
        return f" Samples are {spacing:g} s apart: set demand.step to that."
    return " A younger service needs a shorter demand.lookback." if at_start else ""


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
