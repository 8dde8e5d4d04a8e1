"""`springtide events approve`: approve the preparation of an event before it comes, by a run of `approve_event`."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import Annotated, Any, Final

import typer

from springtide.cli.airflow import queue_run
from springtide.cli.airflow_sight import airflow_sight
from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.event_options import EventPlaces, KnownArgument, event_owner, instant, read_known
from springtide.cli.groups import grouped
from springtide.cli.options import Output, OutputOption, Policies
from springtide.clock import SystemClock
from springtide.fleet.approve_ahead import approval_asked, approval_parameters, approval_run_id
from springtide.overview.event_surroundings import AddedEvent

APPROVES: Final = "approve_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalOptions:
    """What is approved, up to how many replicas, until when and why."""

    service: Annotated[str, typer.Option(help="The service whose plans wait for a person.")]
    up_to: Annotated[int | None, typer.Option(min=1, help="Replicas; a plan for more waits as before.")] = None
    until: Annotated[str | None, typer.Option(help="When it lapses, with its offset. Default: with the event.")] = None
    reason: Annotated[str, typer.Option(help="Why; kept with the approval. Required.")] = ""
    take_back: Annotated[bool, typer.Option("--take-back", help="End what was approved before.")] = False


@grouped
def approve_event(
    name: KnownArgument,
    *,
    asked: ApprovalOptions,
    events: EventPlaces,
    place: Policies,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approve the preparation of an event before it comes, up to a number of replicas: nobody has to be awake.

    It is judged here, and again by the run of the DAG approve_event that keeps it. Who has approved it is who is logged
    in to Airflow. The newest approval counts.
    """
    now = SystemClock().now()
    with answering(output):
        known = read_known(events.calendars, None, now)
        values = _asked(asked, name, events.airflow)
        approval = approval_asked(values, by=event_owner(), policies=place.folder, calendars=known.calendars, now=now)
        run_id = approval_run_id(approval, token_hex(3))
        queue_run(events.airflow, run_id, approval_parameters(approval), now, dag_id=APPROVES)
        if output.is_for_programs:
            print_record({"run_id": run_id, "approval": approval.to_record()}, output)
        else:
            answer(f"{approval}. It counts as soon as {run_id} is through: see the DAG {APPROVES}.")


def _asked(asked: ApprovalOptions, name: str, airflow: str) -> dict[str, Any]:
    """Return what is asked for, by name and value; of an event that was added with its id and its end."""
    values = {
        "service": asked.service,
        "event": name,
        "up_to": asked.up_to,
        "until": None if asked.until is None else instant("until", asked.until).isoformat(),
        "reason": asked.reason,
        "take_back": asked.take_back,
    }
    found = [each for each in airflow_sight(airflow).added or () if name in _names(each)]
    if len(found) != 1:
        return values
    occurrence = found[0].occurrence
    return values | {"event": occurrence.id, "until": values["until"] or occurrence.end.isoformat()}


def _names(added: AddedEvent) -> tuple[str, str]:
    return added.occurrence.event, added.occurrence.id
