"""Good feeds and calendars with one damaged line, and the promise that says what may become of them.

    python -m unit.events.damage 3600      tries for an hour, and prints how many were tried and what was not kept

The promise: every event without the damaged line stays as it was; the one with it is told, or unchanged, or what
another reader of the format takes for well-formed, too. Nothing is raised.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from springtide.events.feeds import FeedReading
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from unit.events.feeds import NOW, read

ZONE = (
    "BEGIN:VTIMEZONE", "TZID:Own Time", "BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD", "BEGIN:DAYLIGHT",
    "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT", "END:VTIMEZONE",
)  # fmt: skip
BERLIN = ";TZID=Europe/Berlin:"
EVENTS = (
    ("UID:once", "SUMMARY:Once", "DTSTART:20261204T170000Z", "DTEND:20261204T190000Z", "DESCRIPTION:some words"),
    ("UID:day", "SUMMARY:Day", "DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261206", "SEQUENCE:1"),
    (
        "UID:weekly", "SUMMARY:Weekly", f"DTSTART{BERLIN}20261130T180000", f"DTEND{BERLIN}20261130T200000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270131", f"EXDATE{BERLIN}20261214T180000", "BEGIN:VALARM", "ACTION:DISPLAY",
        "DESCRIPTION:soon", "TRIGGER:-PT15M", "END:VALARM",
    ),
    (
        "UID:weekly", f"RECURRENCE-ID{BERLIN}20261207T180000", "SUMMARY:Weekly", f"DTSTART{BERLIN}20261208T190000",
        f"DTEND{BERLIN}20261208T210000",
    ),
    ("UID:own", "SUMMARY:Own", "DTSTART;TZID=Own Time:20270326T180000", "DURATION:PT2H", "RRULE:FREQ=DAILY;COUNT=5"),
    ("UID:off", "SUMMARY:Off", "DTSTART:20261206T170000Z", "DURATION:PT2H", "STATUS:CANCELLED"),
    (
        "UID:dates", "SUMMARY:Dates", "DTSTART;TZID=W. Europe Standard Time:20261210T100000", "DURATION:P1DT2H",
        "RDATE;TZID=Europe/Berlin:20261220T100000,20261222T100000",
    ),
    ("UID:last", "SUMMARY:Last", "DTSTART:20261231T170000Z", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "DURATION:PT6H"),
)  # fmt: skip
LETTERS = '0123456789ABCTZ;:=,-+"\\ \t\u00e9\u2028\x00'


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A feed with one damaged line, and which event that line was of; None of none."""

    lines: tuple[str, ...]
    at: int
    uid: str | None

    @property
    def raw(self) -> bytes:
        """The feed."""
        return "\r\n".join(self.lines).encode(errors="surrogatepass") + b"\r\n"


def good_feed() -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """Return the lines of a good feed, and of which event each is."""
    lines: list[str] = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", "METHOD:PUBLISH", *ZONE]
    owners: list[str | None] = [None] * len(lines)
    for event in EVENTS:
        uid = event[0].removeprefix("UID:")
        block = ("BEGIN:VEVENT", *event, "END:VEVENT")
        lines += block
        owners += [uid] * len(block)
    return (*lines, "END:VCALENDAR"), (*owners, None)


def damaged_line(line: str, lines: tuple[str, ...], random: Random) -> list[str]:
    """Return what becomes of `line`: none, one or two lines."""
    at = random.randrange(len(line) + 1)
    end = min(len(line), at + random.randrange(1, 8))
    letter = random.choice(LETTERS)
    ways: tuple[list[str], ...] = (
        [], [line, line], [line[:at]], [line[at:]], [line[:at] + letter + line[at:]], [line[:at] + letter + line[end:]],
        [line[:at] + line[end:]], [" " + line], [line.lower()], [line.replace(":", "")], [line.replace("=", "==")],
        [line.replace("2026", "9999")], [line.replace("2026", "0000")], [random.choice(lines)],
        [random.choice(lines), line], ["\u202e" + line], [line[:at], line[at:]], [line + ";INTERVAL=0"],
        [line.replace("Europe/Berlin", "Mars/Olympus")],
    )  # fmt: skip
    return list(random.choice(ways))


def damaged_feed(seed: int) -> Damaged:
    """Return the good feed with one damaged line: the same for the same seed."""
    random = Random(seed)
    lines, owners = good_feed()
    at = random.randrange(len(lines))
    new = damaged_line(lines[at], lines, random)
    return Damaged(lines=(*lines[:at], *new, *lines[at + 1 :]), at=at, uid=owners[at])


