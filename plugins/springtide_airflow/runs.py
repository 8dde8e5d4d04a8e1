"""A run as its tasks see it: what one task leaves for the next, small records only.

    calculate_capacity ──plan──► every later task (its target names the run in the cluster)
    any task that fails ──error──► report

Both are copies. The cluster is read anew by every task, and the run itself stands in its Lease.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError
from springtide.run.request_parameters import STALE_AFTER
from springtide_airflow.hook import SpringtideHook

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.plan.model import ScalingPlan
    from springtide.run.engine import Progress
    from springtide.run.ports import Ports, RunRef, RunRequest

Record = dict[str, Any]

PLANNED_BY: Final = "calculate_capacity"
PLAN_KEY: Final = "plan"
DRY_KEY: Final = "dry_run"
ERROR_KEY: Final = "error"
APPROVED_BY: Final = "approve"
APPROVED_KEY: Final = "approved"

log = logging.getLogger(__name__)


class Waiting:
    """Writes what a phase waits for into the task's log, once a second at most."""

    def __init__(self) -> None:
        self._last = ("", float("-inf"))

    def __call__(self, message: str) -> None:
        """Log `message`, unless it says nothing new."""
        known, at = self._last
        if message != known and time.monotonic() - at >= 1:
            log.info("waiting: %s", message)
            self._last = (message, time.monotonic())


@contextmanager
def opened(context: Context) -> Iterator[Ports]:
    """Open the ports of a task; an error that ends the block is left for `report` before it passes on."""
    try:
        with SpringtideHook().ports(Waiting()) as ports:
            yield ports
    except SpringtideError as error:
        context["ti"].xcom_push(key=ERROR_KEY, value=error.to_record())
        raise


def keep_plan(context: Context, plan: ScalingPlan, *, is_dry: bool) -> None:
    """Leave the plan for the tasks that follow."""
    context["ti"].xcom_push(key=PLAN_KEY, value=plan.to_record() | {DRY_KEY: is_dry})


def plan_of(context: Context) -> ScalingPlan | None:
    """Return the plan of this DAG run; None when `calculate_capacity` left none."""
    from springtide.plan.model import ScalingPlan

    record = _kept(context)
    if record is None:
        return None
    return ScalingPlan.from_record({name: value for name, value in record.items() if name != DRY_KEY})


def required_plan(context: Context) -> ScalingPlan:
    """Return the plan of this DAG run.

    Raises:
        PermanentError: there is none (any more).
    """
    plan = plan_of(context)
    if plan is None:
        raise PermanentError(f"there is no plan of {PLANNED_BY}: clear the run from there on.", code="plan_missing")
    return plan


def as_approved(context: Context, request: RunRequest, now: datetime) -> RunRequest:
    """Return the request with the plan that a person approved; as it is when nobody was asked.

    A person may answer long after the run was due: then it is over the past an hour after the answer.
    """
    answer: Record | None = context["ti"].xcom_pull(task_ids=APPROVED_BY, key=APPROVED_KEY)
    if answer is None:
        return request
    planned = _kept(context) or {}
    is_stale = now - datetime.fromisoformat(answer["at"]) > STALE_AFTER
    return replace(request, approved=answer["plan"], dry_run=planned.get(DRY_KEY, True) or is_stale)


def unchanged(context: Context) -> Record | None:
    """Return what the run came to when nothing was to be changed: nothing to do, or a dry run; else None."""
    record = _kept(context)
    if record is None or not (record[DRY_KEY] or record["outcome"] == "nothing_to_do"):
        return None
    return {name: record[name] for name in ("outcome", DRY_KEY, "current", "replicas", "reason")}


def ref_of(context: Context, plan: ScalingPlan) -> RunRef:
    """Return how this task names its run in the cluster."""
    from springtide.run.ports import RunRef

    return RunRef(workload=plan.target, run_id=context["dag_run"].run_id, attempt=context["ti"].try_number)


def failure_of(context: Context) -> SpringtideError | None:
    """Return why the run failed, in the words of the first of its tasks that did; None when none has."""
    ti, dag_run = context["ti"], context["dag_run"]
    states = ti.get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id]).get(dag_run.run_id, {})
    failed = [task_id for task_id in context["dag"].task_dict if states.get(task_id) == "failed"]
    if not failed:
        return None
    record = ti.xcom_pull(task_ids=failed[0], key=ERROR_KEY)
    if record is None:
        return PermanentError(
            f"{failed[0]} failed without words of its own: its log says why.", code="task_failed", field=failed[0]
        )
    return PermanentError(f"{failed[0]}: {record['message']}", code=record["code"], field=record["field"])


def progress_record(progress: Progress) -> Record:
    """Return what a phase came to, for people who look at the task."""
    return {"message": progress.message, "writes": list(progress.writes)}


def _kept(context: Context) -> Record | None:
    record: Record | None = context["ti"].xcom_pull(task_ids=PLANNED_BY, key=PLAN_KEY)
    return record
