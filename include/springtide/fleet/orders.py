"""What a sweep or a preparation orders: what demand and events ask for, by one inspection of each service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from springtide.events.calendars import Calendars
from springtide.events.notes import EventNote
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import Inspection, orders_for, with_floors
from springtide.events.waves import ServicePlan
from springtide.fleet.due import Due
from springtide.fleet.ports import FleetPorts
from springtide.record.events import Notes

Inspections = Callable[[], Mapping[str, Inspection]]
"""Returns what the look at each service found; a service that could not be looked at is not in it."""

UNSEEN: Final = "it could not be looked at"
"""How the reason of an order begins whose service nothing is known of: it fails, and holds back what comes after it."""

WHY_UNSEEN: Final = "it has no policy, or its look failed: see look_at_service"


def decided_orders(
    fleet: FleetPorts,
    due: Due,
    inspections: Mapping[str, Inspection],
    *,
    unseen: Mapping[str, str] | None = None,
    is_dry: bool = False,
) -> list[ServicePlan]:
    """Return what is to be done about each service; one of `due` that was not seen gets an order that fails.

    `unseen` says why, where that is known. What is expected now is noted for the events that begin with this; with
    `is_dry` nothing is noted.
    """
    with fleet.open_store() as store:
        notes = _notes(store, due, inspections, fleet.clock.now(), is_dry=is_dry)
    orders = list(orders_for(with_events(fleet, due, inspections, notes)))
    asked = {*due.services, *(service for event in due.events for service in event.asks)}
    return [*orders, *unseen_orders(asked - inspections.keys(), unseen or {})]


def unseen_orders(services: Iterable[str], why: Mapping[str, str]) -> list[ServicePlan]:
    """Return an order that fails for each of `services` that nothing is known of."""
    return [
        ServicePlan(
            service=service, current=0, steps=(0,), after=(), reason=f"{UNSEEN}: {why.get(service, WHY_UNSEEN)}"
        )
        for service in sorted(services)
    ]


def is_unseen(order: ServicePlan) -> bool:
    """Say whether the order is for a service that nothing is known of."""
    return order.reason.startswith(UNSEEN)


def with_events(
    fleet: FleetPorts, due: Due, inspections: Mapping[str, Inspection], notes: Mapping[str, Sequence[EventNote]]
) -> dict[str, Inspection]:
    """Return the inspections with what the events that go on ask for, and with what is frozen."""
    now = fleet.clock.now()
    calendars = fleet.calendars()
    noted = {(note.occurrence.id, name): note.expected for name, many in notes.items() for note in many}
    going_on = {event.id: event for event in (*_held(calendars, notes, now), *calendars.going_on(now), *due.events)}
    return with_floors(inspections, going_on.values(), calendars, noted=noted, now=now)


def _notes(
    store: Notes, due: Due, inspections: Mapping[str, Inspection], now: datetime, *, is_dry: bool
) -> dict[str, tuple[EventNote, ...]]:
    new = [
        _note(due, event, inspections[service])
        for event in due.events
        for service in event.asks
        if service in inspections and not inspections[service].is_owned
    ]
    # Kept before they are read: of two preparations at once the first note of an event counts, for both of them.
    if not is_dry:
        store.keep_notes(new, now=now)
    kept = store.notes(list(inspections), now=now)
    if not is_dry:
        return dict(kept)
    there = {(note.service, note.occurrence.id) for many in kept.values() for note in many}
    added = [note for note in new if (note.service, note.occurrence.id) not in there]
    return {name: (*many, *(note for note in added if note.service == name)) for name, many in kept.items()}


def _note(due: Due, event: Occurrence, inspection: Inspection) -> EventNote:
    return EventNote(
        service=inspection.service,
        occurrence=event,
        expected=inspection.expected if inspection.expected is not None else max(inspection.current, inspection.least),
        before=inspection.health.demand,
        owner=due.owner,
        reason=due.reason,
    )


def _held(calendars: Calendars, notes: Mapping[str, Sequence[EventNote]], now: datetime) -> list[Occurrence]:
    """Return the noted events that are not over, as their calendars have them now; one that was taken out goes."""
    known = {view.calendar.name for view in calendars.views}
    present = {event.id: event for event in calendars.occurrences}
    held: dict[str, Occurrence] = {}
    for note in (note for many in notes.values() for note in many):
        event = note.occurrence
        if event.calendar in known:  # an event that was queued is in no calendar: its note alone holds it
            if event.id not in present:
                continue
            event = present[event.id]
        if now < event.end:
            held[event.id] = event
    return list(held.values())
