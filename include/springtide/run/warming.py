"""The phases of a run that warms nodes before it adds pods, and how its placeholders are given back when it is undone.

A run never depends on its placeholders: what goes wrong with them is told, and whether it goes on is the policy's word.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from springtide.errors import ClusterRefused, Conflict, DeadlineExceeded, Fenced, PermanentError
from springtide.plan.model import ScalingPlan
from springtide.run.acquisition import acquired_work, ref_of, require_room_for
from springtide.run.engine import Progress
from springtide.run.journal import recorded
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import JournalStatus, Phase
from springtide.run.work import Work
from springtide.strategy.warming import give_back

log = structlog.get_logger(__name__)

_NONE = "the run adds no pods, so no node is warmed"


def warm_nodes(ports: Ports, request: RunRequest, plan: ScalingPlan, *, attempt: int = 1) -> Progress:
    """Take the workload's Lease with the snapshot in it, then raise the placeholders by as many pods as will be added.

    Does nothing where the policy names no placeholders.

    Raises:
        InputError, Fenced, TemporaryError: as `create_instances` says.
        PermanentError: the same; or the placeholders cannot be raised, and the policy says that the run fails then.
    """
    ref = ref_of(request, plan, attempt)
    with recorded(ports, ref.run_id, Phase.WARM_NODES, attempt=attempt) as note:
        progress = Progress(is_done=True, message="the policy names no placeholders")
        if request.settings.warm_nodes is not None:
            progress = _raised(ports, request, acquired_work(ports, request, plan, ref, warms=True))
        note.message = progress.message
        return progress


def nodes_ready(ports: Ports, ref: RunRef, *, patience: timedelta | None = None) -> Progress:
    """Wait until the placeholders run, so that nodes stand. Writes only the journal.

    Raises:
        DeadlineExceeded: not within `strategy.warm_nodes.deadline`, and the policy says that the run fails then.
        Conflict: somebody else scaled or replaced them, and the policy says the same.
    """
    with recorded(ports, ref.run_id, Phase.NODES_READY, attempt=ref.attempt) as note:
        progress = _awaited(Work.of(ports, ref), patience)
        note.message = progress.message
        note.is_ended = progress.is_done
        return progress


def return_placeholders(work: Work) -> str:
    """Give the placeholders back that a run has raised which is undone; return what is left of them, "" for nothing.

    Nobody may be able to give them back, and the workload itself is undone all the same.

    Raises:
        Fenced: the run does not own the workload any more.
        TemporaryError: as the cluster says.
    """
    if work.state.snapshot.placeholders is None:
        return ""
    try:
        limit = work.state.settings.deadlines.switched
        return work.engine.drive(give_back, work.state.order, deadline=limit).message
    except Fenced:
        raise
    except PermanentError as error:
        log.warning("placeholders_not_returned", run=work.ref.run_id, code=error.code, message=error.message)
        return f"the placeholders are not given back: {error.message}"


def _raised(ports: Ports, request: RunRequest, work: Work) -> Progress:
    if work.state.snapshot.placeholders is None:
        return Progress(is_done=True, message=_NONE)
    if work.is_past(Phase.WARM_NODES) or work.state.entry(Phase.WARM_NODES, JournalStatus.DONE):
        return Progress(is_done=True, message="the placeholders were raised before")
    require_room_for(ports, request, work)
    work = work.begin(Phase.WARM_NODES)
    work.engine.stamp()
    return _driven(work, Phase.WARM_NODES, None)


def _awaited(work: Work, patience: timedelta | None) -> Progress:
    if work.state.snapshot.placeholders is None:
        return Progress(is_done=True, message=_NONE)
    if work.is_past(Phase.NODES_READY) or work.state.entry(Phase.NODES_READY, JournalStatus.DONE):
        return Progress(is_done=True, message=f"{Phase.NODES_READY.value} was done before")
    return _driven(work.begin(Phase.NODES_READY), Phase.NODES_READY, patience)


def _driven(work: Work, phase: Phase, patience: timedelta | None) -> Progress:
    """Drive `phase`; where it fails the run goes on without its nodes, unless the policy says that it fails."""
    try:
        return work.drive(phase, work.decide(phase), patience=patience)
    except (Conflict, DeadlineExceeded, ClusterRefused) as error:
        warm = work.state.settings.warm_nodes
        if warm is not None and warm.on_failure == "fail":
            raise
        message = f"the run goes on without its nodes: {error.message}"
    log.warning("nodes_not_warmed", run=work.ref.run_id, workload=str(work.ref.workload), message=message)
    work.ports.on_wait(message)
    for over in (phase, Phase.NODES_READY):
        work = work.end(over, message)
    return Progress(is_done=True, message=message)
