"""What a service's pods came to since midnight, by what was decided about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from springtide.record.glances import CoursePoint
from springtide.stored import Stored

_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpan(Stored):
    """A time that something lasts: [start, end), and what it is called."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CostToday(Stored):
    """Pod-hours since midnight UTC, those of them that events held beyond demand, and their price.

    `unknown_hours` are those that nobody decided anything in, so that they are in no number. `money` is None where no
    calendar says what a pod costs.
    """

    pod_hours: float
    event_pod_hours: float
    unknown_hours: float
    money: float | None = None


def cost_today(
    points: Sequence[CoursePoint], events: Sequence[EventSpan], *, now: datetime, pod_hour: float | None
) -> CostToday:
    """Return what `points`, oldest first, come to; a decision counts until the next one."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    total = beyond = known = 0.0
    for start, end, point in _steps(points, midnight, now):
        hours = (end - start).total_seconds() / _HOUR
        pods = point.planned if point.observed is None else point.observed
        known += hours
        total += pods * hours
        if point.answer is not None and _is_in(start, events):
            beyond += max(0, pods - point.answer) * hours
    return CostToday(
        pod_hours=total,
        event_pod_hours=beyond,
        unknown_hours=max(0.0, (now - midnight).total_seconds() / _HOUR - known),
        money=None if pod_hour is None else total * pod_hour,
    )


def _steps(
    points: Sequence[CoursePoint], first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime, CoursePoint]]:
    ends = [point.at for point in points[1:]] + [last]
    for point, end in zip(points, ends, strict=False):
        start = max(point.at, first)
        if start < min(end, last):
            yield start, min(end, last), point


def _is_in(at: datetime, events: Iterable[EventSpan]) -> bool:
    return any(event.start <= at < event.end for event in events)
