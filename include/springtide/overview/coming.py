"""What comes next for each service, what goes on, and what is frozen: one pass over the calendars. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from springtide.events.calendars import Calendars
from springtide.events.occurrences import Occurrence
from springtide.overview.cost import EventSpan
from springtide.stored import Stored

AHEAD: Final = timedelta(days=30)
"""How far ahead an event is told."""

BACK: Final = timedelta(days=1)
"""How far back events are marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingEvent(Stored):
    """The next event of a service, and what it asks of it. `prepared_at` is None where its lead is learned."""

    event: str
    calendar: str
    start: datetime
    end: datetime
    asks: str
    prepared_at: datetime | None


class Coming:
    """The events of `calendars` around `now`, by service."""

    def __init__(self, calendars: Calendars, now: datetime, *, back: timedelta = BACK) -> None:
        self._calendars = calendars
        self._now = now
        self._of: dict[str, list[Occurrence]] = {}
        self._is_any_frozen = any(
            freeze.start <= now < freeze.end for view in calendars.views for freeze in view.freezes
        )
        for occurrence in calendars.occurrences:
            if now - back < occurrence.end and occurrence.start < now + AHEAD:
                for service in occurrence.asks:
                    self._of.setdefault(service, []).append(occurrence)

    def next(self, service: str) -> ComingEvent | None:
        """Return what begins next; None where nothing does."""
        ahead = (occurrence for occurrence in self._of.get(service, ()) if occurrence.start > self._now)
        found = min(ahead, key=lambda occurrence: occurrence.start, default=None)
        return None if found is None else _coming(found, service)

    def marked(self, service: str) -> tuple[EventSpan, ...]:
        """Return what took place lately, and what goes on."""
        begun = (occurrence for occurrence in self._of.get(service, ()) if occurrence.start <= self._now)
        return tuple(map(_span, begun))

    def frozen(self, service: str) -> str:
        """Return why the service may not be scaled now, "" where it may."""
        # Most of the time nothing is: a year of freezes is not gone through for each of a thousand services.
        return (self._calendars.frozen(service, self._now) or "") if self._is_any_frozen else ""


def _span(occurrence: Occurrence) -> EventSpan:
    return EventSpan(name=occurrence.event, start=occurrence.start, end=occurrence.end)


def _coming(occurrence: Occurrence, service: str) -> ComingEvent:
    return ComingEvent(
        event=occurrence.event,
        calendar=occurrence.calendar,
        start=occurrence.start,
        end=occurrence.end,
        asks=str(occurrence.asks[service]),
        prepared_at=None if occurrence.lead is None else occurrence.start - occurrence.lead,
    )
