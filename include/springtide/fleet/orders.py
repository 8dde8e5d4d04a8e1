"""What a sweep or a preparation orders: what demand and events ask for, by one inspection of each service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from springtide.events.calendars import Calendars
from springtide.events.multiplied import multiplied
from springtide.events.notes import EventNote
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import HeldNow, Inspection, orders_for, with_floors
from springtide.events.waves import ServicePlan
from springtide.fleet.decisions import keep_decisions
from springtide.fleet.due import Due
from springtide.fleet.event_shapes import LearnedShape, learned_shapes
from springtide.fleet.pauses import stops_of, with_stops
from springtide.fleet.ports import FleetPorts

log = structlog.get_logger(__name__)

Inspections = Callable[[], Mapping[str, Inspection]]
"""Returns what the look at each service found; a service that could not be looked at is not in it."""

UNSEEN: Final = "it could not be looked at"
"""How the reason of an order begins whose service nothing is known of: it fails, and holds back what comes after it."""

WHY_UNSEEN: Final = "it has no policy, or its look failed: see look_at_services"


def decided_orders(
    fleet: FleetPorts,
    due: Due,
    inspections: Mapping[str, Inspection],
    *,
    unseen: Mapping[str, str] | None = None,
    is_dry: bool = False,
    is_rehearsal: bool = False,
) -> list[ServicePlan]:
    """Return what is to be done about each service; one of `due` that was not seen gets an order that fails.

    `unseen` says why, where that is known. What is expected now is noted for the events that begin with this, and the
    decisions are kept: with `is_dry` neither, and those of a rehearsal are not kept, for nobody wanted them but it.
    """
    shapes = learned_shapes(fleet, due.events, [name for name in inspections if not inspections[name].is_owned])
    notes = _notes(fleet, due, inspections, shapes, is_dry=is_dry)
    seen = with_events(fleet, due, inspections, notes)
    orders = list(orders_for(seen))
    # Judged by what would be started: only there somebody has to know how the last run ended.
    stops = stops_of(fleet, orders, is_sweep=not due.events, is_dry=is_dry)
    if stops:
        orders = list(orders_for(with_stops(seen, stops)))
    if due.only_plans:
        log.warning("sweep_only_plans", why=due.only_plans)
        orders = [order.only_planned(due.only_plans) for order in orders]
    if not is_rehearsal:
        orders = [_with_asked(due, order, seen[order.service]) for order in orders]
    if not is_dry and not is_rehearsal:
        keep_decisions(fleet, inspections, orders, fleet.clock.now())
    asked = {*due.services, *(service for event in due.events for service in event.asks)}
    return [*orders, *unseen_orders(asked - inspections.keys(), unseen or {})]


def _with_asked(due: Due, order: ServicePlan, inspection: Inspection) -> ServicePlan:
    """Return the order with what the events of `due` ask for: less is no success of their preparation."""
    if all(order.service not in event.asks for event in due.events):
        return order
    is_cut = inspection.asked is not None and (inspection.floor or 0) < inspection.asked
    return replace(order, asked=inspection.asked, cut=inspection.floor_reason if is_cut else "")


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
    held = {
        (note.occurrence.id, name): HeldNow(note.share(now, _measured(inspections[name])), note.doubt())
        for name, many in notes.items()
        for note in many
        if name in inspections
    }
    going_on = {event.id: event for event in (*_held(calendars, notes, now), *calendars.going_on(now), *due.events)}
    return with_floors(inspections, going_on.values(), calendars, noted=noted, now=now, held=held)


def _measured(inspection: Inspection) -> float | None:
    """Return the demand of now; None where it is not known or not trusted."""
    return inspection.health.demand if inspection.knows_demand else None


def attention(fleet: FleetPorts, due: Due) -> dict[str, str]:
    """Return the services that `due` prepared by what was assumed, and what no sweep has made good since; and why."""
    ids = {event.id for event in due.events}
    if not ids:
        return {}
    with fleet.open_store() as store:
        notes = store.notes(list(due.services), now=fleet.clock.now())
    return {
        service: f"{note.occurrence.id} asks for {note.occurrence.asks[service]} of what nobody measured: "
        f"{note.assumed}. Look whether that is enough; the first sweep before the start that knows demand raises it"
        for service, many in notes.items()
        for note in many
        if note.assumed and note.occurrence.id in ids
    }


def _notes(
    fleet: FleetPorts,
    due: Due,
    inspections: Mapping[str, Inspection],
    shapes: Mapping[tuple[str, str], LearnedShape],
    *,
    is_dry: bool,
) -> dict[str, tuple[EventNote, ...]]:
    now = fleet.clock.now()
    with fleet.open_store() as store:
        before = store.notes(list(inspections), now=now)
        changed = _changed_notes(due, inspections, before, shapes, going_on=fleet.calendars().going_on(now), now=now)
        if is_dry:
            return {
                name: _as_kept([*many, *(note for note in changed if note.service == name)])
                for name, many in before.items()
            }
        # Kept before they are read: of two preparations at once the first note of an event counts, for both of them.
        store.keep_notes(changed, now=now)
        there = {(note.service, note.occurrence.id) for many in before.values() for note in many}
        _tell([note for note in changed if note.assumed and (note.service, note.occurrence.id) not in there])
        return dict(store.notes(list(inspections), now=now))


def _changed_notes(
    due: Due,
    inspections: Mapping[str, Inspection],
    before: Mapping[str, Sequence[EventNote]],
    shapes: Mapping[tuple[str, str], LearnedShape],
    *,
    going_on: Sequence[Occurrence],
    now: datetime,
) -> list[EventNote]:
    """Return the notes to keep: those that demand settled by now, and those of events that have none yet."""
    new = [
        _with_shape(_note(due, event, inspections[service], before[service]), shapes)
        for event in due.events
        for service in event.asks
        if service in inspections and not inspections[service].is_owned
    ]
    new += [
        _note(due, event, inspections[service], before[service])
        for event in going_on
        for service in event.asks
        if service in inspections and _is_noted_late(event, inspections[service], before[service])
    ]
    settled = [
        note.settled(inspections[name].base, inspections[name].health.demand, now)
        for name, many in before.items()
        for note in many
        if inspections[name].knows_demand
    ]
    # What is settled comes first: a note that is there stays as it is.
    return [*filter(None, settled), *new]


def _as_kept(notes: Sequence[EventNote]) -> tuple[EventNote, ...]:
    """Return `notes`, the later ones kept after the earlier ones as a store does."""
    kept: dict[str, EventNote] = {}
    for note in notes:
        there = kept.setdefault(note.occurrence.id, note)
        kept[note.occurrence.id] = note if note.replaces(there) else there
    return tuple(kept.values())


def _is_noted_late(event: Occurrence, inspection: Inspection, notes: Sequence[EventNote]) -> bool:
    """Say whether an event that goes on has no note, and none of its demand is known.

    Without a note each sweep would multiply what the one before it raised.
    """
    if inspection.is_owned or inspection.knows_demand or event.asks[inspection.service].multiply is None:
        return False
    return all(note.occurrence.id != event.id for note in notes)


def _note(due: Due, event: Occurrence, inspection: Inspection, notes: Sequence[EventNote]) -> EventNote:
    others = [note for note in notes if note.occurrence.id != event.id]
    base = multiplied(inspection, others)
    return EventNote(
        service=inspection.service,
        occurrence=event,
        expected=base.replicas,
        before=inspection.health.demand,
        owner=due.owner,
        reason=due.reason,
        assumed="" if event.asks[inspection.service].multiply is None else base.assumed,
    )


def _with_shape(note: EventNote, shapes: Mapping[tuple[str, str], LearnedShape]) -> EventNote:
    learned = shapes.get((note.occurrence.id, note.service))
    return note if learned is None else replace(note, shape=learned.shape, flat=learned.why_not)


def _tell(notes: Sequence[EventNote]) -> None:
    for note in notes:
        ask = str(note.occurrence.asks[note.service])
        log.error(
            "event_demand_unknown", occurrence=note.occurrence.id, service=note.service, ask=ask, why=note.assumed
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
