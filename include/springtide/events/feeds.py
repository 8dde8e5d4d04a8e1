"""A feed as a whole: its events by UID, each read apart, expanded around now, and accounted for. Pure.

The events of one UID are a series and what stands for single occurrences of it. Whether an event is wanted (`match`)
and whether it was called off is asked before its times are read: what nobody wants need not be readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from springtide.events.accounts import CANCELLED, FAR_AWAY, NO_LENGTH, NO_MATCH, REPLACED, UNREADABLE, SourceFinding
from springtide.events.feed_events import FeedEvent, FeedHead, head_of, read_event
from springtide.events.feed_values import Clocks, FeedError, Length
from springtide.events.feed_zones import own_zones, zone_named
from springtide.policy.calendar.ical import EVENT, ICalendar
from springtide.policy.language.moments import instant, steady_offset
from springtide.policy.language.recurrence import Rule, RuleError

if TYPE_CHECKING:
    from springtide.policy.calendar.ical import Block

Span = tuple[datetime, datetime]
"""[start, end) in UTC."""

MOST_TIMES: Final = 20_000
"""How many times one event of a feed takes place at most within the time that is told: an hourly one fits."""

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class FeedReading:
    """What a feed holds: when its events take place, by UID, and what became of each."""

    file: str
    in_file: int = 0
    spans: dict[str, list[Span]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    findings: list[SourceFinding] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """UIDs of which something could not be read."""

    is_cut_off: bool = False

    def tell(self, message: str, line: int | None, uid: str | None = None, *, is_error: bool = False) -> None:
        """Note one finding."""
        self.findings.append(SourceFinding(message=message, file=self.file, line=line, uid=uid, is_error=is_error))

    def leave_out(self, why: str, head: FeedHead) -> None:
        """Note that an event does not count."""
        self.left_out.setdefault(why, []).append(head.label)


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


def read_feed(
    ical: ICalendar, *, file: str, zone: tzinfo, match: str | None, horizon: Horizon, now: datetime
) -> FeedReading:
    """Return what `ical` holds.

    `zone` is whose clocks show whole days and floating times; `match` is as a calendar says.
    """
    reading = FeedReading(file=file, is_cut_off=ical.is_cut_off)
    for line, message in ical.oddities:
        reading.tell(message, line, is_error=ical.is_cut_off and "end is missing" in message)
    by_uid: dict[str, list[FeedHead]] = {}
    for head in _heads(ical, zone, now, reading):
        by_uid.setdefault(head.uid or f"line {head.block.line}", []).append(head)
    for uid, heads in by_uid.items():
        reading.in_file += len(heads)
        spans = _read_series(heads, match, horizon, reading)
        if spans:
            reading.spans[uid] = spans
    return reading


def _heads(ical: ICalendar, zone: tzinfo, now: datetime, reading: FeedReading) -> Iterator[FeedHead]:
    zones = (block for calendar in ical.calendars for block in calendar.blocks if block.kind == "VTIMEZONE")
    own, oddities = own_zones(zones, now)
    for line, message in oddities:
        reading.tell(message, line)
    for calendar in ical.calendars:
        method = calendar.first("METHOD")
        clocks = _clocks(calendar, zone, own, reading)
        for block in calendar.blocks:
            if block.kind == EVENT:
                yield head_of(block, clocks, method=method.value.upper() if method else "")


def _clocks(calendar: Block, zone: tzinfo, own: Mapping[str, tzinfo], reading: FeedReading) -> Clocks:
    found = calendar.first("X-WR-TIMEZONE")
    if found is None or not found.value:
        return Clocks(calendar=zone, floating=zone, of_utc=UTC, own=own)
    named = zone_named(found.value, own)
    if named is None:
        message = f"X-WR-TIMEZONE {found.value[:60]!a} is no time zone that is known: write an IANA name"
        reading.tell(message, found.line)
    return Clocks(calendar=zone, floating=named, of_utc=named or UTC, own=own, feed_zone=found.value)


def _read_series(heads: list[FeedHead], match: str | None, horizon: Horizon, reading: FeedReading) -> list[Span]:
    """Return when the events of one UID take place; note what becomes of each."""
    if not any(head.matches(match) for head in heads):
        for head in heads:
            reading.leave_out(NO_MATCH, head)
        return []
    if any(head.cancels_series for head in heads):
        for head in heads:
            reading.leave_out(CANCELLED, head)
        return []
    if len(heads) == 1 and _is_far(heads[0], horizon):
        reading.leave_out(FAR_AWAY, heads[0])
        return []
    heads = _newest(heads, reading)
    overrides = [(head, _read(head, match, reading)) for head in heads if head.is_override]
    series = [(head, _read(head, match, reading)) for head in heads if not head.is_override]
    spans: list[Span] = []
    stand_for = [(head, event) for head, event in overrides if event is not None]
    if overrides and not series:
        reading.tell("what it stands for is not in the feed: it counts by itself", heads[0].block.line, heads[0].uid)
    for head, event in series:
        if event is not None:
            found = _series_spans(head, event, stand_for, horizon, reading)
            spans += _counted(head, event, found, match, reading)
    for head, event in stand_for:
        spans += _counted(head, event, _spans_at(event, event.start.wall, horizon), match, reading)
    return spans if len(heads) == 1 else sorted(set(spans))


def _newest(heads: list[FeedHead], reading: FeedReading) -> list[FeedHead]:
    """Leave out what a newer one of the same kind replaces; series of one UID that are equally new all count."""
    series = [head for head in heads if not head.is_override]
    newest = max((head.sequence for head in series), default=0)
    kept = [head for head in heads if head.is_override or head.sequence == newest]
    for head in series:
        if head.sequence < newest:
            reading.leave_out(REPLACED, head)
    alike = len(kept) - sum(head.is_override for head in kept)
    if alike > 1:
        message = f"{alike} events share this UID: each counts; let the calendar give each its own"
        reading.tell(message, series[1].block.line, series[1].uid)
    return kept


def _read(head: FeedHead, match: str | None, reading: FeedReading) -> FeedEvent | None:
    """Return the event of `head`; None where it cannot be read, or is a series that was called off."""
    if head.is_cancelled and not head.is_override:
        reading.leave_out(CANCELLED, head)
        return None
    try:
        event = read_event(head)
    except FeedError as error:
        _tell_unreadable(head, str(error), error.line, match, reading)
    except Exception as error:  # noqa: BLE001  whatever one event holds takes no other away, and is told
        message = f"it cannot be read: {type(error).__name__}: {str(error)[:160]}"
        _tell_unreadable(head, message, head.block.line, match, reading)
    else:
        return event
    return None


def _tell_unreadable(head: FeedHead, message: str, line: int, match: str | None, reading: FeedReading) -> None:
    if not head.matches(match):
        reading.leave_out(NO_MATCH, head)
        return
    reading.leave_out(UNREADABLE, head)
    reading.tell(message, line, head.uid or head.label, is_error=True)
    if head.uid:
        reading.unread.add(head.uid)


def _counted(
    head: FeedHead, event: FeedEvent, spans: list[Span] | None, match: str | None, reading: FeedReading
) -> list[Span]:
    """Return `spans` where the event counts; note why where it does not. None was told already."""
    if spans is None:
        return []
    if not head.matches(match):
        reading.leave_out(NO_MATCH, head)
        return []
    if head.is_cancelled:
        reading.leave_out(CANCELLED, head)
        return []
    for note in event.notes:
        reading.tell(note, head.block.line, head.uid or head.label)
    if not spans:
        reading.leave_out(FAR_AWAY, head)
    elif all(start == end for start, end in spans):
        reading.leave_out(NO_LENGTH, head)
        reading.tell("it lasts no time: give it a DTEND or a DURATION", head.block.line, head.uid or head.label)
    else:
        return [span for span in spans if span[0] < span[1]] if event.added else spans
    return []


def _series_spans(
    head: FeedHead,
    event: FeedEvent,
    stand_for: list[tuple[FeedHead, FeedEvent]],
    horizon: Horizon,
    reading: FeedReading,
) -> list[Span] | None:
    """Return when a series takes place but for what others stand for; None where it is too often, which is told."""
    if not event.recurs:
        return [] if _is_stood_for(event, stand_for) else _spans_at(event, event.start.wall, horizon)
    try:
        walls = _walls(event, horizon)
    except RuleError as error:
        _tell_too_often(head, str(error), reading)
        return None
    if len(walls) > MOST_TIMES:
        times = f"it takes place {_estimated(event, walls, horizon)} times within 400 days of now"
        _tell_too_often(head, f"{times}, at most {MOST_TIMES} count: write fewer, longer events", reading)
        return None
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
        shift = next((one for at, one in reversed(shifts) if at <= wall), None)
        if shift is None:
            spans += _spans_of(event, [wall])
        elif not shift.head.is_cancelled:
            spans += _spans_of(shift.event, [wall + shift.by])
    return spans


def _tell_too_often(head: FeedHead, message: str, reading: FeedReading) -> None:
    reading.leave_out(UNREADABLE, head)
    reading.tell(message, head.block.line, head.uid or head.label, is_error=True)
    if head.uid:
        reading.unread.add(head.uid)


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
    found = [
        list(islice(rule.walls(first, after, before, last=_last(rule, event)), MOST_TIMES + 1)) for rule in event.rules
    ]
    if len(found) == 1:
        return found[0]
    only_first = [first] if not found and after <= first <= before else []
    return sorted({*only_first, *chain.from_iterable(found)})


def _last(rule: Rule, event: FeedEvent) -> datetime | None:
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


def _is_far(head: FeedHead, horizon: Horizon) -> bool:
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
    zone, length = event.start.zone, event.length
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


def _spans_at(event: FeedEvent, wall: datetime, horizon: Horizon) -> list[Span]:
    """Return the one time at `wall`, where that is near."""
    if not horizon.after.year - 1 <= wall.year <= horizon.before.year + 1:
        return []  # farther away nothing can be reckoned with: years end at 1 and 9999
    span = _span(wall, event.length, event.start.zone)
    return [span] if horizon.holds(span) else []


def _added_spans(event: FeedEvent, single: set[datetime | date], horizon: Horizon) -> list[Span]:
    spans = []
    for wall, length in event.added:
        if not event.leaves_out(wall) and wall not in single and wall.date() not in single:
            spans += _spans_at(replace(event, length=length), wall, horizon)
    return spans


def _span(wall: datetime, length: Length, zone: tzinfo) -> Span:
    start = instant(wall, zone)
    if not length.by_clocks:
        return start, start + length.real
    end = instant(wall + length.by_clocks, zone, is_end=True) + length.real
    return start, max(end, start + _SECOND)  # a gap may hold both
