"""From a calendar to the single occurrences of its events and freezes, as instants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

from springtide.events.feed_spans import Horizon
from springtide.events.sources import CalendarReading, SourceReading, event_sources, freeze_sources
from springtide.policy.calendar.freezes import FreezeSource
from springtide.policy.calendar.model import EventCalendar, EventSource, ServiceRequest

KNOWN: Final = timedelta(days=400)
"""How far back and ahead of now occurrences are told: a year, and what a yearly event needs around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that one event takes place: [start, end) in UTC. `lead` None means that it is learned.

    `kind` is the kind that its calendar names, "" for none; `shape` is how it is held.
    """

    calendar: str
    event: str
    start: datetime
    end: datetime
    lead: timedelta | None
    priority: int
    asks: Mapping[str, ServiceRequest]
    shape: Literal["learned", "flat"] = "flat"
    kind: str = ""

    @property
    def id(self) -> str:
        """Its name everywhere: in run ids, records and messages."""
        return f"{self.calendar}.{self.event}.{self.start:%Y%m%dT%H%M%SZ}"

    def is_like(self, other: Occurrence) -> bool:
        """Whether both are of one kind: the one that they name or, where none is named, the same event."""
        if self.kind or other.kind:
            return self.kind == other.kind
        return (self.calendar, self.event) == (other.calendar, other.event)

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
            **shape_record(self),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Occurrence:
        """Return the occurrence that `to_record` stored."""
        lead = record["lead"]
        parsed = {
            "start": datetime.fromisoformat(record["start"]),
            "end": datetime.fromisoformat(record["end"]),
            "lead": None if lead is None else timedelta(seconds=lead),
            "asks": {name: ServiceRequest.model_validate(ask) for name, ask in record["asks"].items()},
        }
        return cls(**{**record, **parsed})


def shape_record(occurrence: Occurrence) -> dict[str, str]:
    """Return what is stored of an occurrence's shape and kind: nothing of a flat one, as it was before shapes."""
    named = {"shape": occurrence.shape, "kind": occurrence.kind}
    return {key: value for key, value in named.items() if value not in ("", "flat")}


@dataclass(frozen=True, slots=True, kw_only=True)
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


def horizon(now: datetime) -> Horizon:
    """Return the time that is told at `now`."""
    return Horizon(after=now - KNOWN, before=now + KNOWN)


def occurrences(calendar: EventCalendar, folder: Path, *, now: datetime) -> tuple[Occurrence, ...]:
    """Return what the calendar holds from `KNOWN` before `now` until `KNOWN` after it, in the order of starts.

    `folder` is where the calendar's imports lie; one that cannot be read brings nothing. One event that starts twice at
    one instant is one occurrence, with the later end.
    """
    reading = CalendarReading(calendar=calendar, folder=folder, now=now, horizon=horizon(now))
    return occurrences_of(calendar, event_sources(reading))


def occurrences_of(calendar: EventCalendar, sources: Iterable[SourceReading]) -> tuple[Occurrence, ...]:
    """Return when the events of `sources`, which were read of `calendar`, take place, in the order of starts."""
    collected: list[Occurrence] = []
    for source in sorted(sources, key=lambda reading: reading.asking.name):
        asking = source.asking
        if isinstance(asking, EventSource):
            lead = asking.lead_or(calendar.spec.lead).length
            collected += [
                Occurrence(
                    calendar=calendar.name,
                    event=asking.name,
                    start=start,
                    end=end,
                    lead=lead,
                    priority=asking.priority,
                    asks=asking.services,
                    shape=asking.shape,
                    kind=asking.kind or "",
                )
                for start, end in source.spans
            ]
    return tuple(sorted(collected, key=attrgetter("start")))  # of one instant they stay in the order of their names


def freezes(calendar: EventCalendar, folder: Path = Path(), *, now: datetime) -> tuple[Freeze, ...]:
    """Return the calendar's freezes around `now`, in the order of starts; `folder` is where its imports lie."""
    reading = CalendarReading(calendar=calendar, folder=folder, now=now, horizon=horizon(now))
    return freezes_of(freeze_sources(reading))


def freezes_of(sources: Iterable[SourceReading]) -> tuple[Freeze, ...]:
    """Return the freezes that `sources` hold, in the order of starts."""
    collected = [
        Freeze(name=spec.name, reason=spec.reason, start=start, end=end, services=spec.services)
        for source in sources
        if isinstance(spec := source.asking, FreezeSource)
        for start, end in source.spans
    ]
    return tuple(sorted(collected, key=lambda freeze: (freeze.start, freeze.name)))
