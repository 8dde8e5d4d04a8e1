"""How a run ends: what its journal proves, and whether its workload is given free with that."""

from __future__ import annotations

from typing import Final

import structlog

from springtide.errors import SpringtideError
from springtide.record.model import RunOutcome
from springtide.run.halted import halt_of, is_halt, unbegun
from springtide.run.lease import fenced, read_lease
from springtide.run.ownership import installation_of, is_lease_deleted, is_of_another, require_same_cluster
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.run.work import Work

log = structlog.get_logger(__name__)

RELEASES_LEASE: Final = frozenset({RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK, RunOutcome.FAILED})
"""Outcomes with which the Lease is given free; with any other a person has to look first."""


def close(ports: Ports, ref: RunRef, error: SpringtideError | None = None) -> RunOutcome:
    """Give the Lease free when the run's end is proven, and return how it ended; `error` is why it failed.

    What a halt has left half-way stands in the Lease as `halted`: reconcile ends it when somebody resumes.

    Raises:
        Fenced: another works in the run's place, and reports it.
        OtherCluster: the connection leads to another cluster than the run's.
        ClusterUnavailable: no answer in time.
    """
    # Always: a run of the same name may have ended there, and its end is not this one's.
    require_same_cluster(ports, ref.workload, ref.run_id, ref.cluster)
    lease = read_lease(ports.kube, ref.workload)
    if lease is None or lease.run_id != ref.run_id or is_of_another(ports.installation, installation_of(lease)):
        if lease is None and is_lease_deleted(ports, ref):
            log.error("lease_deleted", run=ref.run_id, workload=str(ref.workload))
            return RunOutcome.NEEDS_ATTENTION  # somebody deleted its Lease, and with it what could be restored
        return unbegun(error)  # it never owned the workload: there was nothing to do, or nothing was done
    ended = None if lease.holder else lease.required_state().outcome
    if ended is not None:
        return RunOutcome(ended)
    if lease.holder != ref.holder:
        raise fenced(lease, ref.workload, ref.holder)  # taken over by reconcile, which reports it
    is_held = is_halt(error) or halt_of(ports, ref) is not None
    outcome = RunOutcome(Work.of(ports, ref).close(_halted_end_of if is_held else _end_of))
    return RunOutcome.NEEDS_ATTENTION if outcome is RunOutcome.HALTED else outcome


def _end_of(state: RunState) -> tuple[str, bool]:
    outcome = _outcome_of(state)
    return outcome.value, outcome in RELEASES_LEASE


def _halted_end_of(state: RunState) -> tuple[str, bool]:
    outcome, is_free = _end_of(state)
    return (RunOutcome.HALTED.value if outcome == RunOutcome.NEEDS_ATTENTION else outcome), is_free


def _outcome_of(state: RunState) -> RunOutcome:
    if state.entry(Phase.ROLL_BACK, JournalStatus.DONE):
        return RunOutcome.ROLLED_BACK
    if state.entry(Phase.ROLL_BACK, JournalStatus.HELD):
        return RunOutcome.FAILED
    if state.entry(Phase.INSTANCES_REMOVED, JournalStatus.DONE):
        return RunOutcome.SUCCEEDED
    return RunOutcome.NEEDS_ATTENTION
