"""Phases of a run that go ahead of their tasks, in the process of an earlier one: see `springtide.run.ahead`.

the plan is made ──► its instances are created, where nobody is asked first ──failed──► left for the task of its name
a phase is done ──► those behind it, as long as each is done within seconds ──failed──► left for the task of its name
a task begins ──► done already, by the journal: it ends, having opened nothing but the cluster
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError
from springtide_airflow.contexts import Record
from springtide_airflow.runs import PLANNED_BY, hook_of, leaving_errors, opened, ref_of, required_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow.sdk import Context

    from springtide.plan.model import ScalingPlan
    from springtide.run.ahead import WentAhead
    from springtide.run.handover import Handover
    from springtide.run.ports import Ports, RunRef, RunRequest
    from springtide.run.state import Phase
    from springtide_airflow.hook import SpringtideHook

AHEAD_KEY: Final = "went_ahead"
"""What a task leaves of a phase behind its own that failed for good: its name and its error."""

BEGUN_KEY: Final = "begun"
"""What the task that plans leaves where it has created the instances, too: nobody is asked about that plan any more."""

FIRST_TRY: Final = 1

log = logging.getLogger(__name__)


def taken_up(context: Context, phase: Phase, do: Callable[[Ports, RunRef], Record]) -> Record:
    """Return what `phase` came to: done in an earlier task's process, or by `do`, which lets what follows go ahead.

    Somebody who clears a task wants its phase done: only the first try takes the journal's word, and an error's. What
    `do` raises ends the task, a deferral too.

    Raises:
        ToldFailure: what ended the task; its words stand in the log.
    """
    with leaving_errors(context):
        planned = required_run(context)
        ref = ref_of(context, planned.plan)
        is_first = context["ti"].try_number == FIRST_TRY
        done = _done_before(hook_of(planned), ref, phase) if is_first and _was_reached(context, phase) else None
    if done is not None:
        return done
    with opened(context, planned) as ports:
        if is_first:
            _raise_what_failed(context, phase)
        record = do(ports, ref)
        go_ahead(context, ports, ref, phase)
    return record


def was_begun(context: Context) -> bool:
    """Say whether the task that planned has created the instances, too."""
    return context["ti"].xcom_pull(task_ids=PLANNED_BY, key=BEGUN_KEY) is True


def begin_ahead(context: Context, ports: Ports, request: RunRequest, plan: ScalingPlan, handover: Handover) -> None:
    """Create the instances of `plan` and do what follows, as far as nobody is asked first and nothing is waited for.

    `handover` has what the plan was made by.
    """
    from springtide.run.ahead import begin_ahead as beginning
    from springtide_airflow.sensors import PATIENCE

    _leave(context, beginning(ports, request, plan, patience=PATIENCE, handover=handover))


def go_ahead(context: Context, ports: Ports, ref: RunRef, after: Phase) -> None:
    """Do what follows `after` as far as it needs no wait; what failed is left for the task of its name."""
    from springtide.run.ahead import go_ahead as following
    from springtide_airflow.sensors import PATIENCE

    _leave(context, following(ports, ref, after, patience=PATIENCE))


def _leave(context: Context, went: Iterable[WentAhead]) -> None:
    """Say of each phase what it came to, and leave for its own task what that has to know."""
    from springtide.run.state import Phase

    ti = context["ti"]
    for each in went:
        if each.progress is not None:
            log.info("%s: %s", each.phase.value, each.progress.message)
            if each.phase is Phase.CREATE_INSTANCES:
                ti.xcom_push(key=BEGUN_KEY, value=True)
        if each.error is not None:
            log.warning("%s fails: %s", each.phase.value, each.error.message)
            ti.xcom_push(key=AHEAD_KEY, value={"phase": each.phase.value, "error": each.error.to_record()})


def _was_reached(context: Context, phase: Phase) -> bool:
    """Say whether an earlier task may have done `phase`.

    That instances were created by the journal alone says nothing: a run that is cleared long after it was due does not
    go on, and it is here that it is told so.
    """
    from springtide.run.state import Phase

    return phase is not Phase.CREATE_INSTANCES or was_begun(context)


def _done_before(hook: SpringtideHook, ref: RunRef, phase: Phase) -> Record | None:
    """Return what `phase` came to where an earlier task has done it; what cannot be read is the phase's to tell."""
    from springtide.run.ahead import done_ahead

    try:
        message = done_ahead(hook.cluster_ports(), ref, phase)
    except SpringtideError:
        return None
    if message is None:
        return None
    log.info("done in the process of an earlier task: %s", message)
    return {"message": message, "writes": []}


def _raise_what_failed(context: Context, phase: Phase) -> None:
    """Return where `phase` has not failed in an earlier task's process.

    Raises:
        PermanentError: it has, and is not tried again: the same words.
    """
    from springtide.run.phase_table import FORWARD

    earlier = [PLANNED_BY, *(before.value for before in FORWARD[: FORWARD.index(phase)])]
    left: list[Any] = context["ti"].xcom_pull(task_ids=earlier, key=AHEAD_KEY) or []
    for record in left:
        if record and record["phase"] == phase.value:
            error = record["error"]
            raise PermanentError(error["message"], code=error["code"], field=error["field"])
