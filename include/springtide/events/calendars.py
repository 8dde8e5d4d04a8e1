"""All calendars together: what is going on at an instant, what may not be touched, and within which limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from springtide.events.accounts import SourceAccount
from springtide.events.feed_spans import Span
from springtide.events.occurrences import Freeze, Occurrence, freezes_of, horizon, occurrences_of, shape_record
from springtide.events.sources import (
    CalendarReading,
    Remembered,
    event_sources,
    freeze_sources,
    merged,
    remembered_as,
    seconds_of,
    spans_of,
)
from springtide.policy.calendar.model import EventCalendar, LearnSpec, PaceSpec, ServiceRequest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedCalendar:
    """One calendar, expanded around the time it was read.

    `accounts` say what became of each source; one that is remembered from an earlier reading has none. `by_uid` is
    when the events of its feeds take place, by source and UID.
    """

    calendar: EventCalendar
    occurrences: tuple[Occurrence, ...]
    freezes: tuple[Freeze, ...]
    accounts: tuple[SourceAccount, ...] = ()
    by_uid: Mapping[str, Mapping[str, Sequence[Span]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, calendar: EventCalendar, folder: Path, *, now: datetime, remembered: Remembered | None = None
    ) -> ExpandedCalendar:
        """Return the view of `calendar`, whose imports lie in `folder`; `remembered` is that of its last view.

        What cannot be read is told in the accounts, and what was remembered of it stays.
        """
        reading = CalendarReading(
            calendar=calendar, folder=folder, now=now, horizon=horizon(now), remembered=remembered or {}
        )
        events = event_sources(reading)
        frozen = freeze_sources(reading)
        return cls(
            calendar=calendar,
            occurrences=occurrences_of(calendar, events),
            freezes=freezes_of(frozen),
            accounts=tuple(source.account for source in (*events, *frozen)),
            by_uid={remembered_as(source.asking): source.by_uid for source in (*events, *frozen) if source.by_uid},
        )

    def with_what_is_missing(self, other: ExpandedCalendar) -> ExpandedCalendar:
        """Return this view with the events of those sources of `other` that this calendar does not name."""
        spec = self.calendar.spec
        named = {source.name for source in (*spec.events, *spec.imports, *spec.holidays)}
        named |= {remembered_as(source) for source in spec.freeze_imports}
        kept = [occurrence for occurrence in other.occurrences if occurrence.event not in named]
        together = sorted((*self.occurrences, *kept), key=lambda occurrence: (occurrence.start, occurrence.event))
        by_uid = {name: spans for name, spans in other.by_uid.items() if name not in named}
        return replace(self, occurrences=tuple(together), by_uid={**self.by_uid, **by_uid})

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "calendar": self.calendar.model_dump(mode="json", exclude_none=True),
            "events": _events_record(self.occurrences, self.by_uid),
            "freezes": [freeze.to_record() for freeze in self.freezes],
            "remembered": {
                name: {uid: seconds_of(spans) for uid, spans in by_uid.items()} for name, by_uid in self.by_uid.items()
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ExpandedCalendar:
        """Return the view that `to_record` stored, in this form or in the one before it (`occurrences`).

        Raises:
            ValueError, KeyError, TypeError: nothing that this version understands was stored.
        """
        calendar = EventCalendar.model_validate(record["calendar"])
        occurrences = [Occurrence.from_record(occurrence) for occurrence in record.get("occurrences", ())]
        by_uid = {
            name: {uid: spans_of(seconds) for uid, seconds in feed.items()}
            for name, feed in record.get("remembered", {}).items()
        }
        for event in record.get("events", ()):
            feed = chain.from_iterable(by_uid.get(event["event"], {}).values())
            occurrences += _of_record(calendar.name, event, merged([*spans_of(event["seconds"]), *feed]))
        return cls(
            calendar=calendar,
            occurrences=tuple(sorted(occurrences, key=lambda occurrence: (occurrence.start, occurrence.event))),
            freezes=tuple(map(Freeze.from_record, record["freezes"])),
            by_uid=by_uid,
        )


def _events_record(occurrences: tuple[Occurrence, ...], by_uid: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one record for each event, with the seconds at which it begins and ends; of feeds those are remembered."""
    records: dict[str, dict[str, Any]] = {}
    for occurrence in occurrences:
        record = records.get(occurrence.event)
        if record is None:
            stored = occurrence.to_record()
            record = {key: stored[key] for key in ("event", "lead", "priority", "asks")} | {"seconds": []}
            record |= shape_record(occurrence)
            records[occurrence.event] = record
        if occurrence.event not in by_uid:
            record["seconds"] += [int(occurrence.start.timestamp()), int(occurrence.end.timestamp())]
    return list(records.values())


