"""Finishes or undoes runs whose owner is gone, from their Leases alone (I-3, I-26).

An owner is gone when nothing claims that it is alive (its DAG run has ended or was deleted, its process is gone) *and*
its Lease did not move for a whole lease duration on this process's monotonic clock. Then the run is taken over in a new
generation, which fences the old owner out should it wake, and goes one of three ways:

    smoke test passed               finish: remove what is left to remove
    not yet                         undo: roll back
    neither can be done             keep both sets, record `needs_attention`, log it as an error
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from springtide.errors import Conflict, Fenced, NotFound, PermanentError, TemporaryError
from springtide.kube.objects import Kind, ReplicaSet
from springtide.record.model import RunOutcome
from springtide.recovery.unclaimed import IsAlive, aside_sets_in, claim
from springtide.run import phases
from springtide.run.lease import DURATION_SECONDS, Lease, all_leases, take_over
from springtide.run.ownership import installation_of, is_of_another
from springtide.run.ports import Ports, RunRef
from springtide.run.retry import retried
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.run.work import Work
from springtide.workload import Workload

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What became of one abandoned run."""

    run_id: str
    workload: Workload
    outcome: RunOutcome
    message: str


def reconcile(ports: Ports, namespaces: Iterable[str], is_alive: IsAlive) -> tuple[Reconciled, ...]:
    """Finish or undo every abandoned run in `namespaces`: see `end_abandoned` and `end_unclaimed`."""
    leases = {namespace: all_leases(ports.kube, namespace)[0] for namespace in namespaces}
    ended = end_abandoned(ports, leases, is_alive)
    unclaimed = [aside for namespace in leases for aside in aside_sets_in(ports.kube, namespace)]
    return (*ended, *end_unclaimed(ports, unclaimed, is_alive)[0])


def end_abandoned(ports: Ports, leases: Mapping[str, Sequence[Lease]], is_alive: IsAlive) -> tuple[Reconciled, ...]:
    """Finish or undo every abandoned run of `leases`, by namespace; takes a lease duration when there is a suspect.

    A run that cannot be ended does not keep the others from it: it is recorded and logged as an error.
    """
    suspects = [
        (namespace, lease)
        for namespace, held in leases.items()
        for lease in held
        if _is_suspect(lease, is_alive) and not is_of_another(ports.installation, installation_of(lease))
    ]
    if not suspects:
        return ()
    silent = _still_silent(ports, suspects)
    return tuple(ended for _, lease in silent if (ended := _end_run(ports, lease)) is not None)


def end_unclaimed(
    ports: Ports, aside: Iterable[ReplicaSet], is_alive: IsAlive
) -> tuple[tuple[Reconciled, ...], tuple[PermanentError, ...]]:
    """Undo every run that has set one of `aside` aside and that no Lease tells of any more.

    The second value says which of them nobody can undo, and why: they are left alone.
    """
    ended: list[Reconciled] = []
    errors: list[PermanentError] = []
    for replica_set in aside:
        try:
            lease = claim(ports, replica_set, is_alive)
        except PermanentError as error:
            errors.append(error)
            continue
        reconciled = _end_run(ports, lease) if lease is not None else None
        ended += [reconciled] if reconciled is not None else []
    return tuple(ended), tuple(errors)


def _is_suspect(lease: Lease, is_alive: IsAlive) -> bool:
    state = lease.state
    if not lease.holder or state is None or state.outcome == RunOutcome.NEEDS_ATTENTION:
        return False  # nobody's, or waiting for a person
    return not is_alive(state.run_id)


def _still_silent(ports: Ports, suspects: list[tuple[str, Lease]]) -> list[tuple[str, Lease]]:
    """Return those whose Lease does not move for a whole duration, measured here and by nobody's wall clock."""
    # An owner renews three times within a duration, so one whose Lease never moves is not working on it; and two clocks
    # that disagree cannot make it look so, for only this process's own is read.
    end = ports.clock.monotonic() + DURATION_SECONDS
    while suspects and ports.clock.monotonic() < end:
        ports.clock.sleep(_LOOK_SECONDS)
        suspects = [(namespace, lease) for namespace, lease in suspects if _is_unchanged(ports, namespace, lease)]
    return suspects


def _is_unchanged(ports: Ports, namespace: str, lease: Lease) -> bool:
    try:
        return Lease(ports.kube.get(Kind.LEASE, namespace, lease.name)).version == lease.version
    except NotFound:
        return False


def _end_run(ports: Ports, lease: Lease) -> Reconciled | None:
    state = lease.state
    if state is None:
        return None
    ref = RunRef(workload=state.plan.target, run_id=state.run_id, attempt=lease.generation + 1, is_takeover=True)
    try:
        take_over(ports.kube, ports.clock, lease, state, holder=ref.holder)
    except Conflict:
        return None  # its owner woke, or another reconciler was faster
    try:
        message = retried(ports, lambda: _end(ports, ref, state))
        outcome = retried(ports, lambda: phases.report(ports, ref))
    except (Fenced, TemporaryError) as error:  # fenced: another is faster, or the look at the Lease was an old one
        log.warning("run_not_reconciled_yet", run=ref.run_id, workload=str(ref.workload), message=error.message)
        return None  # the Lease stays taken and does not move: the next reconcile goes on from here
    except PermanentError as error:  # one run that cannot be ended keeps no other from being ended
        log.exception("run_not_reconciled", run=ref.run_id, workload=str(ref.workload), code=error.code)
        return None
    log.warning("run_reconciled", run=ref.run_id, workload=str(ref.workload), outcome=outcome.value, message=message)
    return Reconciled(run_id=ref.run_id, workload=ref.workload, outcome=outcome, message=message)


def _is_proven(state: RunState) -> bool:
    is_undone = state.entry(Phase.ROLL_BACK, JournalStatus.STARTED) is not None
    return state.entry(Phase.SMOKE_TEST, JournalStatus.DONE) is not None and not is_undone


def _end(ports: Ports, ref: RunRef, state: RunState) -> str:
    """Bring the run to its end; where that cannot be, say why: `report` then finds it unproven, and keeps both sets."""
    try:
        # First of all: a swap that the old owner has under way fails from here on (I-2).
        work = Work.of(ports, ref)
        work.require_same_cluster()
        work.engine.stamp()
        if not _is_proven(state):
            return phases.roll_back(ports, ref).message
        phases.remove_old_instances(ports, ref)
        return phases.instances_removed(ports, ref).message
    except Fenced:
        raise
    except PermanentError as error:
        log.exception("run_needs_a_person", run=ref.run_id, workload=str(ref.workload), code=error.code)
        return error.message
