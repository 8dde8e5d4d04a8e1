"""`/api/v1/events`: the list, the readiness card of each, adding, cancelling, rehearsing, and as iCalendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from springtide.errors import NotFound
from springtide.fleet.rehearsal_request import rehearsal_asked
from springtide.overview.event_adding import EventToAdd, event_estimate, event_to_add
from springtide.overview.event_cancelling import of_a_calendar, run_to_take_back
from springtide.overview.event_ical import ical_of
from springtide.overview.event_rehearsing import event_to_rehearse
from springtide.overview.event_surroundings import PREPARE_EVENTS
from springtide.overview.event_views import DAYS, aftermath_of, events_overview, readiness_of
from springtide.overview.event_words import headline
from springtide.overview.events import Readiness
from springtide.run.request_parameters import LONGEST_REASON
from springtide.web.access import Reader, permitted_policy, writes
from springtide.web.event_sight import airflow_sight, seen_events
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.starting import queued

Preparing = Annotated[Caller, Depends(writes(Permission.PREPARE))]
Rehearsing = Annotated[Caller, Depends(writes(Permission.REHEARSE))]
Days = Annotated[int, Query(ge=1, le=400, description="How many days ahead.")]

_EVENT: Final[JsonDict] = {
    "name": "launch",
    "start": "2026-11-27T18:00:00Z",
    "end": "2026-11-27T20:00:00Z",
    "services": {"checkout": {"multiply": "3.2x"}, "search": {"replicas": 80}},
    "reason": "the launch of the new shop",
}


def _text(value: object) -> str:
    """Return `value` where it is text: pydantic would take a number for the seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("a time is text, such as 2026-11-27T18:00:00Z")  # noqa: TRY004  pydantic's word for a wrong value
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text)]


class AskBody(BaseModel):
    """What an event asks of one service: `replicas` or `multiply`, one of them."""

    model_config = ConfigDict(extra="forbid")

    replicas: Annotated[int | None, Field(strict=True, ge=1, le=10_000, description="The least replicas.")] = None
    multiply: Annotated[
        str | None, Field(max_length=20, description="Times what demand needs when it is prepared: `3.2x`.")
    ] = None


