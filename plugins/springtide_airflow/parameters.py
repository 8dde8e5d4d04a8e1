"""What somebody asks for: the forms in Airflow's pages, and the values of one judged again inside the task.

Anybody who may run a DAG may trigger it with any conf, so a form's own rules are a courtesy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow.sdk import Param

from springtide.fleet.event_form import approval_form, event_form
from springtide.fleet.rehearsal_form import rehearsal_form
from springtide.run.abort_parameters import abort_form
from springtide.run.child_origin import child_asker, child_trigger
from springtide.run.request_form import request_form
from springtide.run.request_parameters import RequestOrigin, parse_request
from springtide_airflow.contexts import is_backfill, run_type_of
from springtide_airflow.folders import policy_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from springtide.clock import Clock
    from springtide.policy.reading.folder import PolicyFolder
    from springtide.run.ports import RunRequest

_TRIGGERS: Final = {"scheduled": "schedule", "backfill": "backfill", "asset_triggered": "event"}
_BY_HAND: Final = "manual"
_CHILD: Final = "operator_triggered"
"""What Airflow calls a run that a task of another DAG has started; nobody else can ask for one."""


def scaling_params(folder: PolicyFolder) -> dict[str, Param]:
    """Return the form of a run; the services are the policy files of `folder`, by name."""
    return {name: Param(**field) for name, field in request_form(folder.names()).items()}


def abort_params(folder: PolicyFolder) -> dict[str, Param]:
    """Return the form of an abort; the services are the policy files of `folder`, by name."""
    return {name: Param(**field) for name, field in abort_form(folder.names()).items()}


def event_params(folder: PolicyFolder) -> dict[str, Param]:
    """Return the form of one event that is prepared now."""
    return {name: Param(**field) for name, field in event_form(folder.names()).items()}


def rehearsal_params(folder: PolicyFolder, events: Sequence[str]) -> dict[str, Param]:
    """Return the form of a rehearsal; `events` are those of the calendars."""
    return {name: Param(**field) for name, field in rehearsal_form(folder.names(), events).items()}


def approval_params(folder: PolicyFolder, events: Sequence[str]) -> dict[str, Param]:
    """Return the form of an approval ahead; `events` are those of the calendars."""
    return {name: Param(**field) for name, field in approval_form(folder.names(), events).items()}


def request_of(context: Context, clock: Clock) -> RunRequest:
    """Return what this DAG run was asked to do: see `parse_request`, also for what is raised."""
    return parse_request(context["params"], policy_folder(), origin_of(context), clock.now())


def person_of(context: Context) -> str | None:
    """Return who has started this DAG run by hand; None where a schedule, a sweep or an event has."""
    dag_run = context["dag_run"]
    return dag_run.triggering_user_name if run_type_of(dag_run) == _BY_HAND else None


def origin_of(context: Context) -> RequestOrigin:
    """Return who asked for this DAG run, and for when it was due."""
    dag_run = context["dag_run"]
    run_type = run_type_of(dag_run)
    date = dag_run.data_interval_end or dag_run.logical_date
    is_child = run_type == _CHILD
    event = context["params"].get("event")
    asker = child_asker(dag_run.run_id, event) if is_child else f"airflow ({run_type})"
    trigger = child_trigger(dag_run.run_id, event) if is_child else _TRIGGERS.get(run_type, _BY_HAND)
    return RequestOrigin(
        run_id=dag_run.run_id,
        requested_by=dag_run.triggering_user_name or asker,
        trigger=trigger,
        due=date or dag_run.run_after,
        is_backfill=is_backfill(dag_run),
        is_child=is_child,
        is_dated=date is not None,
        is_again=bool(dag_run.clear_number),
    )
