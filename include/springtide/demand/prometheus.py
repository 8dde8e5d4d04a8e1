"""Demand from Prometheus' range API, in chunks below its limit of 11,000 points."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from springtide.demand.asking import Asking, RangeQuestion, asked_alone
from springtide.demand.connection import PrometheusAddress
from springtide.demand.model import DemandSeries
from springtide.demand.quality import NEWEST, unusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from springtide.clock import Clock

_MOST_POINTS = 10_999  # Prometheus refuses more than 11,000 a series; 11,000 steps have 11,001
_SHOWN_SERIES = 3


class PrometheusSource:
    """Reads one query. Points stand at whole multiples of the step, so that two readings of one past agree."""

    def __init__(
        self,
        query: str,
        unit: str,
        *,
        address: PrometheusAddress,
        clock: Clock | None = None,
        points: int = _MOST_POINTS,
        asking: Asking | None = None,
    ) -> None:
        self._query = query
        self._unit = unit
        self._address = address
        self._clock = clock
        self._points = points
        self._asking = asking or partial(asked_alone, address, clock)
        self._name = f"{address.url}, query {query if len(query) <= 200 else query[:200] + '...'!r}"  # noqa: PLR2004

    @property
    def unit(self) -> str:
        """What the numbers count."""
        return self._unit

    @property
    def name(self) -> str:
        """What people know it as."""
        return self._name

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the points in [start, end] at multiples of `step`, which is a whole number of seconds.

        Prometheus carries a sample on for 5 minutes, so a point may be that much older than it says.

        Raises:
            DemandUnavailable: no whole answer came in time, or one with warnings (`demand_unavailable`).
            DemandUnusable: the query or the login was refused (`demand_refused`), the server's clock differs
                (`demand_clock`), or the answer is empty, or holds several series or a histogram, or in its newest hour
                NaN, infinity or a negative value (`capacity_unusable`). Before that hour such a point is left out.
        """
        return not_empty(self.samples(start, end, step), start, end)

    def samples(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return what `read` does, or an empty series where there are no points.

        Raises:
            DemandUnavailable, DemandUnusable: as `read`.
        """
        labels: dict[str, str] | None = None
        points: list[list[Any]] = []
        with self._asking() as ask:
            for question in self._questions(start, end, step):
                for series in self._one(ask(question), labels):
                    labels = series.get("metric", {})
                    points.extend(series["values"])
        return (
            self._series(points, end)
            if points
            else DemandSeries(times=np.empty(0), values=np.empty(0), unit=self._unit, source=self._name)
        )

    def question(self, start: datetime, end: datetime, step: timedelta) -> RangeQuestion | None:
        """Return the one question that `samples` would ask; None where it would ask none, or several."""
        questions = list(self._questions(start, end, step))
        return questions[0] if len(questions) == 1 else None

    def asked_by(self, asking: Asking) -> Self:
        """Return a source of the same whose questions go by `asking`; what they answer is judged the same."""
        return type(self)(
            self._query, self._unit, address=self._address, clock=self._clock, points=self._points, asking=asking
        )

    def _questions(self, start: datetime, end: datetime, step: timedelta) -> Iterator[RangeQuestion]:
        for first, last in chunks(start, end, step, self._points):
            yield RangeQuestion(address=self._address, query=self._query, first=first, last=last, step=step)

    def _one(self, result: Any, labels: dict[str, str] | None) -> list[dict[str, Any]]:
        if result is None:  # an empty list of Go, as some servers write it
            return []
        if not isinstance(result, list) or not all(isinstance(series, dict) for series in result):
            raise unusable(
                self._name, "the answer is no range of series, but a scalar or a text: write a query of one."
            )
        metrics = [series.get("metric", {}) for series in result]
        # Each chunk may hold one series and still be another one than before: a pod's name in the labels changes.
        if labels is not None and labels not in metrics:
            metrics = [labels, *metrics] if metrics else []
        if len(metrics) > 1:
            names = ", ".join(_label_text(metric) for metric in metrics[:_SHOWN_SERIES])
            more = f" and {len(metrics) - _SHOWN_SERIES} more" if len(metrics) > _SHOWN_SERIES else ""
            problem = f"the query returns {len(metrics)} series: {names}{more}. Wrap it in sum(...)."
            raise unusable(self._name, problem)
        if any("histograms" in series or "histogram" in series for series in result):
            problem = (
                "the query returns a native histogram, no numbers: take histogram_count(rate(...)) or a quantile of it."
            )
            raise unusable(self._name, problem)
        if not all(isinstance(series.get("values"), list) for series in result):
            raise unusable(self._name, "the answer holds a series without points: is it asked at /api/v1/query_range?")
        return result

    def _series(self, points: list[list[Any]], end: datetime) -> DemandSeries:
        try:
            table = np.array(points, dtype=np.float64)
            times = table[:, 0]
            values = table[:, 1]
        except (ValueError, IndexError):
            raise unusable(self._name, "its points are not pairs of time and number.") from None
        wrong = ~np.isfinite(values) | (values < 0)
        newest = wrong & (times > end.timestamp() - NEWEST)
        if newest.any():
            first = int(np.argmax(newest))
            when = datetime.fromtimestamp(float(times[first]), UTC).isoformat().replace("+00:00", "Z")
            raise unusable(
                self._name,
                f"{int(wrong.sum())} of {len(values)} points are NaN, infinite or negative, first {values[first]} at "
                f"{when}. Demand is a finite number, at least 0: correct the query (a division by zero gives NaN).",
            )
        return DemandSeries(
            times=times[~wrong], values=values[~wrong], unit=self._unit, source=self._name, left_out=times[wrong]
        )


def not_empty(series: DemandSeries, start: datetime, end: datetime) -> DemandSeries:
    """Return `series`, which was read over [start, end].

    Raises:
        DemandUnusable: it is empty (`capacity_unusable`).
    """
    if len(series):
        return series
    when = f"between {start.isoformat(timespec='seconds')} and {end.isoformat(timespec='seconds')}"
    problem = f"the query returns nothing {when}. Is it right, and is the service measured?"
    raise unusable(series.source, problem)


def chunks(start: datetime, end: datetime, step: timedelta, points: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the ranges that cover every multiple of `step` in [start, end] once, each of at most `points` points."""
    # Multiples of the step since 1970, not since `start`: every run asks for the same points, so they can be kept.
    seconds = int(step.total_seconds())
    first = math.ceil(start.timestamp() / seconds)
    last = math.floor(end.timestamp() / seconds)
    for low in range(first, last + 1, points):
        high = min(low + points - 1, last)
        yield datetime.fromtimestamp(low * seconds, UTC), datetime.fromtimestamp(high * seconds, UTC)


def _label_text(labels: dict[str, str]) -> str:
    inside = ", ".join(f"{key}={str(value)[:40]!r}" for key, value in sorted(labels.items()) if key != "__name__")
    return f"{labels.get('__name__', '')}{{{inside[:120]}}}"
