"""All calendars together: what is going on at an instant, what may not be touched, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from springtide.events.occurrences import Freeze, Occurrence, freezes, occurrences
from springtide.policy.calendar import EventCalendar, LearnSpec, PaceSpec

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class View:
    """One calendar, expanded around the time it was read."""

    calendar: EventCalendar
    occurrences: tuple[Occurrence, ...]
    freezes: tuple[Freeze, ...]

    @classmethod
    def of(cls, calendar: EventCalendar, folder: Path, *, now: datetime) -> View:
        """Return the view of `calendar`, whose imports lie in `folder`.

        Raises:
            OSError, ValueError: an imported file cannot be read (any more).
        """
        return cls(calendar, occurrences(calendar, folder, now=now), freezes(calendar, now=now))

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "calendar": self.calendar.model_dump(mode="json", exclude_none=True),
            "occurrences": [one.to_record() for one in self.occurrences],
            "freezes": [one.to_record() for one in self.freezes],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> View:
        """Return the view that `to_record` stored."""
        return cls(
            EventCalendar.model_validate(record["calendar"]),
            tuple(map(Occurrence.from_record, record["occurrences"])),
            tuple(map(Freeze.from_record, record["freezes"])),
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast services are scaled, over all that go at the same time."""

    pods_per_minute: float
    runs: int


@dataclass(frozen=True, slots=True)
class Almanac:
    """Every calendar's view. Limits are the tightest of all calendars."""

    views: tuple[View, ...] = ()

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Every occurrence of every calendar, in the order of starts."""
        found = (one for view in self.views for one in view.occurrences)
        return tuple(sorted(found, key=lambda one: (one.start, one.id)))

    @property
    def cap(self) -> int | None:
        """The most pods that all events may ask for at one time; None without a cap."""
        caps = [view.calendar.spec.cap.most for view in self.views]
        return min((cap for cap in caps if cap is not None), default=None)

    @property
    def pace(self) -> Pace:
        """How fast services are scaled."""
        found = [view.calendar.spec.pace for view in self.views] or [PaceSpec()]
        return Pace(min(one.pods_per_minute for one in found), min(one.runs for one in found))

    def learning(self, occurrence: Occurrence) -> LearnSpec:
        """Return how the occurrence's lead is learned."""
        named = (view.calendar.spec.learn for view in self.views if view.calendar.name == occurrence.calendar)
        return next(named, LearnSpec())

    def starting_at(self, moment: datetime) -> tuple[Occurrence, ...]:
        """Return what begins at `moment`; where nothing does, what is going on then: it was begun late."""
        exact = tuple(one for one in self.occurrences if one.start == moment)
        return exact or self.going_on(moment)

    def going_on(self, now: datetime, leads: Mapping[str, timedelta] | None = None) -> tuple[Occurrence, ...]:
        """Return what lasts now; with `leads` (by occurrence id) also what is being prepared."""
        ahead = leads or {}
        return tuple(one for one in self.occurrences if one.start - ahead.get(one.id, timedelta()) <= now < one.end)

    def frozen(self, service: str, now: datetime, event: str | None = None) -> str | None:
        """Return why `service` may not be scaled now; None when it may. `event` may have an override."""
        for view in self.views:
            for freeze in view.freezes:
                if freeze.holds(service, now):
                    lifted, why_not = _lifted(view.calendar, freeze, event, now)
                    if not lifted:
                        until = f"until {freeze.end:%Y-%m-%d %H:%M} UTC"
                        return f"{service} is frozen {until} by {freeze.name} ({freeze.reason}){why_not}"
        return None


def _lifted(calendar: EventCalendar, freeze: Freeze, event: str | None, now: datetime) -> tuple[bool, str]:
    named = [one for one in calendar.spec.overrides if one.freeze == freeze.name and event in one.events]
    for override in named:
        if now < override.expires.instant(calendar.spec.zone, is_end=True):
            return True, ""
    if named:
        return False, f"; override {named[0].name} of {named[0].owner} expired at {named[0].expires}"
    if event is None:
        return False, ""
    return False, f"; an override of calendar {calendar.name} that names event {event} would lift it"
