"""From a calendar to the single occurrences of its events and freezes, as instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from springtide.policy.calendar import Ask, Asking, EventCalendar, EventSpec, HolidaySpec, ImportSpec, Window
from springtide.policy.calendars import read_ical
from springtide.policy.moments import instant

if TYPE_CHECKING:
    from pathlib import Path

KNOWN: Final = timedelta(days=400)
"""How far back and ahead of now occurrences are told: a year, and what a yearly event needs around it."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that one event takes place: [start, end) in UTC. `lead` None means that it is learned."""

    calendar: str
    event: str
    start: datetime
    end: datetime
    lead: timedelta | None
    priority: int
    asks: Mapping[str, Ask]

    @property
    def id(self) -> str:
        """Its name everywhere: in run ids, records and messages."""
        return f"{self.calendar}.{self.event}.{self.start:%Y%m%dT%H%M%SZ}"

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "calendar": self.calendar,
            "event": self.event,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "lead": None if self.lead is None else self.lead.total_seconds(),
            "priority": self.priority,
            "asks": {name: ask.model_dump(mode="json", exclude_none=True) for name, ask in self.asks.items()},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Occurrence:
        """Return the occurrence that `to_record` stored."""
        lead = record["lead"]
        parsed = {
            "start": datetime.fromisoformat(record["start"]),
            "end": datetime.fromisoformat(record["end"]),
            "lead": None if lead is None else timedelta(seconds=lead),
            "asks": {name: Ask.model_validate(ask) for name, ask in record["asks"].items()},
        }
        return cls(**{**record, **parsed})


@dataclass(frozen=True, slots=True)
class Freeze:
    """One time that nothing is scaled: [start, end). No services means all."""

    name: str
    reason: str
    start: datetime
    end: datetime
    services: tuple[str, ...] = ()

    def holds(self, service: str, now: datetime) -> bool:
        """Whether `service` stands still now."""
        return self.start <= now < self.end and (not self.services or service in self.services)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        times = {"start": self.start.isoformat(), "end": self.end.isoformat()}
        return {"name": self.name, "reason": self.reason, "services": list(self.services)} | times

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Freeze:
        """Return the freeze that `to_record` stored."""
        times = {name: datetime.fromisoformat(record[name]) for name in ("start", "end")}
        return cls(**{**record, **times, "services": tuple(record["services"])})


def occurrences(calendar: EventCalendar, folder: Path, *, now: datetime) -> tuple[Occurrence, ...]:
    """Return what the calendar holds from `KNOWN` before `now` until `KNOWN` after it, in the order of starts.

    `folder` is where the calendar's imports lie. One event that starts twice at one instant is one occurrence, with
    the later end.

    Raises:
        OSError, ValueError: an imported file cannot be read (any more).
    """
    spec = calendar.spec
    found: dict[tuple[str, datetime], Occurrence] = {}
    sources: list[tuple[Asking, Iterator[tuple[datetime, datetime]]]] = [
        *((one, _windows(one, spec.zone, now)) for one in spec.events),
        *((one, _imported(one, folder, spec.zone, now)) for one in spec.imports),
        *((one, _holidays(one, spec.zone, now)) for one in spec.holidays),
    ]
    for asking, windows in sources:
        for start, end in windows:
            key, lead = (asking.name, start), asking.lead_or(spec.lead).length
            last = max(end, found[key].end) if key in found else end
            found[key] = Occurrence(calendar.name, asking.name, start, last, lead, asking.priority, asking.services)
    near = (one for one in found.values() if now - KNOWN <= one.start <= now + KNOWN)
    return tuple(sorted(near, key=lambda one: (one.start, one.event)))


def freezes(calendar: EventCalendar, *, now: datetime) -> tuple[Freeze, ...]:
    """Return the calendar's freezes around `now`, in the order of starts."""
    zone = calendar.spec.zone
    found = [
        Freeze(one.name, one.reason, start, end, one.services)
        for one in calendar.spec.freezes
        for start, end in _windows(one, zone, now)
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.name)))


def _windows(window: Window, zone: ZoneInfo, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    if window.repeat is None:
        yield _instants(window, window.start.wall, window.end.wall if window.end else None, zone)
        return
    first, here = window.start.wall, now.astimezone(zone).replace(tzinfo=None)
    length = window.end.wall - first if window.end else None
    excluded = {day.date for day in window.excluded} if isinstance(window, EventSpec) else set()
    for wall in window.repeat.walls(first, here - KNOWN, here + KNOWN):
        if wall.date() not in excluded:
            yield _instants(window, wall, None if length is None else wall + length, zone)


def _instants(window: Window, wall: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = instant(wall, zone)
    if end is None:
        assert window.duration is not None
        return start, start + window.duration
    return start, max(instant(end, zone, is_end=True), start + timedelta(seconds=1))  # a gap may hold both


def _holidays(one: HolidaySpec, zone: ZoneInfo, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for day, name in _days(one, range((now - KNOWN).year, (now + KNOWN).year + 1)):
        if not one.only or any(wanted.lower() in name.lower() for wanted in one.only):
            start, end = one.starts.on(day), one.until.on(day)
            if end <= start:
                end += _DAY
            yield instant(start, zone), instant(end, zone, is_end=True)


def _days(one: HolidaySpec, years: range) -> list[tuple[date, str]]:
    """Return the holidays with their names in English where they are known: never in the language of this machine."""
    from holidays import country_holidays

    languages = country_holidays(one.country)
    language = "en_US" if "en_US" in languages.supported_languages else languages.default_language
    return sorted(country_holidays(one.country, subdiv=one.subdivision, years=years, language=language).items())


def _imported(one: ImportSpec, folder: Path, zone: ZoneInfo, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    import recurring_ical_events

    for found in recurring_ical_events.of(read_ical(folder / one.ical)).between(now - KNOWN, now + KNOWN):
        wanted = one.match is None or one.match.lower() in str(found.get("SUMMARY", "")).lower()
        if wanted and str(found.get("STATUS", "")).upper() != "CANCELLED":
            start, end = _when(found.start, zone), _when(found.end, zone, is_end=True)
            if start < end:
                yield start, end


def _when(value: date, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """Return an iCalendar time as an instant: whole days and floating times by the calendar's clocks."""
    if not isinstance(value, datetime):
        return instant(datetime.combine(value, time()), zone, is_end=is_end)
    if isinstance(value.tzinfo, ZoneInfo):
        return instant(value.replace(tzinfo=None), value.tzinfo, is_end=is_end)
    return instant(value, zone, is_end=is_end) if value.tzinfo is None else value.astimezone(UTC)
