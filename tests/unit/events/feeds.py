"""Builders for iCalendar feeds, and what is read of them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from springtide.events.feeds import FeedReading, read_feed
from springtide.events.occurrences import horizon
from springtide.policy.calendar.ical import parse_ical

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
GOOD = ("UID:good", "SUMMARY:Good", "DTSTART:20261204T170000Z", "DTEND:20261204T190000Z")
GOOD_SPAN = "12-04 17:00/04 19:00"


def event(*lines: str) -> tuple[str, ...]:
    """Return the lines of one event; it has the UID `odd` unless it says otherwise."""
    uid = () if any(line.startswith("UID") for line in lines) else ("UID:odd",)
    return ("BEGIN:VEVENT", *uid, *lines, "END:VEVENT")


def calendar_text(*lines: str, end: str = "\r\n") -> bytes:
    """Return a calendar that holds `lines`."""
    return (end.join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", *lines, "END:VCALENDAR")) + end).encode()


def feed(*events: tuple[str, ...], head: tuple[str, ...] = ()) -> bytes:
    """Return a feed of `events`."""
    return calendar_text(*head, *(line for lines in events for line in lines))


def read(raw: bytes, *, zone: tzinfo = BERLIN, match: str | None = None, now: datetime = NOW) -> FeedReading:
    """Return what is read of a feed now."""
    return read_feed(parse_ical(raw), file="feed.ics", zone=zone, match=match, horizon=horizon(now), now=now)


def times(reading: FeedReading, uid: str | None = None) -> list[str]:
    """Return when the events take place, as short texts in UTC; of one UID, or of all."""
    spans = [span for name, of_one in reading.spans.items() if uid in (None, name) for span in of_one]
    return [f"{start:%m-%d %H:%M}/{end:%d %H:%M}" for start, end in sorted(spans)]


def told(reading: FeedReading, uid: str = "odd") -> str:
    """Return what is told of the events of `uid`."""
    return "\n".join(str(finding) for finding in reading.findings if finding.uid == uid)
