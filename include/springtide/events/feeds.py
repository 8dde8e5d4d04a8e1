"""A feed as a whole: its events by UID, each read apart, expanded around now, and accounted for. Pure.

The events of one UID are a series and what stands for single occurrences of it. Whether an event is wanted (`match`)
and whether it was called off is asked before its times are read: what nobody wants need not be readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from springtide.events.accounts import CANCELLED, FAR_AWAY, NO_LENGTH, NO_MATCH, REPLACED, UNREADABLE, Oddity
from springtide.events.feed_events import FeedEvent, FeedHead, head_of, read_event
from springtide.events.feed_spans import Horizon, Span, is_far, series_spans, spans_at
from springtide.events.feed_values import Clocks, FeedError
from springtide.events.feed_zones import own_zones, zone_named
from springtide.policy.calendar.ical import EVENT, ICalendar
from springtide.policy.language.recurrence import RuleError

if TYPE_CHECKING:
    from springtide.policy.calendar.ical import Block


@dataclass(slots=True, kw_only=True)
class FeedReading:
    """What a feed holds: when its events take place, by UID, and what became of each."""

    file: str
    match: str | None
    """As a calendar says: which of its events are wanted."""

    horizon: Horizon
    in_file: int = 0
    spans: dict[str, list[Span]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Oddity] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """UIDs of which something could not be read."""

    is_cut_off: bool = False

    def tell(self, message: str, line: int | None, uid: str | None = None, *, is_error: bool = False) -> None:
        """Note one finding."""
        self.findings.append(Oddity(message=message, file=self.file, line=line, uid=uid, is_error=is_error))

    def leave_out(self, why: str, head: FeedHead) -> None:
        """Note that an event does not count."""
        self.left_out.setdefault(why, []).append(head.label)


def read_feed(
    ical: ICalendar, *, file: str, zone: tzinfo, match: str | None, horizon: Horizon, now: datetime
) -> FeedReading:
    """Return what `ical` holds.

    `zone` is whose clocks show whole days and floating times; `match` is as a calendar says.
    """
    reading = FeedReading(file=file, match=match, horizon=horizon, is_cut_off=ical.is_cut_off)
    for line, message in ical.oddities:
        reading.tell(message, line, is_error=ical.is_cut_off and "end is missing" in message)
    by_uid: dict[str, list[FeedHead]] = {}
    for head in _heads(ical, zone, now, reading):
        by_uid.setdefault(head.uid or f"line {head.block.line}", []).append(head)
    for uid, heads in by_uid.items():
        reading.in_file += len(heads)
        spans = _read_series(heads, reading)
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
            elif block.kind != "VTIMEZONE":
                for line, message in block.oddities:
                    reading.tell(message, line)


def _clocks(calendar: Block, zone: tzinfo, own: Mapping[str, tzinfo], reading: FeedReading) -> Clocks:
    line = calendar.first("X-WR-TIMEZONE")
    if line is None or not line.value:
        return Clocks(calendar=zone, floating=zone, of_utc=UTC, own=own)
    named = zone_named(line.value, own)
    if named is None:
        message = f"X-WR-TIMEZONE {line.value[:60]!a} is no time zone that is known: write an IANA name"
        reading.tell(message, line.line)
    return Clocks(calendar=zone, floating=named, of_utc=named or UTC, own=own, feed_zone=line.value)


def _read_series(heads: list[FeedHead], reading: FeedReading) -> list[Span]:
    """Return when the events of one UID take place; note what becomes of each."""
    if not any(head.matches(reading.match) for head in heads):
        for head in heads:
            reading.leave_out(NO_MATCH, head)
        return []
    if any(head.cancels_series for head in heads):
        for head in heads:
            reading.leave_out(CANCELLED, head)
        return []
    if len(heads) == 1 and is_far(heads[0], reading.horizon):
        reading.leave_out(FAR_AWAY, heads[0])
        return []
    heads = _newest(heads, reading)
    # Only now are times read: what nobody wants, or was called off, or is far away, may be as broken as it likes.
    overrides = [(head, _read(head, reading)) for head in heads if head.is_override]
    series = [(head, _read(head, reading)) for head in heads if not head.is_override]
    spans: list[Span] = []
    stand_for = [(head, event) for head, event in overrides if event is not None]
    if overrides and not series:
        reading.tell("what it stands for is not in the feed: it counts by itself", heads[0].block.line, heads[0].uid)
    for head, event in series:
        if event is not None:
            spans += _counted_series(head, event, stand_for, reading)
    for head, event in stand_for:
        spans += _counted(head, event, spans_at(event, event.start.wall, reading.horizon), reading)
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


def _read(head: FeedHead, reading: FeedReading) -> FeedEvent | None:
    """Return the event of `head`; None where it cannot be read, or is a series that was called off."""
    # An occurrence that was called off is read all the same: it has to be taken out of its series.
    if head.is_cancelled and not head.is_override:
        reading.leave_out(CANCELLED, head)
        return None
    try:
        event = read_event(head)
    except FeedError as error:
        _tell_unreadable(head, str(error), error.line, reading)
    except Exception as error:  # noqa: BLE001  whatever one event holds takes no other away, and is told
        message = f"it cannot be read: {type(error).__name__}: {str(error)[:160]}"
        _tell_unreadable(head, message, head.block.line, reading)
    else:
        return event
    return None


def _tell_unreadable(head: FeedHead, message: str, line: int, reading: FeedReading) -> None:
    if not head.matches(reading.match):
        reading.leave_out(NO_MATCH, head)
        return
    reading.leave_out(UNREADABLE, head)
    reading.tell(message, line, head.uid or head.label, is_error=True)
    if head.uid:
        # Whoever remembers this UID keeps what was known of it: an export with one bad line undoes no preparation.
        reading.unread.add(head.uid)


def _counted_series(
    head: FeedHead,
    event: FeedEvent,
    stand_for: list[tuple[FeedHead, FeedEvent]],
    reading: FeedReading,
) -> list[Span]:
    try:
        spans = series_spans(event, stand_for, reading.horizon)
    except RuleError as error:  # a rule may be well written, and yet bring nothing within bounds
        _tell_unreadable(head, str(error), head.block.line, reading)
        return []
    return _counted(head, event, spans, reading)


def _counted(head: FeedHead, event: FeedEvent, spans: list[Span], reading: FeedReading) -> list[Span]:
    """Return `spans` where the event counts; note why where it does not."""
    if not head.matches(reading.match):
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
        # By RDATE a series may mix windows with single moments: those are nothing to prepare, the others count.
        return [span for span in spans if span[0] < span[1]] if event.added else spans
    return []
