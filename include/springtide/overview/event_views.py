"""Events as people see them: the list, the readiness card of each, and what became of those that are over.

The list asks no cluster, so that it is there within a second; the card does, where there is one to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from springtide.errors import InputError, SpringtideError
from springtide.events.calendars import Calendars
from springtide.events.leads import LEARNED_WITHIN
from springtide.events.occurrences import Freeze, Occurrence
from springtide.events.rehearsal import named_event
from springtide.overview.added_events import noted_events
from springtide.overview.aftermaths import aftermath
from springtide.overview.event_checks import (
    cap_checks,
    dag_checks,
    freeze_checks,
    maximum_checks,
    not_given_back,
    policy_checks,
    stop_checks,
)
from springtide.overview.event_facts import EventFacts
from springtide.overview.event_memory_checks import past_checks, rehearsal_checks
from springtide.overview.event_reading import EventReading
from springtide.overview.event_room_checks import cluster_checks, connection_checks
from springtide.overview.event_rows import calendars_with, row_of
from springtide.overview.event_standing import STANDING, standing_checks
from springtide.overview.event_surroundings import AddedEvent, EventSurroundings
from springtide.overview.event_time_checks import approval_checks, measured_time, time_checks
from springtide.overview.event_waves import cost_of, waves_of
from springtide.overview.events import (
    Aftermath,
    Check,
    EventsOverview,
    FreezeRow,
    Light,
    Readiness,
    light_of,
)

DAYS: Final = 14
"""How far ahead events are shown unless told otherwise."""


def events_overview(around: EventSurroundings, *, days: int = DAYS, over: timedelta = timedelta(0)) -> EventsOverview:
    """Return every event of the next `days`, the added ones beside those of the calendars; `over` how far back too.

    What stands in the way of each is said by what calendars, policies, the store and Airflow know.
    """
    now = around.clock.now()
    added, problem = _added(around, now)
    calendars = calendars_with(around.known.calendars, tuple(added.values()))
    shown = _within(calendars, now - over, now + timedelta(days=days))
    reading = read_events(around, calendars, shown, with_cluster=False)
    facts = {occurrence.id: reading.facts(occurrence) for occurrence in shown}
    return EventsOverview(
        rows=tuple(row_of(each, _in_the_way(_cheap(each, reading)), added.get(name)) for name, each in facts.items()),
        freezes=tuple(_freezes(calendars, now - over, now + timedelta(days=days))),
        warnings=tuple(dict.fromkeys(_warnings(around, facts.values()))),
        left_out=(*_left_out(around), *([problem] if problem else [])),
    )


def readiness_of(around: EventSurroundings, name: str) -> Readiness:
    """Return the card of the event `name`: EVENT, CALENDAR.EVENT, or an id of an occurrence.

    Raises:
        InputError: no event ahead has this name (`event_unknown`), or several calendars have one.
    """
    now = around.clock.now()
    added, _ = _added(around, now)
    calendars = calendars_with(around.known.calendars, tuple(added.values()))
    return _cards(around, calendars, added, [named_event(calendars, name, now)])[0]


def readiness_of_all(around: EventSurroundings, *, days: int = DAYS) -> tuple[Readiness, ...]:
    """Return the cards of all events that are not over and begin within `days`, in the order of their starts."""
    now = around.clock.now()
    added, _ = _added(around, now)
    calendars = calendars_with(around.known.calendars, tuple(added.values()))
    return tuple(_cards(around, calendars, added, _within(calendars, now, now + timedelta(days=days))))


def aftermath_of(around: EventSurroundings, name: str) -> Aftermath:
    """Return what became of the event `name`: EVENT, CALENDAR.EVENT (the latest that is over), or an id.

    Raises:
        InputError: no event of this name is over (`event_unknown`).
        TemporaryError: the store does not answer.
    """
    now = around.clock.now()
    calendars = around.known.calendars
    over = [
        event
        for event in calendars.occurrences
        if event.end <= now and name in (event.id, event.event, f"{event.calendar}.{event.event}")
    ]
    if not over:
        message = f"event: no event called {name[:100]!r} is over within the last 400 days."
        raise InputError(message, code="event_unknown", field="event")
    event = over[-1]
    reading = read_events(around, calendars, [event], with_cluster=False)
    return aftermath(around, row_of(reading.facts(event), [], None), event)


def checks_of(facts: EventFacts, reading: EventReading) -> tuple[Check, ...]:
    """Return every check of an event, those of the cluster where it was looked at."""
    return (
        *_cheap(facts, reading),
        *cluster_checks(facts),
        *rehearsal_checks(facts),
        *past_checks(facts),
    )


def _cheap(facts: EventFacts, reading: EventReading) -> tuple[Check, ...]:
    return (
        *policy_checks(facts),
        *maximum_checks(facts),
        *cap_checks(facts),
        *freeze_checks(facts),
        *stop_checks(facts),
        *time_checks(facts),
        *standing_checks(facts),
        *approval_checks(facts),
        *connection_checks(facts, reading.looks.peak),
        *dag_checks(facts),
    )


def read_events(
    around: EventSurroundings, calendars: Calendars, events: Sequence[Occurrence], *, with_cluster: bool
) -> EventReading:
    """Return what is known of `events`; their clusters are asked only where that is wanted."""
    return EventReading.of(around, calendars, asked=events, with_cluster=with_cluster)


def card_of(reading: EventReading, event: Occurrence, added: AddedEvent | None) -> Readiness:
    """Return the card of one event."""
    facts = reading.facts(event)
    checks = checks_of(facts, reading)
    taken = measured_time(facts)
    light = light_of(check.light for check in checks)
    return Readiness(
        event=row_of(facts, _in_the_way(checks), added, light=light),
        light=light,
        checks=checks,
        waves=waves_of(facts),
        cost=cost_of(facts),
        preparation_seconds=None if taken is None else taken.total_seconds(),
        margin_seconds=None if taken is None or facts.has_begun else (facts.available - taken).total_seconds(),
    )


def _cards(
    around: EventSurroundings, calendars: Calendars, added: Mapping[str, AddedEvent], events: Sequence[Occurrence]
) -> list[Readiness]:
    reading = read_events(around, calendars, events, with_cluster=True)
    return [card_of(reading, event, added.get(event.id)) for event in events]


def _added(around: EventSurroundings, now: datetime) -> tuple[dict[str, AddedEvent], str]:
    """Return the added events by their ids, as Airflow and the store's notes have them; and what was not read."""
    found: dict[str, AddedEvent] = {}
    problem = ""
    try:
        with around.open_store() as store:
            found = {each.occurrence.id: each for each in noted_events(store, around.policies.names(), now)}
    except SpringtideError as error:
        problem = f"events that the store has notes of: {error.message}"
    return found | {each.occurrence.id: each for each in around.airflow.added or ()}, problem


