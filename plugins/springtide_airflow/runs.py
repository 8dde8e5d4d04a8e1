"""A run as its tasks see it: what one task leaves for the next, under which names.

    calculate_capacity ──plan──► every later task (its target names the run in the cluster)
    approve ──approved──► create_instances
    any task that fails ──error──► report

All are copies. The cluster is read anew by every task, and the run itself stands in its Lease.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from springtide.errors import SpringtideError
from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import Record, left_by, left_nothing
from springtide_airflow.errors import told
from springtide_airflow.folders import policy_folder, policy_or_none
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import page_of, teller
from springtide_airflow.run_notes import NOTE_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.errors import PermanentError
    from springtide.plan.model import ScalingPlan
    from springtide.record.model import RunOutcome
    from springtide.run.engine import Progress
    from springtide.run.planned import PlannedRun
    from springtide.run.ports import Ports, RunRef

PLANNED_BY: Final = "calculate_capacity"
PLAN_KEY: Final = "plan"
APPROVED_BY: Final = "approve"
APPROVED_KEY: Final = "approved"
ERROR_KEY: Final = "error"

log = logging.getLogger(__name__)


@contextmanager
def opened(context: Context, planned: PlannedRun | None = None) -> Iterator[Ports]:
    """Open the ports of a task, in the cluster of its run; an error that ends the block is left for `report`.

    `planned` is the plan of this DAG run where the task has read it already.

    Raises:
        ToldFailure: what ended the block; its words stand in the log.
    """
    from springtide.run.waiting import WaitLog

    on_wait = WaitLog(lambda message: log.info("waiting: %s", message), system_clock())
    with leaving_errors(context), _hook_of(context, planned).ports(on_wait) as ports:
        yield ports


@contextmanager
def leaving_errors(context: Context) -> Iterator[None]:
    """Leave an error that ends the block for `report`.

    Raises:
        ToldFailure: what ended the block; its words stand in the log.
    """
    try:
        yield
    except SpringtideError as error:
        leave_error(context, error)
        raise told(error) from error


def hook_of(planned: PlannedRun) -> SpringtideHook:
    """Return the way to the cluster that a run was planned in."""
    return SpringtideHook.of_cluster(planned.plan.target.cluster, planned.plan.policy)


def _hook_of(context: Context, planned: PlannedRun | None = None) -> SpringtideHook:
    """Return the way to the cluster that this DAG run was planned in, or that its policy names where it plans."""
    planned = planned or planned_run(context)
    if planned is not None:
        return hook_of(planned)
    try:
        return SpringtideHook.of(policy_folder().get(context["params"].get("service")))
    except SpringtideError:
        return SpringtideHook()  # who reads the request says what is wrong with it


def leave_error(context: Context, error: SpringtideError) -> None:
    """Leave why this task fails for `report`."""
    context["ti"].xcom_push(key=ERROR_KEY, value=error.to_record())


def planned_run(context: Context) -> PlannedRun | None:
    """Return the plan of this DAG run; None when `calculate_capacity` left none, and nothing has begun by one."""
    from springtide.run.planned import PlannedRun, begun_run

    left = left_by(context, PLANNED_BY, PlannedRun.from_record, PLAN_KEY)
    if left is not None or context["ti"].task_id == PLANNED_BY:
        return left
    # Airflow forgets what a task left when it is tried again: one that was killed after it had begun, and then failed.
    return begun_run(SpringtideHook().store, context["dag_run"].run_id)


def required_run(context: Context) -> PlannedRun:
    """Return the plan of this DAG run, or raise `PermanentError` where there is none (any more)."""
    planned = planned_run(context)
    if planned is None:
        raise left_nothing(PLANNED_BY, code="plan_missing")
    return planned


def ref_of(context: Context, plan: ScalingPlan) -> RunRef:
    """Return how this task names its run in the cluster."""
    from springtide.run.ports import RunRef

    return RunRef.of_plan(plan, context["dag_run"].run_id, context["ti"].try_number)


def required_ref(context: Context) -> RunRef:
    """Return how this task names its planned run, or raise `PermanentError` where none was planned."""
    return ref_of(context, required_run(context).plan)


def tell_end(context: Context, ports: Ports, outcome: RunOutcome, why: str) -> None:
    """Tell people how this DAG run ended, where they want to know."""
    from springtide.run.ended_words import told_lines
    from springtide.run.notices import ended_fact

    service = str(context["params"].get("service"))
    run_id = context["dag_run"].run_id
    told_of = told_lines(ports.store, run_id, why)
    fact = ended_fact(policy_or_none(service), service, run_id, outcome, told_of, link=page_of(context))
    if fact is not None:
        teller(lambda: nullcontext(ports.store), ports.clock).tell(fact)


def say_end(context: Context, ports: Ports) -> None:
    """Write how the run ended, by its record, into the task's log, and leave it for the note of the DAG run."""
    from springtide.run.ended_words import ended_lines, note_of

    try:
        run = ports.store.get(context["dag_run"].run_id)
    except SpringtideError as error:
        log.warning("no record says how the run ended: %s", error.message)
        return
    for line in ended_lines(run):
        log.info("%s", line)
    context["ti"].xcom_push(key=NOTE_KEY, value=note_of(run))


def say_unchanged(context: Context) -> None:
    """Say how a run ended that changed nothing: what cannot be opened costs the words, and fails nothing."""
    try:
        with _hook_of(context).ports(log.info) as ports:
            say_end(context, ports)
    except SpringtideError as error:
        log.warning("no record says how the run ended: %s", error.message)


def first_failure(context: Context) -> PermanentError | None:
    """Return why the run failed, in the words of the first of its tasks that did; None when none has."""
    from springtide.run.planned import failure_of

    ti = context["ti"]
    run_id = context["dag_run"].run_id
    states = ti.get_task_states(dag_id=context["dag_run"].dag_id, run_ids=[run_id]).get(run_id, {})
    failed = next((task_id for task_id in context["dag"].task_dict if states.get(task_id) == "failed"), None)
    return None if failed is None else failure_of(failed, ti.xcom_pull(task_ids=failed, key=ERROR_KEY))


def progress_record(progress: Progress) -> Record:
    """Return what a phase came to, for people who look at the task."""
    return {"message": progress.message, "writes": list(progress.writes)}
