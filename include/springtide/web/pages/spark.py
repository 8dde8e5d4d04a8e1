"""A service's last day in a small picture: demand in pods, ready pods, held floor, events. Pure: SVG's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from springtide.overview.cost import EventSpan
from springtide.overview.services import ServiceRow
from springtide.overview.wall import COURSE
from springtide.record.glances import CoursePoint

WIDTH: Final = 168
HEIGHT: Final = 40
_TOP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """One event in the picture."""

    x: float
    width: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """What the picture is drawn from; a path is "" where nothing was known. `words` say the same."""

    demand: str
    ready: str
    floor: str
    stripes: tuple[Stripe, ...]
    highest: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Where a number lies between two: `filled` and `wanted` in hundredths of the bar."""

    filled: float
    wanted: float


def spark_of(row: ServiceRow, now: datetime, span: timedelta = COURSE) -> Spark | None:
    """Return the picture of the row's last `span`; None where nothing was decided in it."""
    points = row.course
    if not points:
        return None
    known = [
        number for point in points for number in (point.answer, _ready(point), point.planned) if number is not None
    ]
    highest = max(*known, 1)
    first = now - span
    draw = _Drawn(first=first, seconds=span.total_seconds(), highest=highest)
    ready = draw.steps(points, _ready, now)
    return Spark(
        demand=draw.steps(points, lambda point: point.answer, now),
        ready=draw.closed(ready),
        floor=draw.steps(points, lambda point: point.planned if point.is_floor else None, now),
        stripes=tuple(_stripes(row.events, draw, now)),
        highest=highest,
        words=f"the last {span.total_seconds() / 3600:.0f} hours: at most {highest} pods, {_now(points[-1])}",
    )


def gauge_of(row: ServiceRow) -> Gauge | None:
    """Return where the row's ready and wanted pods lie between 0 and its maximum; None where nobody knows."""
    if row.ready is None or row.wanted is None or not row.maximum:
        return None
    top = max(row.maximum, row.ready, row.wanted)
    return Gauge(filled=round(100 * row.ready / top, 1), wanted=round(100 * row.wanted / top, 1))


def _ready(point: CoursePoint) -> int | None:
    return point.observed if point.ready is None else point.ready


def _now(point: CoursePoint) -> str:
    answer = "demand is not known now" if point.answer is None else f"demand asks for {point.answer} now"
    ready = _ready(point)
    return answer if ready is None else f"{answer}, {ready} are ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    first: datetime
    seconds: float
    highest: int

    def x(self, at: datetime) -> float:
        share = (at - self.first).total_seconds() / self.seconds
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)

    def y(self, pods: float) -> float:
        return round(HEIGHT - (HEIGHT - _TOP) * pods / self.highest, 1)

    def steps(self, points: Sequence[CoursePoint], number: Callable[[CoursePoint], int | None], end: datetime) -> str:
        """Return a line that stays at each number until the next one; where nobody knew it, there is none."""
        drawn: list[str] = []
        last: float | None = None
        for point in points:
            value = number(point)
            if value is None:
                if last is not None:
                    drawn.append(f"H{self.x(point.at)}")
                last = None
                continue
            x = self.x(point.at)
            drawn.append(f"M{x},{self.y(value)}" if last is None else f"H{x}V{self.y(value)}")
            last = value
        if last is not None:
            drawn.append(f"H{self.x(end)}")
        return "".join(drawn)

    def closed(self, path: str) -> str:
        """Return the area below `path`, piece by piece."""
        pieces = [f"M{piece}" for piece in path.split("M") if piece]
        return "".join(f"{piece}V{HEIGHT}H{piece[1:].partition(',')[0]}Z" for piece in pieces)


def _stripes(events: Iterable[EventSpan], draw: _Drawn, now: datetime) -> Iterable[Stripe]:
    for event in events:
        x = draw.x(event.start)
        width = draw.x(min(event.end, now)) - x
        if width > 0:
            yield Stripe(x=x, width=round(width, 1), name=event.name)
