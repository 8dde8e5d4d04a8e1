"""The geometry of the timeline of events: days, lanes and boxes, as shares of its width. Pure.

    day        one UTC day, its left edge and its width
    lane       one service, with a row of boxes for each event that overlaps another
    block      one event for one service: the event itself, and the lead before it
    band       a freeze, over the lanes that stand still

Across, everything is a percentage of the width, so a drawing needs no other size on another screen; down, it is pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from springtide.overview.events import EventRow, FreezeRow, Light

DAYS: Final = 14
LANES: Final = 40
"""How many services are drawn: what is more is in the table below, and told."""

HEADER: Final = 26
"""Pixels of the names of the days."""

TITLE: Final = 19
"""Pixels of a lane's name, above its boxes."""

ROW: Final = 24
"""Pixels of one row of boxes."""

GAP: Final = 7
"""Pixels below a lane."""

NARROWEST: Final = 0.7
"""Per cent: an event of minutes is still something to see and to press."""

NARROWEST_LEAD: Final = 0.25

LABEL: Final = 8.0
"""Per cent that a label needs at least: a word and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnDay:
    """One UTC day; `x` and `width` in per cent."""

    x: float
    width: float
    label: str
    is_weekend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBlock:
    """One event for one service. `y` in pixels below the lane's top, everything else in per cent.

    `opens_before` and `ends_after` say that it goes on beyond the drawing. Its label stands within it, or beside it
    where there is room: `label_width` is 0 where there is none.
    """

    row: EventRow
    asks: str
    x: float
    width: float
    lead_x: float
    lead_width: float
    y: int
    opens_before: bool = False
    ends_after: bool = False
    label_x: float = 0.0
    label_width: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One freeze in one lane, in per cent."""

    freeze: FreezeRow
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One service: its top and height in pixels, its light, its boxes and freezes."""

    service: str
    y: int
    height: int
    light: Light
    blocks: tuple[EventBlock, ...]
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The whole drawing: `height` in pixels, `now_x` in per cent; `left_out` are the services that have no lane."""

    begin: datetime
    end: datetime
    days: tuple[DrawnDay, ...]
    lanes: tuple[Lane, ...]
    now_x: float
    height: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that is drawn."""

    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Return where `at` is, from 0 to 100, cut at the edges."""
        share = (at - self.begin) / (self.end - self.begin)
        return 100 * min(1.0, max(0.0, share))

    def box(self, begin: datetime, end: datetime, narrowest: float) -> tuple[float, float]:
        """Return the left edge and the width of a time; never narrower, and never beyond the edge."""
        width = max(self.x(end) - self.x(begin), narrowest)
        return min(self.x(begin), 100 - width), width

    def holds(self, begin: datetime, end: datetime) -> bool:
        """Say whether any of that time is drawn."""
        return begin < self.end and end > self.begin


def timeline(
    rows: Sequence[EventRow], freezes: Sequence[FreezeRow], now: datetime, *, days: int = DAYS, most: int = LANES
) -> Timeline:
    """Return the drawing of `rows` and `freezes` from the begin of today (UTC) over so many `days`.

    Services stand by name, those with something red first. What is over or later than that is not drawn.
    """
    span = _span(now, days)
    shown = [row for row in rows if span.holds(min(row.prepared_at, row.start), row.end)]
    names = _services(shown)
    lanes = tuple(_lanes(names[:most], shown, freezes, span))
    return Timeline(
        begin=span.begin,
        end=span.end,
        days=tuple(_days(span, days)),
        lanes=lanes,
        now_x=span.x(now),
        height=HEADER + sum(lane.height + GAP for lane in lanes),
        left_out=tuple(names[most:]),
    )


def _span(now: datetime, days: int) -> _Span:
    begin = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _Span(begin, begin + timedelta(days=days))


def _services(rows: Iterable[EventRow]) -> list[str]:
    lights: dict[str, set[Light]] = {}
    for row in rows:
        for service in row.asks:
            lights.setdefault(service, set()).add(row.light)
    return sorted(lights, key=lambda service: (Light.RED not in lights[service], service))


def _days(span: _Span, count: int) -> Iterable[DrawnDay]:
    for number in range(count):
        day = span.begin + timedelta(days=number)
        is_named = number == 0 or day.day == 1
        label = f"{day:%a} {day.day}" + (f" {day:%b}" if is_named else "")
        yield DrawnDay(x=100 * number / count, width=100 / count, label=label, is_weekend=day.weekday() > 4)  # noqa: PLR2004


def _lanes(
    services: Iterable[str], rows: Sequence[EventRow], freezes: Sequence[FreezeRow], span: _Span
) -> Iterable[Lane]:
    y = HEADER
    for service in services:
        mine = [row for row in rows if service in row.asks]
        blocks = _labelled(tuple(_blocks(service, mine, span)))
        height = TITLE + ROW * (1 + max((block.y - TITLE) // ROW for block in blocks))
        lights = {row.light for row in mine}
        light = next(each for each in (Light.RED, Light.AMBER, Light.UNKNOWN, Light.GREEN) if each in lights)
        bands = tuple(_bands(service, freezes, span))
        yield Lane(service=service, y=y, height=height, light=light, blocks=blocks, bands=bands)
        y += height + GAP


def _blocks(service: str, rows: Sequence[EventRow], span: _Span) -> Iterable[EventBlock]:
    taken: list[float] = []  # until where each row of boxes is taken, in per cent
    for row in sorted(rows, key=lambda each: (each.prepared_at, each.start, each.id)):
        x, width = span.box(row.start, row.end, NARROWEST)
        has_lead = row.prepared_at < row.start and row.start > span.begin
        lead_width = max(x - span.x(row.prepared_at), NARROWEST_LEAD) if has_lead else 0.0
        lead_x = max(0.0, x - lead_width)
        level = next((number for number, until in enumerate(taken) if until <= lead_x), len(taken))
        taken[level : level + 1] = [x + width]
        yield EventBlock(
            row=row,
            asks=row.asks[service],
            x=x,
            width=width,
            lead_x=lead_x,
            lead_width=x - lead_x,
            y=TITLE + ROW * level,
            opens_before=row.start < span.begin,
            ends_after=row.end > span.end,
        )


def _labelled(blocks: tuple[EventBlock, ...]) -> tuple[EventBlock, ...]:
    """Return `blocks` with the places of their labels: within it, or behind it where there is room."""
    return tuple(_with_label(block, [other for other in blocks if other.y == block.y]) for block in blocks)


def _with_label(block: EventBlock, beside: Sequence[EventBlock]) -> EventBlock:
    if block.width >= LABEL:
        return replace(block, label_x=block.x, label_width=block.width)
    end = block.x + block.width
    room = min((other.lead_x for other in beside if other.lead_x >= end and other is not block), default=100.0) - end
    return replace(block, label_x=end, label_width=min(room, 2 * LABEL)) if room >= LABEL else block


def _bands(service: str, freezes: Iterable[FreezeRow], span: _Span) -> Iterable[Band]:
    for freeze in freezes:
        if span.holds(freeze.start, freeze.end) and (not freeze.services or service in freeze.services):
            x, width = span.box(freeze.start, freeze.end, NARROWEST)
            yield Band(freeze=freeze, x=x, width=width)
