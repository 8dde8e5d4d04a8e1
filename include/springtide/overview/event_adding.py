"""An event that somebody wants to add: judged by the checks of the calendars' own, before anything is queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from springtide.errors import InputError
from springtide.events.ad_hoc import ad_hoc_event
from springtide.overview.added_events import event_run_id
from springtide.overview.event_checks import not_given_back
from springtide.overview.event_reading import EventReading
from springtide.overview.event_rows import calendars_with, told
from springtide.overview.event_surroundings import AddedEvent, EventSurroundings
from springtide.overview.event_views import card_of, read_events
from springtide.overview.events import Check, Light, Readiness

REFUSING: Final = frozenset({"policy", "policy maximum", "cap", "freeze", "autoscaler maximum", "connections"})
"""The checks that refuse an event where they are red: nothing that happens by itself makes them green."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventToAdd:
    """What is to be queued: the run of `prepare_events` called `run_id`, for `due`, with `conf`; and its card.

    `told` is what whoever adds it has to know; `is_late` says that its lead is longer than the notice.
    """

    run_id: str
    due: datetime
    conf: Mapping[str, Any]
    card: Readiness
    lead: timedelta
    is_late: bool
    told: tuple[str, ...]


def event_to_add(around: EventSurroundings, asked: Mapping[str, Any], *, with_cluster: bool = False) -> EventToAdd:
    """Return the run that prepares the event that `asked` describes.

    Raises:
        InputError: it is refused or over (`event_invalid`), or cannot be given what it asks for (`event_impossible`).
    """
    queued, reading = _judged(around, asked, with_cluster=with_cluster)
    event = queued.occurrence
    facts = reading.facts(event)
    card = card_of(reading, event, queued)
    require_possible(card)
    due = max(facts.now, facts.prepared_at).replace(microsecond=0)
    return EventToAdd(
        run_id=queued.run_id,
        due=due,
        conf={"event": dict(asked)},
        card=card,
        lead=facts.lead.length,
        is_late=facts.prepared_at < facts.now.replace(microsecond=0),
        told=tuple(filter(None, (*map(_told, _worth_telling(card)), not_given_back(facts)))),
    )


def event_estimate(around: EventSurroundings, asked: Mapping[str, Any], *, with_cluster: bool = False) -> Readiness:
    """Return the card of the event that `asked` describes, also where it would be refused.

    Raises:
        InputError: it is no event, or it is over (`event_invalid`).
    """
    queued, reading = _judged(around, asked, with_cluster=with_cluster)
    return card_of(reading, queued.occurrence, queued)


def _judged(
    around: EventSurroundings, asked: Mapping[str, Any], *, with_cluster: bool
) -> tuple[AddedEvent, EventReading]:
    added = ad_hoc_event(asked)
    event = added.occurrence
    now = around.clock.now()
    if event.end <= now:
        message = f"end: {event.end:%Y-%m-%d %H:%M} UTC is over already."
        raise InputError(message, code="event_invalid", field="end")
    queued = AddedEvent(
        run_id=event_run_id(event.event, event.start),
        state="queued",
        due=event.start,
        occurrence=event,
        owner=added.owner,
        reason=added.reason,
    )
    known = calendars_with(around.known.calendars, [*(around.airflow.added or ()), queued])
    reading = read_events(around, known, [event], with_cluster=with_cluster)
    lead = reading.leads[event.id].length
    return replace(queued, due=max(now, event.start - lead)), reading


def require_possible(card: Readiness) -> None:
    """Return when nothing refuses the event.

    Raises:
        InputError: something does; the message holds both numbers of each, and what to do (`event_impossible`).
    """
    refused = [check for check in card.checks if check.light is Light.RED and check.name in REFUSING]
    if refused:
        message = "\n".join(map(_told, refused))
        raise InputError(message, code="event_impossible", field=f"services.{refused[0].service}".rstrip("."))


def _worth_telling(card: Readiness) -> list[Check]:
    amber = {"policy", "policy maximum", "approval", "airflow"}
    return [check for check in card.not_green if check.light is Light.RED or check.name in amber]


def _told(check: Check) -> str:
    return f"{told(check)}. {check.to_do}".rstrip() if check.to_do else told(check)
