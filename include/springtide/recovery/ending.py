"""Ends one run whose owner is gone, from its Lease alone; whatever goes wrong on the way stays with this run.

    smoke test passed               finish: remove what is left to remove; undo where the new pods fail meanwhile,
                                    or where somebody asked that the run is aborted
    not yet                         undo: roll back
    neither can be done             keep both sets, record `needs_attention`, log it as an error

Anybody may have edited what stands in the cluster, so anything may be raised here. One run that cannot be ended keeps
no other from its end: it is said why.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from springtide.errors import (
    Conflict,
    Fenced,
    Halted,
    NotFound,
    PermanentError,
    SpringtideError,
    TemporaryError,
    WorkloadFailed,
)
from springtide.kube.observation import observe
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.abort import CODE as ABORTED
from springtide.run.lease import Lease, take_over
from springtide.run.ports import Ports, RunRef
from springtide.run.retry import retried
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.run.work import Work
from springtide.workload import Workload

log = structlog.get_logger(__name__)

_SHOWN = 200
"""Characters of a foreign error that a message repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What became of one abandoned run."""

    run_id: str
    workload: Workload
    outcome: RunOutcome
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unended:
    """An abandoned run that is not at its end, and why: after a `TemporaryError` the next round goes on from here."""

    run_id: str
    workload: Workload
    error: SpringtideError


def end_run_of(ports: Ports, lease: Lease) -> Reconciled | Unended | None:
    """Finish or undo the run of a held Lease that stood still; None where its owner woke, or another was faster."""
    state = lease.required_state()
    ref = RunRef(workload=state.plan.target, run_id=state.run_id, attempt=lease.generation + 1, is_takeover=True)
    try:
        ports.require_running(ref.workload.namespace, f"run {ref.run_id!r} is not ended")
        if not _is_taken_over(ports, lease, state, ref):
            return None
        message = retried(ports, lambda: _end(ports, ref, state))
        outcome = retried(ports, lambda: phases.report(ports, ref))
    except (Fenced, TemporaryError) as error:  # fenced: another is faster, or the look at the Lease was an old one
        log.warning("run_not_reconciled_yet", run=ref.run_id, workload=str(ref.workload), message=error.message)
        return Unended(run_id=ref.run_id, workload=ref.workload, error=error)
    except Halted as error:
        log.warning("run_not_reconciled_while_halted", run=ref.run_id, workload=str(ref.workload))
        return Unended(run_id=ref.run_id, workload=ref.workload, error=error)
    except Exception as error:
        log.exception("run_not_reconciled", run=ref.run_id, workload=str(ref.workload))
        return Unended(run_id=ref.run_id, workload=ref.workload, error=as_ours(error, f"run {ref.run_id!r}"))
    log.warning("run_reconciled", run=ref.run_id, workload=str(ref.workload), outcome=outcome.value, message=message)
    return Reconciled(run_id=ref.run_id, workload=ref.workload, outcome=outcome, message=message)


def as_ours(error: Exception, what: str) -> SpringtideError:
    """Return `error` as an error of springtide that says what it is about."""
    if isinstance(error, SpringtideError):
        return error
    return PermanentError(
        f"{what}: {type(error).__name__}: {str(error)[:_SHOWN]}. Somebody edited what stands in the cluster, or it is "
        "springtide's own fault. It is left alone: look at it.",
        code="internal_error",
    )


def _is_taken_over(ports: Ports, lease: Lease, state: RunState, ref: RunRef) -> bool:
    least = _highest_stamp(ports, state)
    try:
        take_over(ports.kube, ports.clock, lease, state, holder=ref.holder, least_generation=least)
    except (Conflict, NotFound):
        return False
    return True


def _highest_stamp(ports: Ports, state: RunState) -> int:
    """Return the highest generation that stands on what the run may touch."""
    # Above it nobody is kept out for ever by a stamp that somebody wrote by hand.
    autoscaler = state.snapshot.autoscaler
    through = None if autoscaler is None else (autoscaler.kind, autoscaler.name)
    held = state.snapshot.placeholders
    placeholders = None if held is None else held.name
    try:
        return observe(
            ports.kube, ports.clock, state.plan.target, autoscaler=through, placeholders=placeholders
        ).highest_stamp
    except PermanentError:
        return 0  # what is gone or may not be read is the end's business


def _is_proven(state: RunState) -> bool:
    is_undone = state.entry(Phase.ROLL_BACK, JournalStatus.STARTED) is not None
    return state.entry(Phase.SMOKE_TEST, JournalStatus.DONE) is not None and not is_undone


def _finish(ports: Ports, ref: RunRef) -> str:
    """Remove what is left to remove; roll back where what has the traffic does not serve well, or somebody asks."""
    try:
        phases.remove_old_instances(ports, ref)
        return phases.instances_removed(ports, ref).message
    except PermanentError as error:
        if not isinstance(error, WorkloadFailed) and error.code != ABORTED:
            raise
        log.warning("run_not_finished", run=ref.run_id, workload=str(ref.workload), message=error.message)
        return f"{error.message} {phases.roll_back(ports, ref).message}"


def _end(ports: Ports, ref: RunRef, state: RunState) -> str:
    """Bring the run to its end; where that cannot be, say why: `report` then finds it unproven, and keeps both sets."""
    try:
        # First of all: a swap that the old owner has under way fails from here on (I-2).
        work = Work.of(ports, ref)
        work.require_same_cluster()
        work.engine.stamp()
        if not _is_proven(state):
            return phases.roll_back(ports, ref).message
        return _finish(ports, ref)
    except (Fenced, Halted, TemporaryError):
        raise
    except Exception as error:
        log.exception("run_needs_a_person", run=ref.run_id, workload=str(ref.workload))
        return as_ours(error, str(ref.workload)).message