def broken_promise_of_feed(seed: int) -> str | None:
    """Return what was not kept of the feed `seed`; None where everything was."""
    good = _read_good()
    damaged = damaged_feed(seed)
    try:
        now = read(damaged.raw)
    except ValueError as error:  # the whole file is refused: only where it is no calendar
        return None if "no line BEGIN:VCALENDAR" in str(error) else f"{seed}: {error!r}"
    unexpected = [str(finding) for finding in now.findings if "it cannot be read:" in finding.message]
    if unexpected:
        return f"{seed}: unexpected: {unexpected}"
    findings = " ".join(map(str, now.findings))
    for uid, spans in good.spans.items():
        if now.spans.get(uid) == spans:
            continue
        is_own = uid == damaged.uid or (damaged.uid is None and uid == "own")
        if not is_own and not set(spans) <= set(now.spans.get(uid, ())):
            return f"{seed}: {uid} changed by line {damaged.at + 1} of {damaged.uid}"
        if is_own and not findings and not _is_well_formed(damaged):
            return f"{seed}: {uid} changed without a word by line {damaged.at + 1}"
    return None


@cache
def _read_good() -> FeedReading:
    return read("\r\n".join(good_feed()[0]).encode())


def _is_well_formed(damaged: Damaged) -> bool:
    """Whether another reader finds nothing wrong with the feed: then it says something else, and is not broken."""
    from icalendar import Calendar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            calendar = Calendar.from_ical(damaged.raw)
            return not any(event.errors for event in calendar.walk())
        except ValueError:
            return False


HEAD = (
    "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: commerce}\nspec:\n  timezone: UTC\n"
)
ASKS = "services: {web: {replicas: 3}}"
ENTRIES = (
    "  events:",
    f"    - {{name: once, start: 2026-12-01T18:00, end: 2026-12-01T23:00, {ASKS}}}",
    f"    - {{name: daily, start: 2026-12-01T18:00, duration: 2h, repeat: FREQ=DAILY;UNTIL=20261224, {ASKS}}}",
    f"    - {{name: weekly, start: 2026-12-04T18:00, duration: 2h, repeat: FREQ=WEEKLY;BYDAY=FR;COUNT=9, {ASKS}}}",
    f"    - {{name: instant, start: 2026-12-01T18:00Z, end: 2026-12-02T18:00+02:00, lead: 30m, {ASKS}}}",
    "  holidays:",
    f"    - {{name: holidays, country: DE, only: [Christmas Day], from: 18:00, until: 23:00, {ASKS}}}",
)


def broken_promise_of_calendar(seed: int, folder: Path) -> str | None:
    """Return what was not kept of a calendar of ours with one damaged entry, and of another beside it."""
    random = Random(seed)
    other = folder / "other.yaml"
    other.write_text(HEAD.replace("sales", "other") + "\n".join(ENTRIES) + "\n")
    file = folder / "sales.yaml"
    file.write_text(HEAD + "\n".join(ENTRIES) + "\n")
    good = read_calendars(folder, {}, now=NOW)
    at = random.randrange(len(ENTRIES))
    new = damaged_line(ENTRIES[at], ENTRIES, random)
    file.write_text(HEAD + "\n".join((*ENTRIES[:at], *new, *ENTRIES[at + 1 :])) + "\n", errors="replace")
    fresh = read_calendars(folder, {}, now=NOW)
    again = read_calendars(folder, good.cache, now=NOW)
    if "it cannot be read:" in " ".join(map(str, fresh.violations)):
        return f"{seed}: unexpected: {fresh.violations}"
    if _starts(fresh, "other") != _starts(good, "other"):
        return f"{seed}: the other calendar changed"
    if again.violations:  # told: then everything stays that was known
        lost = {ident for ident in _starts(good, "sales") if ident not in _starts(again, "sales")}
        return f"{seed}: lost although it was told: {sorted(lost)[:3]}" if lost else None
    return None


def _starts(known: CalendarSnapshot, calendar: str) -> set[str]:
    return {occurrence.id for occurrence in known.calendars.occurrences if occurrence.calendar == calendar}


def main(seconds: float, first: int = 0) -> int:
    """Try for `seconds`; return how many promises were not kept."""
    began = time.monotonic()
    seed = first
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - began < seconds:
            for problem in (broken_promise_of_feed(seed), broken_promise_of_calendar(seed, Path(folder))):
                if problem is not None:
                    broken += 1
                    sys.stdout.write(f"{problem}\n")
            seed += 1
    sys.stdout.write(f"{seed - first} feeds and {seed - first} calendars, {broken} promises not kept\n")
    return broken


if __name__ == "__main__":
    sys.exit(min(main(float(sys.argv[1]), *map(int, sys.argv[2:])), 1))
