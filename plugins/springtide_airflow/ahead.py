"""Phases of a run that go ahead of their tasks, in the process of an earlier one: see `springtide.run.ahead`.

a phase is done ──► those behind it, as long as each is done within seconds ──failed──► left for the task of its name
a task begins ──► done already, by the journal: it ends, having opened nothing but the cluster
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError
from springtide_airflow.contexts import Record
from springtide_airflow.runs import hook_of, leaving_errors, opened, ref_of, required_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from springtide.run.ports import Ports, RunRef
    from springtide.run.state import Phase
    from springtide_airflow.hook import SpringtideHook

AHEAD_KEY: Final = "went_ahead"
"""What a task leaves of a phase behind its own that failed for good: its name and its error."""

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
        done = _done_before(hook_of(planned), ref, phase) if is_first else None
    if done is not None:
        return done
    with opened(context, planned) as ports:
        if is_first:
            _raise_what_failed(context, phase)
        record = do(ports, ref)
        go_ahead(context, ports, ref, phase)
    return record


def go_ahead(context: Context, ports: Ports, ref: RunRef, after: Phase) -> None:
    """Do what follows `after` as far as it needs no wait; what failed is left for the task of its name."""
    from springtide.run.ahead import go_ahead as following
    from springtide_airflow.sensors import PATIENCE

    for each in following(ports, ref, after, patience=PATIENCE):
        if each.progress is not None:
            log.info("%s: %s", each.phase.value, each.progress.message)
        if each.error is not None:
            log.warning("%s fails: %s", each.phase.value, each.error.message)
            left = {"phase": each.phase.value, "error": each.error.to_record()}
            context["ti"].xcom_push(key=AHEAD_KEY, value=left)


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

    earlier = [before.value for before in FORWARD[: FORWARD.index(phase)]]
    left: list[Any] = context["ti"].xcom_pull(task_ids=earlier, key=AHEAD_KEY) or []
    for record in left:
        if record and record["phase"] == phase.value:
            error = record["error"]
            raise PermanentError(error["message"], code=error["code"], field=error["field"])
