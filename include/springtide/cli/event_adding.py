"""`springtide events add`, `cancel` and `rehearse`: events of no calendar, queued in Airflow one run each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from springtide.cli.airflow import delete_run, queue_run
from springtide.cli.airflow_sight import airflow_sight
from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.event_options import (
    DEFAULT_AIRFLOW,
    DEFAULT_CALENDARS,
    AirflowOption,
    CalendarsOption,
    EventPlaces,
    NameArgument,
    StartOption,
    event_owner,
    instant,
    read_known,
    services_of,
    surroundings_of,
)
from springtide.cli.groups import grouped
from springtide.cli.options import CliContext, Output, OutputOption, Policies
from springtide.clock import SystemClock
from springtide.errors import Conflict, InputError, SpringtideError
from springtide.overview.event_adding import EventToAdd, event_to_add
from springtide.overview.event_cancelling import of_a_calendar, run_to_take_back
from springtide.overview.event_rehearsing import event_to_rehearse
from springtide.overview.event_surroundings import AirflowSight
from springtide.wording import on_the_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """An event of no calendar."""

    start: StartOption
    end: Annotated[str, typer.Option(help="When it is over, with its offset.")]
    service: Annotated[list[str], typer.Option(help="checkout=3.2x or search=80 (repeatable).")]
    lead: Annotated[str, typer.Option(help="How long before: auto, or a duration such as 45m.")] = "auto"
    reason: Annotated[str, typer.Option(help="Why; kept with the event.")] = "by hand"
    priority: Annotated[int, typer.Option(min=0, max=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalOptions:
    """How a rehearsal is bounded, and why it is made."""

    load: Annotated[bool, typer.Option(help="Whether load is sent.")] = True
    max_rate: Annotated[float, typer.Option(min=1, max=2000, help="Requests a second to one service.")] = 100.0
    seconds: Annotated[int, typer.Option(min=10, max=600, help="How long load is sent.")] = 60
    minutes: Annotated[int, typer.Option(min=5, max=240, help="When what it asks for expires.")] = 60
    reason: Annotated[str, typer.Option(help="Why; kept with it.")] = "a rehearsal"


@grouped
def add_event(
    name: NameArgument,
    *,
    asked: EventOptions,
    events: EventPlaces,
    place: Policies,
    output: OutputOption = Output.TABLE,
) -> None:
    """Queue the run that prepares one event. The same event again is refused, and one that cannot be met."""
    clock = SystemClock()
    with answering(output):
        services = dict(_ask(text, services_of(place)) for text in asked.service)
        event = {
            "name": name,
            "start": instant("start", asked.start).isoformat(),
            "end": instant("end", asked.end).isoformat(),
            "lead": asked.lead,
            "priority": asked.priority,
            "services": services,
            "owner": event_owner(),
            "reason": asked.reason,
        }
        _require_policies(place, services)
        known = read_known(events.calendars, None, clock.now())
        added = event_to_add(surroundings_of(place, known, events.airflow, clock=clock), event)
        queue_run(events.airflow, added.run_id, dict(added.conf), added.due)
        _tell(added, clock.now(), output)


@grouped
def cancel_event(
    name: NameArgument,
    *,
    start: Annotated[
        str | None,
        typer.Option(help="When it begins, with its offset. Default: when the one event of this name begins."),
    ] = None,
    events: EventPlaces,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take back an event that was added and is not being prepared yet; NAME is that of `springtide events list`."""
    now = SystemClock().now()
    with answering(output):
        try:
            begins = None if start is None else instant("start", start)
            sight = AirflowSight() if begins is not None else airflow_sight(events.airflow)
            queued = run_to_take_back(name, begins, sight)
            delete_run(events.airflow, queued)
        except Conflict:  # it was added, and has begun
            raise
        except SpringtideError as error:
            raise of_a_calendar(name, read_known(events.calendars, None, now), now) or error from error
        answer(f"{queued} is cancelled.")


@grouped
def rehearse_event(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An event: EVENT or CALENDAR.EVENT.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="I know that it scales and loads what serves customers.")] = False,
    asked: RehearsalOptions,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    airflow: AirflowOption = DEFAULT_AIRFLOW,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a rehearsal of one event in Airflow: its waves, a bounded load test, a verdict, everything given back."""
    now = SystemClock().now()
    with answering(output):
        known = read_known(calendars, None, now)
        known.raise_if_broken()
        event, found = event_to_rehearse(known.calendars, airflow_sight(airflow), name, now)
        if not yes:
            raise InputError(
                f"{event.id} is rehearsed with --yes only: it scales and loads what serves customers.",
                code="not_confirmed",
                field="yes",
            )
        limits = {
            "load_test": asked.load,
            "max_rate": asked.max_rate,
            "seconds": asked.seconds,
            "minutes": asked.minutes,
        }
        begun = f"rehearsal__{event.event}__{now:%Y%m%dT%H%M%SZ}"
        conf = {**found, **limits, "confirm": True, "reason": asked.reason}
        queue_run(airflow, begun, conf, now, dag_id="rehearse_event")
        answer(f"{begun} of {event.id} has begun: see the DAG rehearse_event.")


def _tell(added: EventToAdd, now: datetime, output: Output) -> None:
    if output.is_for_programs:
        print_record({"run_id": added.run_id, "due": added.due.isoformat(), "card": added.card.to_record()}, output)
        return
    queued = f"{added.run_id} is queued for {added.due:%Y-%m-%d %H:%M:%S} UTC ({on_the_clock(added.due, now)})"
    if added.is_late:
        queued += f": at once, for its lead of {added.lead} is longer than the notice"
    answer(f"{queued}. Lead {added.lead}: {added.card.event.lead_reason}.")
    for line in added.told:
        answer(f"warning: {line}", "yellow")


def _require_policies(place: CliContext, services: dict[str, Any]) -> None:
    """Raise what is wrong with the policies of `services`: with all of their errors, which a check has no room for."""
    for name in services if services_of(place) else ():
        place.policy(name)


def _ask(text: str, services: list[str] | None) -> tuple[str, dict[str, Any]]:
    name, equals, wanted = text.partition("=")
    if services is not None and name not in services:
        raise InputError(
            f"service: there is no policy {name[:60]!a}; there are: {', '.join(services)}.",
            code="service_unknown",
            field="service",
        )
    if not equals:
        raise InputError(
            f"service: {text[:60]!a} gives no number; write {name}=80 or {name}=3.2x.",
            code="event_invalid",
            field="service",
        )
    return name, {"replicas": int(wanted)} if wanted.isascii() and wanted.isdigit() else {"multiply": wanted}
