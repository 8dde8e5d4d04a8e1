"""One event of a feed, read apart from all others: when it begins, how long it lasts, when it comes again. Pure.

What makes it unreadable is a `FeedError`; what is odd and yet clear is read and noted, so that no window is shorter
than what its owner meant: of two ends the later counts, a day that cannot be read is not left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from springtide.events.feed_values import (
    Clocks,
    FeedError,
    FeedTime,
    Length,
    folded,
    is_floating,
    plain_text,
    read_length,
)
from springtide.policy.language.recurrence import RecurrenceRule, RuleError, parse_rule

if TYPE_CHECKING:
    from springtide.policy.calendar.ical import Block, Property

LONGEST: Final = timedelta(days=400)
"""The longest that one event lasts: what lasts longer is no event but how things are."""

_DAY: Final = timedelta(days=1)
_ANCIENT: Final = 1900
_KNOWN_NAMES: Final = frozenset(
    {
        *("DTEND", "DTSTART", "DURATION", "EXDATE", "EXRULE", "METHOD", "RDATE", "RECURRENCE-ID", "RRULE"),
        *("SEQUENCE", "STATUS", "SUMMARY", "TZID", "UID"),
    }
)
_DECIDING: Final = (
    *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "SUMMARY", "UID"),
)
_CANCELLED: Final = ("cancelled", "canceled")
_PREFIXES: Final = (
    *("canceled:", "cancelled:", "abgesagt:", "annulé:", "annulé :", "cancelado:", "cancelada:", "annullato:"),
    *("geannuleerd:", "inställt:", "aflyst:", "avlyst:", "odwołane:", "zrušeno:", "已取消:", "キャンセル:"),
)
"""How Outlook names what was called off, in the languages that it was seen in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """What can be said of an event without reading its times."""

    block: Block
    clocks: Clocks
    uid: str | None
    summaries: tuple[str, ...]
    sequence: int
    is_override: bool
    """Whether it stands for one occurrence of a series."""

    is_cancelled: bool
    cancels_series: bool
    """Whether it calls off every event of its UID."""

    @property
    def label(self) -> str:
        """What people recognize it by: its summary, its UID, or where it stands."""
        return (self.summaries[0] if self.summaries else self.uid or f"line {self.block.line}")[:60]

    def matches(self, wanted: str | None) -> bool:
        """Whether its summary holds `wanted`, whatever its capitals and however its accents are written."""
        return wanted is None or any(folded(wanted) in folded(summary) for summary in self.summaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event with its times. `added` are starts beside its rules; `excluded` starts and days do not take place."""

    start: FeedTime
    length: Length
    rules: tuple[RecurrenceRule, ...]
    added: tuple[tuple[datetime, Length], ...]
    excluded: frozenset[datetime]
    excluded_days: frozenset[date]
    stands_for: FeedTime | None
    and_what_follows: bool
    notes: tuple[str, ...]

    @property
    def recurs(self) -> bool:
        """Whether it may take place more than once."""
        return bool(self.rules or self.added)

    def leaves_out(self, wall: datetime) -> bool:
        """Whether what would begin at `wall` does not take place."""
        return wall in self.excluded or wall.date() in self.excluded_days


def head_of(block: Block, clocks: Clocks, *, method: str) -> FeedHead:
    """Return what can be said of an event at once; `method` is its calendar's."""
    uid = block.first("UID")
    summaries = tuple(plain_text(line.value) for line in block.every("SUMMARY"))
    sequences = [int(line.value) for line in block.every("SEQUENCE") if line.value.isascii() and line.value.isdigit()]
    is_called_off = any(folded(summary).startswith(_PREFIXES) for summary in summaries)
    is_override = block.first("RECURRENCE-ID") is not None
    cancels = method == "CANCEL"
    return FeedHead(
        block=block,
        clocks=clocks,
        uid=uid.value if uid and uid.value else None,
        summaries=summaries,
        sequence=max((number for number in sequences if number < 2**31), default=0),
        is_override=is_override,
        is_cancelled=cancels
        or is_called_off
        or any(folded(line.value) in _CANCELLED for line in block.every("STATUS")),
        cancels_series=cancels and not is_override,
    )


def read_event(head: FeedHead) -> FeedEvent:
    """Return the event of `head`.

    Raises:
        FeedError: it cannot be read; the message says why and what to write.
    """
    block = head.block
    clocks = head.clocks
    notes = [*_doubled(block), *_misspelt(block), *(f"line {line}: {oddity}" for line, oddity in block.oddities)]
    start = _start(block, clocks, notes)
    start, length = _turned(start, _length(block, clocks, start, notes), notes)
    excluded, excluded_days = _excluded(block, clocks, start, notes)
    stands_for, and_what_follows = _stands_for(block, clocks, start, notes)
    return FeedEvent(
        start=start,
        length=length,
        rules=_rules(block, start, notes),
        added=_added(block, clocks, start, length, notes),
        excluded=excluded,
        excluded_days=excluded_days,
        stands_for=stands_for,
        and_what_follows=and_what_follows,
        notes=tuple(notes),
    )


def _doubled(block: Block) -> list[str]:
    what_counts = {
        "UID": "the first counts",
        "SUMMARY": "each is matched",
        "STATUS": "one that cancels counts",
        "DTSTART": "they are alike",
        "DTEND": "the latest counts",
        "DURATION": "the longest counts",
        "RRULE": "each brings events",
        "RECURRENCE-ID": "the first counts",
    }
    names = [line.name for line in block.properties]
    twice = {name: word for name, word in what_counts.items() if names.count(name) > 1}
    return [f"{name} stands {names.count(name)} times: {word}" for name, word in twice.items()]


def _misspelt(block: Block) -> list[str]:
    strange = {line.name for line in block.properties} - _KNOWN_NAMES
    meant = {name: _near(name) for name in sorted(strange)}
    return [f"{name} is no property: is {near} meant?" for name, near in meant.items() if near]


@lru_cache(maxsize=1000)
def _near(name: str) -> str | None:
    return next(iter(get_close_matches(name[:40], _DECIDING, n=1, cutoff=0.7)), None)


def _start(block: Block, clocks: Clocks, notes: list[str]) -> FeedTime:
    starts = block.every("DTSTART")
    if not starts:
        raise FeedError("it has no DTSTART: say when it begins", block.line)
    if len({(line.value, line.parameter("TZID")) for line in starts}) > 1:
        raise FeedError("it has two DTSTART that differ: leave one", starts[1].line)
    start = clocks.read(starts[0], starts[0].value, notes)
    if start.wall.year < _ANCIENT:
        notes.append(f"it begins in the year {start.wall.year}: only its recurrence near now counts")
    return start


def _length(block: Block, clocks: Clocks, start: FeedTime, notes: list[str]) -> Length:
    ends = block.every("DTEND")
    lengths = [_checked(_until(line, clocks, start, notes), line) for line in ends]
    lengths += [_checked(read_length(line, line.value), line) for line in block.every("DURATION")]
    if ends and block.first("DURATION"):
        notes.append("it has DTEND and DURATION: the longer counts")
    whole_day = Length(by_clocks=_DAY)
    longest = max(lengths, key=lambda length: length.by_clocks + length.real, default=Length())
    if start.is_day and longest.by_clocks + longest.real < _DAY:
        if longest != Length():
            notes.append("DTSTART is a day and its end is a time within it: the whole day counts")
        return whole_day
    return longest


def _until(line: Property, clocks: Clocks, start: FeedTime, notes: list[str]) -> Length:
    end = clocks.read(line, line.value, notes, by=start.zone)
    if not end.is_day and not start.is_day and end.is_floating != start.is_floating:
        whose = "the calendar's" if start.is_floating else "DTSTART's"
        notes.append(f"of DTSTART and {line.name} one has no zone: it is read by {whose} clocks")
    try:
        return Length(by_clocks=end.by(start.zone) - start.wall)
    except OverflowError:
        message = f"{line.name} {line.value[:40]!a} lies beyond all calendars: write when it ends"
        raise FeedError(message, line.line) from None


def _checked(length: Length, line: Property) -> Length:
    whole = length.by_clocks + length.real
    if abs(whole) > LONGEST:
        days = abs(whole).days
        message = f"by {line.name} it lasts {days} days, at most {LONGEST.days} are taken: write when it ends"
        raise FeedError(message, line.line)
    return length


def _turned(start: FeedTime, length: Length, notes: list[str]) -> tuple[FeedTime, Length]:
    """Return the same window with its start first."""
    whole = length.by_clocks + length.real
    if whole >= timedelta():
        return start, length
    notes.append("it ends before it begins, and is read the other way round")
    return replace(start, wall=start.wall + whole), Length(by_clocks=-whole)


def _rules(block: Block, start: FeedTime, notes: list[str]) -> tuple[RecurrenceRule, ...]:
    rules = []
    for line in block.every("RRULE"):
        try:
            rule = parse_rule(line.value)
        except RuleError as error:
            raise FeedError(f"RRULE {line.value[:60]!a}: {error}", line.line) from None
        notes += [f"RRULE: {note}" for note in (*rule.notes, *rule.warnings(start.wall))]
        rules.append(rule)
    if block.first("EXRULE"):
        notes.append("EXRULE is not followed: what it leaves out takes place; use EXDATE")
    return tuple(rules)


def _added(
    block: Block, clocks: Clocks, start: FeedTime, length: Length, notes: list[str]
) -> tuple[tuple[datetime, Length], ...]:
    added = []
    for line in block.every("RDATE"):
        for text in line.value.split(","):
            try:
                added.append(_one_added(line, text.strip(), clocks, start, length))
            except (FeedError, OverflowError) as error:
                notes.append(f"line {line.line}: nothing is added by it: {error}")
    return tuple(added)


def _one_added(line: Property, text: str, clocks: Clocks, start: FeedTime, length: Length) -> tuple[datetime, Length]:
    begin, slash, end = text.partition("/")
    moment = clocks.read(line, begin, [], by=start.zone)
    wall = moment.by(start.zone)
    if moment.is_day and not start.is_day:
        wall = datetime.combine(moment.wall.date(), start.wall.time())
    if not slash:
        return wall, length
    if end.startswith(("P", "+P")):
        return wall, _checked(read_length(line, end), line)
    until = clocks.read(line, end, [], by=start.zone).by(start.zone)
    return wall, _checked(Length(by_clocks=max(until - wall, timedelta())), line)


def _excluded(
    block: Block, clocks: Clocks, start: FeedTime, notes: list[str]
) -> tuple[frozenset[datetime], frozenset[date]]:
    walls: set[datetime] = set()
    days: set[date] = set()
    for line in block.every("EXDATE"):
        for text in line.value.split(","):
            try:
                moment = clocks.read(line, text.strip(), [], by=start.zone)
                if moment.is_day or (start.is_day and not text.endswith("Z")):
                    days.add(moment.wall.date())
                elif start.is_day:
                    days.add(moment.by(start.zone).date())
                else:
                    walls.add(moment.by(start.zone))
            except (FeedError, OverflowError) as error:
                notes.append(f"line {line.line}: nothing is left out by it: {error}")
    return frozenset(walls), frozenset(days)


def _stands_for(block: Block, clocks: Clocks, start: FeedTime, notes: list[str]) -> tuple[FeedTime | None, bool]:
    line = block.first("RECURRENCE-ID")
    if line is None:
        return None, False
    if not start.is_day and len(line.value) == len("20261204"):
        notes.append("RECURRENCE-ID is a day: it stands for what would begin on that day")
    elif not start.is_floating and not start.is_day and is_floating(line, line.value):
        notes.append("RECURRENCE-ID has no zone: it is read by DTSTART's clocks")
    moment = clocks.read(line, line.value, [], by=start.zone)
    return moment, (line.parameter("RANGE") or "").upper() == "THISANDFUTURE"
