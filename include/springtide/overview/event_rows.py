"""One event as a row of a list, and the added events beside those of the calendars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from springtide.events.ad_hoc import CALENDAR
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.overview.event_facts import EventFacts
from springtide.overview.event_standing import all_stand
from springtide.overview.event_surroundings import AddedEvent
from springtide.overview.events import Check, EventOrigin, EventRow, EventState, Light, light_of
from springtide.policy.calendar.model import EventCalendar


def calendars_with(calendars: Calendars, added: Sequence[AddedEvent]) -> Calendars:
    """Return the calendars, with the events that were added by hand as one more."""
    if not added:
        return calendars
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": CALENDAR, "owner": CALENDAR},
        "spec": {"timezone": "UTC"},
    }
    own = ExpandedCalendar(
        calendar=EventCalendar.model_validate(document),
        occurrences=tuple(event.occurrence for event in added),
        freezes=(),
    )
    return replace(calendars, views=(*calendars.views, own))


def row_of(
    facts: EventFacts, obstacles: Sequence[Check], added: AddedEvent | None, *, light: Light | None = None
) -> EventRow:
    """Return the row of one event. Without a `light`, it is red by its obstacles, and else not known."""
    event = facts.occurrence
    seen = light_of([check.light for check in obstacles])
    prepared_at = facts.prepared_at if added is None else min(added.due, event.start)
    return EventRow(
        id=event.id,
        event=event.event,
        calendar=event.calendar,
        origin=EventOrigin.CALENDAR if added is None else EventOrigin.ADDED,
        state=_state(facts, added),
        prepared_at=prepared_at,
        start=event.start,
        end=event.end,
        lead_seconds=facts.lead.length.total_seconds(),
        lead_reason=facts.lead.reason,
        priority=event.priority,
        asks={name: str(ask) for name, ask in event.asks.items()},
        kind=event.kind,
        light=seen if light is None else light,
        obstacles=tuple(told(check) for check in obstacles),
        run_id=None if added is None else added.run_id,
        owner=_owner(facts, added),
        reason="" if added is None else added.reason,
    )


def is_named(check: Check) -> bool:
    """Say whether the sentence of a check names its service, so that nobody has to put the name before it."""
    begins = check.sentence.startswith((f"{check.service} ", f"{check.service}:"))
    return not check.service or begins or f" {check.service} " in check.sentence


def told(check: Check) -> str:
    """Return a check in one line: of which service, and what it found."""
    return check.sentence if is_named(check) else f"{check.service}: {check.sentence}"


def _owner(facts: EventFacts, added: AddedEvent | None) -> str:
    if added is not None:
        return added.owner
    named = (
        view.calendar.metadata.owner
        for view in facts.calendars.views
        if view.calendar.name == facts.occurrence.calendar
    )
    return next(named, "")


def _state(facts: EventFacts, added: AddedEvent | None) -> EventState:
    event = facts.occurrence
    if facts.now >= event.end:
        return EventState.OVER
    if facts.has_begun:
        return EventState.GOING_ON
    if added is not None and added.state == "running":
        return EventState.PREPARING
    noted = [each for each in facts.services if each.note is not None]
    if noted:
        return EventState.PREPARED if all_stand(facts) else EventState.PREPARING
    return EventState.DUE if facts.now >= facts.prepared_at else EventState.AHEAD
