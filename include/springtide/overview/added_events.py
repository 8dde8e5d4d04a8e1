"""Events of no calendar: as somebody asks for them, as queued runs of `prepare_events`, and as the store's notes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from springtide.errors import InputError
from springtide.events.ad_hoc import CALENDAR, ad_hoc_event
from springtide.events.rehearsal import is_rehearsal
from springtide.overview.event_surroundings import AddedEvent
from springtide.record.store import RunStore

NOTED: Final = "noted"
"""The state of an event that Airflow was not asked about, or knows no run of any more, and the store has notes of."""

_PREFIX: Final = "event__"


def event_run_id(name: str, start: datetime) -> str:
    """Return the name of the run that prepares an event of no calendar: the same for the same event."""
    return f"{_PREFIX}{name}__{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def is_event_run(run_id: str) -> bool:
    """Say whether a run of `prepare_events` prepares an event that somebody added."""
    return run_id.startswith(_PREFIX)


def added_event(run_id: str, state: str, due: datetime, conf: Mapping[str, Any] | None) -> AddedEvent | None:
    """Return the event that a run prepares; None where its conf holds none that can be read."""
    try:
        asked = ad_hoc_event((conf or {}).get("event"))
    except InputError:
        return None
    lead = max(timedelta(0), asked.occurrence.start - due)  # settled when it was added, whatever was learned since
    return AddedEvent(
        run_id=run_id,
        state=state,
        due=due,
        occurrence=replace(asked.occurrence, lead=lead),
        owner=asked.owner,
        reason=asked.reason,
    )


def noted_events(store: RunStore, services: Collection[str], now: datetime) -> tuple[AddedEvent, ...]:
    """Return the added events that the store has notes of, and that are not over.

    Raises:
        TemporaryError: the store does not answer.
    """
    kept = store.notes(services, now=now)
    found: dict[str, AddedEvent] = {}
    for note in (note for many in kept.values() for note in many):
        event = note.occurrence
        if event.calendar == CALENDAR and not is_rehearsal(event) and now < event.end:
            found[event.id] = AddedEvent(
                run_id=event_run_id(event.event, event.start),
                state=NOTED,
                due=event.start - (event.lead or timedelta(0)),
                occurrence=event,
                owner=note.owner,
                reason=note.reason,
            )
    return tuple(found.values())
