"""When an event of a feed takes place within the time that is told: bounded, and only what is near now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import chain, islice
from typing import Final

from springtide.events.feed_events import FeedEvent, FeedHead
from springtide.events.feed_values import Length
from springtide.policy.language.moments import instant, steady_offset
from springtide.policy.language.recurrence import RecurrenceRule, RuleError

Span = tuple[datetime, datetime]
"""[start, end) in UTC."""

MOST_TIMES: Final = 20_000
"""How many times one event of a feed takes place at most within the time that is told: an hourly one fits."""

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The time that is told: what begins in [after, before]."""

    after: datetime
    before: datetime

    def holds(self, span: Span) -> bool:
        """Whether `span` begins in it."""
        return self.after <= span[0] <= self.before

    def walls(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return what the clocks of `zone` show at its borders, with a day to spare."""
        return (
            self.after.astimezone(zone).replace(tzinfo=None) - _DAY,
            self.before.astimezone(zone).replace(tzinfo=None) + _DAY,
        )


def series_spans(event: FeedEvent, stand_for: list[tuple[FeedHead, FeedEvent]], horizon: Horizon) -> list[Span]:
    """Return when a series takes place, but for what the events of `stand_for` stand for.

    Raises:
        RuleError: it takes place too often, or its rule is given up.
    """
    if not event.recurs:
        return [] if _is_stood_for(event, stand_for) else spans_at(event, event.start.wall, horizon)
    walls = _walls(event, horizon)
    if len(walls) > MOST_TIMES:
        often = f"it takes place {_estimated(event, walls, horizon)} times within 400 days of now"
        raise RuleError(f"{often}, at most {MOST_TIMES} count: write fewer, longer events")
    single, shifts = _stood_for(event, stand_for)
    if event.excluded or event.excluded_days or single:
        walls = [
            wall for wall in walls if not event.leaves_out(wall) and wall not in single and wall.date() not in single
        ]
    spans = _spans_of(event, walls) if not shifts else _shifted(event, walls, shifts)
    return [span for span in spans if horizon.holds(span)] + _added_spans(event, single, horizon)


def _is_stood_for(event: FeedEvent, stand_for: list[tuple[FeedHead, FeedEvent]]) -> bool:
    single, _ = _stood_for(event, stand_for)
    wall = event.start.wall
    return wall in single or wall.date() in single or event.leaves_out(wall)


def _shifted(event: FeedEvent, walls: list[datetime], shifts: list[tuple[datetime, _Shift]]) -> list[Span]:
    """Return when a series takes place of which other events say how it goes on."""
    spans = []
    for wall in walls:
        shift = next((shifted for at, shifted in reversed(shifts) if at <= wall), None)
        if shift is None:
            spans += _spans_of(event, [wall])
        elif not shift.head.is_cancelled:
            spans += _spans_of(shift.event, [wall + shift.by])
    return spans


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """From one occurrence on a series goes as another event does."""

    head: FeedHead
    event: FeedEvent
    by: timedelta


def _stood_for(
    series: FeedEvent, stand_for: list[tuple[FeedHead, FeedEvent]]
) -> tuple[set[datetime | date], list[tuple[datetime, _Shift]]]:
    """Return the starts and days that others stand for, and from when on the whole series is another."""
    single: set[datetime | date] = set()
    shifts = []
    for head, event in stand_for:
        moment = event.stands_for
        if moment is None:
            continue
        if moment.is_day or series.start.is_day:
            single.add(moment.wall.date())
            wall = datetime.combine(moment.wall.date(), series.start.wall.time())
        else:
            wall = moment.by(series.start.zone)
            single.add(wall)
        if event.and_what_follows:
            shifts.append((wall, _Shift(head=head, event=event, by=event.start.by(series.start.zone) - wall)))
    return single, sorted(shifts, key=lambda shift: shift[0])


def _walls(event: FeedEvent, horizon: Horizon) -> list[datetime]:
    """Return the starts that the rules bring, by the clocks of the event: up to one more than are allowed."""
    after, before = horizon.walls(event.start.zone)
    first = event.start.wall
    by_rule = [
        list(islice(rule.walls(first, after, before, last=_last(rule, event)), MOST_TIMES + 1)) for rule in event.rules
    ]
    if len(by_rule) == 1:
        return by_rule[0]
    only_first = [first] if not by_rule and after <= first <= before else []
    return sorted({*only_first, *chain.from_iterable(by_rule)})


def _last(rule: RecurrenceRule, event: FeedEvent) -> datetime | None:
    """Return the last clock time of UNTIL: a day to its end; of whole days the day as it is written, or the later."""
    last = rule.last
    if last is None:
        return None
    written = datetime.combine(last.date(), time.max)
    local = last if last.tzinfo is None else last.astimezone(event.start.zone).replace(tzinfo=None)
    return max(written, local) if event.start.is_day else local


def _estimated(event: FeedEvent, walls: list[datetime], horizon: Horizon) -> str:
    before = horizon.walls(event.start.zone)[1]
    covered = (walls[-1] - walls[0]) / timedelta(days=1)
    return f"about {round(len(walls) * ((before - walls[0]) / timedelta(days=1)) / covered)}" if covered else "too many"


def is_far(head: FeedHead, horizon: Horizon) -> bool:
    """Whether an event that takes place once begins far from now, by its first eight digits; else it has to be read."""
    block = head.block
    starts = block.every("DTSTART")
    if len(starts) != 1 or block.oddities or any(block.first(name) for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        return False
    value = starts[0].value
    if len(value) not in (8, 15, 16) or not value[:8].isascii():
        return False
    try:
        day = date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return False
    return not (horizon.after - 2 * _DAY).date() <= day <= (horizon.before + 2 * _DAY).date()


def _spans_of(event: FeedEvent, walls: list[datetime]) -> list[Span]:
    zone = event.start.zone
    length = event.length
    whole = length.by_clocks + length.real
    spans = []
    for wall in walls:
        steady = steady_offset(zone, wall.toordinal()) if whole <= _DAY else None
        if steady is None:
            spans.append(_span(wall, length, zone))
        else:
            start = (wall - steady).replace(tzinfo=UTC)
            spans.append((start, start + whole))
    return spans


def spans_at(event: FeedEvent, wall: datetime, horizon: Horizon) -> list[Span]:
    """Return the one time at `wall`, where that is near."""
    if not horizon.after.year - 1 <= wall.year <= horizon.before.year + 1:
        return []  # farther away nothing can be reckoned with: years end at 1 and 9999
    span = _span(wall, event.length, event.start.zone)
    return [span] if horizon.holds(span) else []


def _added_spans(event: FeedEvent, single: set[datetime | date], horizon: Horizon) -> list[Span]:
    spans = []
    for wall, length in event.added:
        if not event.leaves_out(wall) and wall not in single and wall.date() not in single:
            spans += spans_at(replace(event, length=length), wall, horizon)
    return spans


def _span(wall: datetime, length: Length, zone: tzinfo) -> Span:
    start = instant(wall, zone)
    if not length.by_clocks:
        return start, start + length.real
    end = instant(wall + length.by_clocks, zone, is_end=True) + length.real
    return start, max(end, start + _SECOND)  # a gap may hold both
