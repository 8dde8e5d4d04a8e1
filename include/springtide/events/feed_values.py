"""The values of a feed's properties: times with the clocks that they are meant by, lengths, texts. Pure.

What is odd and yet clear is read, with a note; what is not clear is a `FeedError` that says what to write instead.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from springtide.events.feed_zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from springtide.policy.calendar.ical import Property

_DATE = re.compile(r"([0-9]{8})", re.ASCII)
_TIME = re.compile(r"([0-9]{8})T([0-9]{2})([0-9]{2})([0-9]{2})(Z?)", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:([0-9]{1,6})W)?(?:([0-9]{1,6})D)?"
    r"(T(?:([0-9]{1,6})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})S)?)?",
    re.ASCII,
)
_DAY: Final = timedelta(days=1)
_ESCAPES: Final = {"\\n": "\n", "\\N": "\n", "\\,": ",", "\\;": ";", "\\\\": "\\"}


class FeedError(ValueError):
    """An event of a feed cannot be read; the message says why, and what to write instead."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTime:
    """A time of a feed: what the clocks of `zone` show. Of a whole day it is the day's beginning."""

    wall: datetime
    zone: tzinfo
    is_day: bool = False
    is_floating: bool = False

    def by(self, zone: tzinfo) -> datetime:
        """Return what the clocks of `zone` show then; a whole day begins everywhere at its own midnight."""
        if self.is_day or zone is self.zone:
            return self.wall
        return self.wall.replace(tzinfo=self.zone).astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long an event lasts: days by the clocks, then hours in real time."""

    by_clocks: timedelta = timedelta()
    real: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Whose clocks a feed's times are read from. None in `floating`: the feed names a zone that nobody knows."""

    calendar: tzinfo
    floating: tzinfo | None
    of_utc: tzinfo
    """What times in UTC are recurring by: the zone that the feed says it is in."""

    own: Mapping[str, tzinfo] = field(default_factory=dict)
    feed_zone: str | None = None

    def read(self, line: Property, text: str, notes: list[str], *, by: tzinfo | None = None) -> FeedTime:
        """Return the time `text`, which `line` holds; what is odd about it goes to `notes`.

        A floating time (without any zone) is by the clocks `by`; without them by the feed's.

        Raises:
            FeedError: it is no time, or by clocks that nobody knows.
        """
        day = _DATE.fullmatch(text)
        kind = (line.parameter("VALUE") or "").upper()
        if day is not None:
            if kind != "DATE":
                notes.append(f"{line.name} {text} is a day without VALUE=DATE, and is read as one")
            moment = datetime.combine(_day(line, text), time())
            return FeedTime(wall=moment, zone=self.calendar, is_day=True)
        match = _TIME.fullmatch(text)
        if match is None:
            raise FeedError(_no_time(line, text), line.line)
        if kind == "DATE":
            notes.append(f"{line.name} says VALUE=DATE and is the time {text}: the time counts")
        wall = _wall(line, match, notes)
        if match[5]:
            return self._of_utc(wall)
        return FeedTime(wall=wall, zone=self._zone(line, by or self.floating), is_floating=is_floating(line, text))

    def _of_utc(self, wall: datetime) -> FeedTime:
        if self.of_utc is UTC:
            return FeedTime(wall=wall, zone=UTC)
        try:
            local = wall.replace(tzinfo=UTC).astimezone(self.of_utc)
        except OverflowError:
            return FeedTime(wall=wall, zone=UTC)
        return FeedTime(wall=local.replace(tzinfo=None), zone=self.of_utc)

    def _zone(self, line: Property, floating: tzinfo | None) -> tzinfo:
        name = line.parameter("TZID")
        if not name:
            if floating is None:
                named = (self.feed_zone or "")[:60]
                message = (
                    f"{line.name} has no zone of its own, and the feed's X-WR-TIMEZONE {named!a} is no time zone that "
                    "is known: write an IANA name such as Europe/Berlin there"
                )
                raise FeedError(message, line.line)
            return floating
        zone = zone_named(name, self.own)
        if zone is None:
            message = (
                f"the time zone {name[:80]!a} of {line.name} is not known: use an IANA or Windows name, or export "
                "the calendar with its VTIMEZONE"
            )
            raise FeedError(message, line.line)
        return zone


def is_floating(line: Property, text: str) -> bool:
    """Whether the time `text` says neither an offset nor whose clocks it is read from."""
    return not text.endswith("Z") and not line.parameter("TZID")


def _no_time(line: Property, text: str) -> str:
    return (
        f"{line.name} {text[:60]!a} is no time: write 20261204T180000 by its zone's clocks, 20261204T170000Z, or "
        "20261204 with VALUE=DATE"
    )


def _day(line: Property, text: str) -> date:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise FeedError(_no_time(line, text), line.line) from None


def _wall(line: Property, match: re.Match[str], notes: list[str]) -> datetime:
    hour, minute, second = (int(match[at]) for at in (2, 3, 4))
    if second == 60:  # noqa: PLR2004  a leap second
        notes.append(f"{line.name} {match[0]} is a leap second: the second before it counts")
        second = 59
    days = 0
    if (hour, minute, second) == (24, 0, 0):
        notes.append(f"{line.name} {match[0]} is read as midnight at the end of that day")
        hour = 0
        days = 1
    try:
        return datetime.combine(_day(line, match[1]), time(hour, minute, second)) + days * _DAY
    except (ValueError, OverflowError):
        raise FeedError(_no_time(line, match[0]), line.line) from None


def read_length(line: Property, text: str) -> Length:
    """Return the length `text` of `line`: weeks and days go by the clocks, hours are real time.

    Raises:
        FeedError: it is none.
    """
    match = _DURATION.fullmatch(text)
    numbers = [int(match[at] or 0) for at in (2, 3, 5, 6, 7)] if match else []
    if match is None or all(match[at] is None for at in (2, 3, 5, 6, 7)):
        raise FeedError(f"{line.name} {text[:60]!a} is no duration: write PT2H, P1D or P1DT12H", line.line)
    weeks, days, hours, minutes, seconds = numbers
    sign = -1 if match[1] == "-" else 1
    real = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Length(by_clocks=sign * timedelta(weeks=weeks, days=days), real=sign * real)


def plain_text(value: str) -> str:
    """Return a text of a feed without its escapes, in one line."""
    text = re.sub(r"\\[nN,;\\]", lambda match: _ESCAPES[match[0]], value)
    return " ".join(text.split())


def folded(text: str) -> str:
    """Return `text` as it is compared: whatever its capitals, and however its accents are written (NFC or NFD)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