def _in_the_way(checks: Iterable[Check]) -> list[Check]:
    """Return what stands in an event's way: what is red, asks for less than it seems, or was not seen to stand."""
    return [
        check
        for check in checks
        if check.light is Light.RED
        or (check.light is Light.AMBER and check.name in {"policy", "policy maximum"})
        or (check.light is Light.UNKNOWN and check.name == STANDING)
    ]


def _within(calendars: Calendars, begin: datetime, end: datetime) -> list[Occurrence]:
    return [event for event in calendars.occurrences if begin < event.end and event.start < end]


def _freezes(calendars: Calendars, begin: datetime, end: datetime) -> Iterable[FreezeRow]:
    for view in calendars.views:
        for freeze in view.freezes:
            if begin < freeze.end and freeze.start < end:
                yield _freeze_row(view.calendar.name, freeze)


def _freeze_row(calendar: str, freeze: Freeze) -> FreezeRow:
    return FreezeRow(
        name=freeze.name,
        calendar=calendar,
        reason=freeze.reason,
        start=freeze.start,
        end=freeze.end,
        services=freeze.services,
    )


def _warnings(around: EventSurroundings, shown: Iterable[EventFacts]) -> Iterable[str]:
    if around.halted:
        yield f"everything is halted by {around.halted}: nothing is written"
    if around.known.problem:
        yield around.known.problem
    for facts in shown:
        event = facts.occurrence
        if event.start < facts.now + LEARNED_WITHIN and (told := not_given_back(facts)):
            yield f"{event.calendar}.{event.event}: {told}"
    if around.airflow.paused is None:
        yield "whether adjust_capacity is on, and gives anything back, is not known: Airflow was not asked"


def _left_out(around: EventSurroundings) -> tuple[str, ...]:
    left = []
    if around.airflow.added is None:
        left.append(f"events that were added by hand: {around.airflow.why_not}")
    left += [f"run {run_id}: its event cannot be read" for run_id in around.airflow.unread]
    if around.known.absent is not None:
        left.append(str(around.known.account))
    return tuple(left)