def _of_record(calendar: str, event: Mapping[str, Any], spans: Iterable[Span]) -> list[Occurrence]:
    lead = None if event["lead"] is None else timedelta(seconds=event["lead"])
    asks = {name: ServiceRequest.model_validate(ask) for name, ask in event["asks"].items()}
    return [
        Occurrence(
            calendar=calendar,
            event=event["event"],
            start=start,
            end=end,
            lead=lead,
            priority=event["priority"],
            asks=asks,
            shape=event.get("shape", "flat"),
            kind=event.get("kind", ""),
        )
        for start, end in spans
    ]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast services are scaled, over all that go at the same time."""

    pods_per_minute: float
    runs: int


@dataclass(frozen=True)
class Calendars:
    """Every calendar's view. Limits are the tightest of all calendars."""

    views: tuple[ExpandedCalendar, ...] = ()

    @cached_property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Every occurrence of every calendar, in the order of starts."""
        views = sorted(self.views, key=lambda view: view.calendar.name)
        collected = [occurrence for view in views for occurrence in view.occurrences]
        return tuple(sorted(collected, key=attrgetter("start")))  # of one instant they stay in the order of their names

    @property
    def accounts(self) -> tuple[SourceAccount, ...]:
        """What became of every source of every calendar."""
        return tuple(account for view in self.views for account in view.accounts)

    @property
    def cap(self) -> int | None:
        """The most pods that all events may ask for at one time; None without a cap."""
        caps = [view.calendar.spec.cap.most for view in self.views]
        return min((cap for cap in caps if cap is not None), default=None)

    @property
    def pod_hour(self) -> float | None:
        """What a pod costs an hour, the highest of all calendars; None where none says."""
        caps = (view.calendar.spec.cap for view in self.views)
        return max((cap.cost_per_pod_hour for cap in caps if cap.cost_per_pod_hour is not None), default=None)

    @property
    def pace(self) -> Pace:
        """How fast services are scaled."""
        paces = [view.calendar.spec.pace for view in self.views] or [PaceSpec()]
        return Pace(min(pace.pods_per_minute for pace in paces), min(pace.runs for pace in paces))

    def learning(self, occurrence: Occurrence) -> LearnSpec:
        """Return how the occurrence's lead is learned."""
        named = (view.calendar.spec.learn for view in self.views if view.calendar.name == occurrence.calendar)
        return next(named, LearnSpec())

    def starting_at(self, moment: datetime) -> tuple[Occurrence, ...]:
        """Return what begins at `moment`; where nothing does, what is going on then: it was begun late."""
        exact = tuple(occurrence for occurrence in self.occurrences if occurrence.start == moment)
        return exact or self.going_on(moment)

    def going_on(self, now: datetime, leads: Mapping[str, timedelta] | None = None) -> tuple[Occurrence, ...]:
        """Return what lasts now; with `leads` (by occurrence id) also what is being prepared."""
        ahead = leads or {}
        return tuple(
            occurrence
            for occurrence in self.occurrences
            if occurrence.start - ahead.get(occurrence.id, timedelta()) <= now < occurrence.end
        )

    def freeze_on(self, service: str, now: datetime) -> tuple[str, Freeze] | None:
        """Return the freeze that holds `service` now for whoever is no event, and whose calendar's; the longest one."""
        holding = [
            (view.calendar.name, freeze) for view in self.views for freeze in view.freezes if freeze.holds(service, now)
        ]
        return max(holding, key=lambda each: (each[1].end, each[0]), default=None)

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
    named = [
        candidate
        for candidate in calendar.spec.overrides
        if candidate.freeze == freeze.name and event in candidate.events
    ]
    for override in named:
        if now < override.expires.instant(calendar.spec.zone, is_end=True):
            return True, ""
    if named:
        return False, f"; override {named[0].name} of {named[0].owner} expired at {named[0].expires}"
    if event is None:
        return False, ""
    return False, f"; an override of calendar {calendar.name} that names event {event} would lift it"
