"""What a person does who aborts a run: asks on its Lease, and waits until the run says what became of it.

The asking process undoes nothing itself. The run that owns the workload does, or whoever takes it up when its process
is gone: so an abort is as safe as any failure of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from springtide import labels
from springtide.errors import Conflict, InputError, NotFound, PermanentError, SpringtideError
from springtide.kube.objects import Kind
from springtide.policy.scaling.strategy import BlueGreen
from springtide.record.model import RunOutcome
from springtide.run.abort import Abort, abort_of
from springtide.run.lease import Lease, read_lease
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.stored import Stored
from springtide.workload import Workload

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 2.0
_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortEnd(Stored):
    """What became of an abort: `outcome` is how the run stands, and `message` says it for people."""

    run_id: str
    outcome: str
    message: str

    def require_rolled_back(self) -> None:
        """Return when the run did what was asked of it.

        Raises:
            PermanentError: it ended otherwise, or has not ended yet; the message says how it stands (`not_aborted`).
        """
        if self.outcome != RunOutcome.ROLLED_BACK:
            raise PermanentError(self.message, code="not_aborted", field="run_id")


def request_abort(
    ports: Ports, workload: Workload, service: str, *, by: str, reason: str, run_id: str | None = None
) -> Abort:
    """Ask the run that owns the workload of policy `service` to stop and to roll back; again changes nothing.

    `run_id` is the run that is meant, None for whichever owns it.

    Raises:
        InputError: there is no reason; or the run is over, waits for a person, or has no way back any more.
        NotFound: no run owns the workload, or another than the one that is meant.
        Conflict: the Lease keeps changing.
        PermanentError: what stands in the Lease cannot be read.
        ClusterRefused, ClusterUnavailable: as the cluster says.
    """
    if not reason.strip():
        raise InputError(
            "reason: say why the run is to stop; everybody reads it.", code="reason_missing", field="reason"
        )
    for _ in range(_ATTEMPTS):
        lease = _owned(ports, workload, service, run_id)
        state = lease.required_state()
        require_way_back(state, service)
        asked = abort_of(lease, state.run_id)
        if asked is not None or state.entry(Phase.ROLL_BACK, JournalStatus.STARTED):
            return asked or Abort.of_words(state.run_id, by=by, reason=reason, at=ports.clock.now())
        abort = Abort.of_words(state.run_id, by=by, reason=reason, at=ports.clock.now())
        try:
            _write(ports, workload, lease, abort)
        except Conflict:
            continue  # its run wrote at this moment: it may be over by now, so it is judged again
        log.warning("abort_asked", run=abort.run_id, workload=str(workload), by=abort.by)
        return abort
    raise Conflict(f"Lease {workload.lease_name}: it keeps changing. Try again.", code="conflict")


def await_abort(ports: Ports, workload: Workload, run_id: str, *, at_most: timedelta) -> AbortEnd:
    """Return how run `run_id` ended; after `at_most`, how it stands then.

    Raises:
        ClusterRefused, ClusterUnavailable: as the cluster says.
        PermanentError: what stands in the Lease cannot be read.
    """
    end_of_time = ports.clock.monotonic() + at_most.total_seconds()
    while True:
        lease = read_lease(ports.kube, workload)
        end = _end_of(ports, lease, run_id)
        if end is not None:
            return end
        phase = "unknown" if lease is None else lease.phase
        if ports.clock.monotonic() >= end_of_time:
            message = f"run {run_id!r} has not ended yet (phase {phase}). Look again: it was asked to stop."
            return AbortEnd(run_id=run_id, outcome=RunOutcome.RUNNING.value, message=message)
        ports.on_wait(f"run {run_id!r} is in phase {phase}")
        ports.clock.sleep(_LOOK_SECONDS)


def _owned(ports: Ports, workload: Workload, service: str, run_id: str | None) -> Lease:
    lease = read_lease(ports.kube, workload)
    if lease is None or not lease.holder:
        raise NotFound(_nothing_owned(service, run_id, lease), code="run_unknown", field="run_id")
    owner = RunRef.of_holder(workload, lease.holder).run_id
    if run_id not in {None, owner}:
        raise NotFound(
            f"run {run_id!r} does not own {service!r} (any more): run {owner!r} does. Abort that one, or nothing.",
            code="run_unknown",
            field="run_id",
        )
    return lease


def _nothing_owned(service: str, run_id: str | None, lease: Lease | None) -> str:
    begin = f"no run owns {service!r}, so there is nothing to abort"
    if run_id is None:
        return f"{begin}."
    if lease is not None and lease.run_id == run_id:
        outcome = lease.state.outcome if lease.state is not None else None
        return f"{begin}: run {run_id!r} has ended, {outcome or 'nobody knows how'}."
    return f"{begin}: run {run_id!r} has written nothing here. Where it waits for an approval, reject that."


def require_way_back(state: RunState, service: str) -> None:
    """Return while the journal says that there is something to stop, and to roll back to.

    Raises:
        InputError: there is not (any more); the message says what to do instead (`abort_too_late`).
    """
    run = f"run {state.run_id!r}"
    if state.outcome is not None or state.entry(Phase.SMOKE_TEST, JournalStatus.HELD):
        raise InputError(
            f"{run} waits for a person ({state.outcome or 'its smoke test is held'}), and nobody works on it. Undo it "
            f"with `springtide roll-back {service}`.",
            code="abort_too_late",
            field="run_id",
        )
    is_removed = state.entry(Phase.INSTANCES_REMOVED, JournalStatus.STARTED) is not None
    if is_removed and isinstance(state.settings, BlueGreen) and not state.entry(Phase.ROLL_BACK, JournalStatus.STARTED):
        raise InputError(
            f"{run} is past its way back: the pods that served before are gone. It ends by itself in seconds. "
            "Start another run to the number of before.",
            code="abort_too_late",
            field="run_id",
        )


def _write(ports: Ports, workload: Workload, lease: Lease, abort: Abort) -> None:
    change = {"metadata": {"annotations": {labels.ABORT: abort.to_text()}}}
    ports.kube.patch(Kind.LEASE, workload.namespace, lease.name, change, version=lease.version)


def _end_of(ports: Ports, lease: Lease | None, run_id: str) -> AbortEnd | None:
    """Return how the run ended; None while its Lease says that it goes on."""
    if lease is None or lease.run_id != run_id:
        return _kept_end(ports, run_id)  # another run has the workload since, or somebody deleted the Lease
    state = lease.required_state()
    if state.outcome is None:
        return None
    last = state.journal[-1].message if state.journal else ""
    abort = abort_of(lease, run_id)
    return _ended(run_id, state.outcome, "" if abort is None else str(abort), last)


def _kept_end(ports: Ports, run_id: str) -> AbortEnd:
    try:
        run = ports.store.get(run_id)
    except SpringtideError as error:
        message = f"how run {run_id!r} ended is not known here: {error.message}"
        return AbortEnd(run_id=run_id, outcome=RunOutcome.NEEDS_ATTENTION.value, message=message)
    return _ended(run_id, run.outcome.value, "", str((run.error or {}).get("message", "")))


def _ended(run_id: str, outcome: str, abort: str, last: str) -> AbortEnd:
    told = "; ".join(part for part in (abort, last) if part)
    if outcome == RunOutcome.SUCCEEDED:
        told = f"too late, the run went on to its end ({told})"
    return AbortEnd(run_id=run_id, outcome=outcome, message=f"run {run_id!r} {outcome.replace('_', ' ')}: {told}")