class EventBody(BaseModel):
    """An event of no calendar, with the keys of a calendar's event."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EVENT]})

    name: Annotated[str, Field(max_length=63, description="What it is called.")]
    start: Annotated[Moment, Field(description="When it begins, with its zone.")]
    end: Annotated[Moment, Field(description="When it is over, with its zone.")]
    services: Annotated[dict[str, AskBody], Field(min_length=1, max_length=200)]
    lead: Annotated[str, Field(max_length=20, description="How long before: `auto`, or a length such as `45m`.")] = (
        "auto"
    )
    priority: Annotated[int, Field(strict=True, ge=0, le=100)] = 50
    reason: Annotated[str, Field(max_length=LONGEST_REASON, description="Why; kept with the event.")] = ""

    def asked(self, owner: str) -> dict[str, Any]:
        """Return the event as the DAG takes it."""
        services = {name: ask.model_dump(exclude_none=True) for name, ask in self.services.items()}
        times = {"start": _instant(self.start), "end": _instant(self.end)}
        return self.model_dump() | times | {"services": services, "owner": owner}


class RehearsalBody(BaseModel):
    """How a rehearsal is bounded; `confirm` says that it scales and loads what serves customers."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"confirm": True, "reason": "before the sale"}]}
    )

    confirm: Annotated[bool, Field(strict=True, description="I know that it scales and loads what serves customers.")]
    load_test: Annotated[bool, Field(strict=True)] = True
    max_rate: Annotated[float, Field(ge=1, le=2000, description="Requests a second to one service.")] = 100.0
    seconds: Annotated[int, Field(strict=True, ge=10, le=600)] = 60
    minutes: Annotated[int, Field(strict=True, ge=5, le=240, description="When what it asks for expires.")] = 60
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of events."""
    made = APIRouter(tags=["events"])
    _add_reading(made, surroundings)
    _add_cards(made, surroundings)
    _add_adding(made, surroundings)
    _add_changing(made, surroundings)
    return made


def _add_reading(made: APIRouter, surroundings: Surroundings) -> None:
    @made.get("/events", summary="Every event ahead, the added ones beside those of the calendars")
    def events(
        _caller: Reader,
        days: Days = DAYS,
        over: Annotated[int, Query(ge=0, le=400, description="How many days back, of events that are over.")] = 0,
    ) -> dict[str, Any]:
        """Return when each is prepared, what it asks for, and what stands in its way; no cluster is asked."""
        found = events_overview(seen_events(surroundings), days=days, over=timedelta(days=over)).to_record()
        return {"items": found.pop("rows"), "next": None, **found}

    @made.get("/events.ics", summary="The same as an iCalendar file", response_class=Response)
    def as_ical(_caller: Reader, days: Days = 90) -> Response:
        """Return one VEVENT for each event, which a calendar application updates by its UID."""
        rows = events_overview(seen_events(surroundings), days=days).rows
        body = ical_of(rows, surroundings.clock.now())
        head = {"Content-Disposition": 'attachment; filename="springtide.ics"', "Cache-Control": "no-store"}
        return Response(body, media_type="text/calendar; charset=utf-8", headers=head)


def _add_cards(made: APIRouter, surroundings: Surroundings) -> None:
    @made.get("/events/{name}/check", summary="Is the event ready? Every check, with both numbers")
    def check(name: str, _caller: Reader) -> dict[str, Any]:
        """Return the readiness card of EVENT, CALENDAR.EVENT or an id; its cluster is asked."""
        return _card(readiness_of(seen_events(surroundings, with_cluster=True), name))

    @made.get("/events/{name}/aftermath", summary="What an event that is over came to")
    def afterwards(name: str, _caller: Reader) -> dict[str, Any]:
        """Return what was asked, prepared and needed, and what to ask for the next time."""
        return aftermath_of(seen_events(surroundings, with_cluster=True), name).to_record()


def _add_adding(made: APIRouter, surroundings: Surroundings) -> None:
    @made.post("/events/estimate", summary="The card of an event that nobody has added; starts nothing")
    def estimate(asked: Annotated[EventBody, Body()], caller: Reader) -> dict[str, Any]:
        """Return what adding it would say, also where it would be refused."""
        around = seen_events(surroundings, with_cluster=True)
        return _card(event_estimate(around, asked.asked(caller.name), with_cluster=True))

    @made.post("/events", status_code=HTTPStatus.ACCEPTED, summary="Queue the preparation of an event of no calendar")
    def add(asked: Annotated[EventBody, Body()], caller: Preparing) -> dict[str, Any]:
        """Judge the event by every check, and queue its run; what cannot be met is refused with both numbers."""
        _require_may_scale(surroundings, asked.services, caller, Permission.PREPARE)
        around = seen_events(surroundings, with_cluster=True)
        added = event_to_add(around, asked.asked(caller.name), with_cluster=True)
        return _queued(surroundings, caller, added)


def _add_changing(made: APIRouter, surroundings: Surroundings) -> None:
    @made.delete("/events/{name}", summary="Take an added event back that is not being prepared yet")
    def cancel(
        name: str,
        caller: Preparing,
        start: Annotated[AwareDatetime | None, Query(description="When it begins, of several of this name.")] = None,
    ) -> dict[str, Any]:
        """Remove the queued run; an event of a calendar is removed from its file."""
        now = surroundings.clock.now()
        sight = airflow_sight(surroundings)
        try:
            run_id = run_to_take_back(name, start, sight)
            asked = [each.occurrence.asks for each in sight.added or () if each.run_id == run_id]
            _require_may_scale(surroundings, set().union(*asked), caller, Permission.PREPARE)
            surroundings.starts.take_back(PREPARE_EVENTS, run_id, caller=caller)
        except NotFound as error:
            raise of_a_calendar(name, surroundings.calendars(), now) or error from None
        return {"dag_id": PREPARE_EVENTS, "run_id": run_id, "state": "cancelled"}

    @made.post("/events/{name}/rehearse", status_code=HTTPStatus.ACCEPTED, summary="Rehearse an event now")
    def rehearse(name: str, asked: Annotated[RehearsalBody, Body()], caller: Rehearsing) -> dict[str, Any]:
        """Judge what is asked, and start the run: its waves, a bounded load, a verdict, everything given back."""
        return _rehearsed(surroundings, caller, name, asked)


def _queued(surroundings: Surroundings, caller: Caller, added: EventToAdd) -> dict[str, Any]:
    starts = surroundings.starts
    note = f"{added.card.event.event}: {added.card.event.reason}"
    starts.start(PREPARE_EVENTS, added.run_id, added.conf, caller=caller, note=note, due=added.due)
    return {
        "dag_id": PREPARE_EVENTS,
        "run_id": added.run_id,
        "link": starts.link(PREPARE_EVENTS, added.run_id),
        "due": added.due.isoformat(),
        "told": list(added.told),
        "card": _card(added.card),
    }


def _rehearsed(surroundings: Surroundings, caller: Caller, name: str, asked: RehearsalBody) -> dict[str, Any]:
    now = surroundings.clock.now()
    calendars = surroundings.calendars().calendars
    event, found = event_to_rehearse(calendars, airflow_sight(surroundings), name, now)
    conf = {**found, **asked.model_dump()}
    rehearsal_asked(conf, calendars, now)
    _require_may_scale(surroundings, event.asks, caller, Permission.REHEARSE)
    run_id = f"rehearsal__{event.event}__{now:%Y%m%dT%H%M%SZ}_{token_hex(3)}"
    note = f"rehearsal of {event.id}: {asked.reason}"
    return {"event": event.id, **queued(surroundings, caller, Permission.REHEARSE, run_id, conf=conf, note=note)}


def _require_may_scale(
    surroundings: Surroundings, services: Iterable[str], caller: Caller, permission: Permission
) -> None:
    """Return when the caller may have each of the services scaled; the guard of the route cannot know them.

    Raises:
        PermanentError: not that one (`not_allowed`).
        InputError: there is no such service (`service_unknown`).
    """
    for service in services:
        permitted_policy(surroundings, service, caller, permission)


def _card(card: Readiness) -> dict[str, Any]:
    return card.to_record() | {"headline": headline(card)}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
