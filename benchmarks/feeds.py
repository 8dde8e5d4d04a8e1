"""How long calendars of the sizes that people have take to read: CPU time, and how often a yardstick fits into it.

    python -m benchmarks feeds

The yardstick builds the instants of as many occurrences in UTC, and does nothing else: the ratio says the same on a
faster machine, and on one that does other work as well.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.table import Table
from springtide.events.snapshot import read_calendars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
LIMIT: Final = 2.0
ROUNDS: Final = 3
COLUMNS: Final = ("calendar", "bytes", "events", "occurrences", "CPU, s", "limit, s", "times the yardstick")
_CALENDAR: Final = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: Europe/Berlin
  imports: [{name: feed, ical: feed.ics, services: {web: {replicas: 9}}}]
"""
_TEXT: Final = "words that a meeting has in its description; " * 4


def daily_series(number: int) -> Iterator[str]:
    """Yield the lines of `number` events that have come every day for years."""
    for at in range(number):
        yield from ("BEGIN:VEVENT", f"UID:daily-{at}", f"SUMMARY:Daily {at}")
        yield from (f"DTSTART;TZID=Europe/Berlin:20200106T{at % 24:02}{at % 60:02}00", "DURATION:PT30M")
        yield from ("RRULE:FREQ=DAILY", "END:VEVENT")


def years_of_meetings(size: int) -> Iterator[str]:
    """Yield the lines of as many meetings as fill `size` bytes, the way Google exports them."""
    written = 0
    at = 0
    while written < size:
        day = datetime(2016, 1, 4, 9, tzinfo=UTC) + timedelta(hours=17 * at)
        lines = [
            *("BEGIN:VEVENT", f"DTSTART:{day:%Y%m%dT%H%M%SZ}", f"DTEND:{day + timedelta(hours=1):%Y%m%dT%H%M%SZ}"),
            *("DTSTAMP:20261101T000000Z", f"UID:{at:026}@google.example", "CREATED:20200101T000000Z"),
            *(f"DESCRIPTION:{_TEXT}", "LAST-MODIFIED:20200101T000000Z", "SEQUENCE:0", "STATUS:CONFIRMED"),
            *(f"SUMMARY:Meeting {at}", "TRANSP:OPAQUE", "END:VEVENT"),
        ]
        if at % 50 == 0:
            lines.insert(1, "RRULE:FREQ=WEEKLY;COUNT=400")
        yield from lines
        written += sum(len(line) + 2 for line in lines)
        at += 1


CASES: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "2 MB as Google exports it": lambda: years_of_meetings(2_000_000),
    "300 daily series": lambda: daily_series(300),
}


def measure() -> Table:
    """Return the least CPU time of some rounds for each case."""
    return Table("Reading calendars of the sizes that people have", COLUMNS, [_row(*case) for case in CASES.items()])


def _row(name: str, lines: Callable[[], Iterator[str]]) -> list[str]:
    raw = "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *lines(), "END:VCALENDAR", "")).encode()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "sales.yaml").write_text(_CALENDAR)
        (folder / "feed.ics").write_bytes(raw)
        known = read_calendars(folder, {}, now=NOW)
        times = len(known.calendars.occurrences)
        seconds = min(
            _seconds(lambda: read_calendars(folder, {}, now=NOW).calendars.occurrences) for _ in range(ROUNDS)
        )
    yardstick = min(_seconds(lambda: _instants(times)) for _ in range(ROUNDS))
    (account,) = known.accounts
    events = f"{account.in_file:,}"
    return [name, f"{len(raw):,}", events, f"{times:,}", f"{seconds:.2f}", f"{LIMIT:g}", f"{seconds / yardstick:.0f}"]


def _instants(number: int) -> int:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return len({start + timedelta(seconds=at) for at in range(2 * max(number, 1000))})


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
