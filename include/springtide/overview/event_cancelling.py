"""Which run is taken back where somebody cancels an event, and what is said where it is one of a calendar. Pure."""

from __future__ import annotations

from datetime import datetime

from springtide.errors import Conflict, InputError, NotFound
from springtide.events.snapshot import CalendarSnapshot
from springtide.overview.added_events import event_run_id
from springtide.overview.event_surroundings import AirflowSight


def run_to_take_back(name: str, start: datetime | None, airflow: AirflowSight) -> str:
    """Return the run that prepares the added event `name` (or the event's id), of several that at `start`.

    Raises:
        NotFound: there is none (`event_unknown`).
        InputError: there are several, or nobody can say (`event_ambiguous`).
    """
    if start is not None:
        return event_run_id(name, start)
    named = [event for event in airflow.added or () if name in (event.occurrence.event, event.occurrence.id)]
    if len(named) == 1:
        return named[0].run_id
    if airflow.added is None:
        message = f"start: {airflow.why_not}, so when {name[:60]!a} begins is not known. Give its start."
    elif named:
        times = ", ".join(f"{event.occurrence.start:%Y-%m-%dT%H:%MZ}" for event in named)
        message = f"start: {name[:60]!a} begins at several times: {times}. Give its start."
    else:
        message = f"{name[:100]!a} is not queued: there is nothing to cancel."
        raise NotFound(message, code="event_unknown", field="name")
    raise InputError(message, code="event_ambiguous", field="start")


def of_a_calendar(name: str, known: CalendarSnapshot, now: datetime) -> Conflict | None:
    """Return that an event ahead stands in a calendar's file, which no command changes; None where it does not."""
    for file, view in known.views.items():
        for event in view.occurrences:
            if now < event.end and name in (event.event, f"{event.calendar}.{event.event}", event.id):
                return Conflict(
                    f"{name[:100]} is in {file}: remove it there, or freeze its services (spec.freezes).",
                    code="event_of_calendar",
                    field="name",
                )
    return None
