"""What a person does about a run that nobody else ends: wait until nobody works on it, and give its workload free.

That a run has stopped only its Lease can say, and only to who watches it for a whole lease duration. That what it left
may stay as it is only a person can say.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from springtide.errors import Conflict, Fenced, InputError, NotFound, PermanentError
from springtide.kube.client import selector_text
from springtide.kube.objects import Service
from springtide.kube.observation import Observation, find_placeholders
from springtide.record.model import RunOutcome
from springtide.run.admission import observe_workload
from springtide.run.lease import Lease, read_lease, release_unread, write_state
from springtide.run.ports import Ports, RunRef
from springtide.run.state import RunState
from springtide.stored import Stored
from springtide.strategy.model import Snapshot
from springtide.workload import Workload

log = structlog.get_logger(__name__)

LONGEST_WAIT: Final = timedelta(minutes=3)
"""How long a Lease that moves is waited for: who works on the run renews it every 20 s, so it will not stand still.
Twice the time that a Lease may stand still, where that is more."""

_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedRun(Stored):
    """A run whose workload was given free by hand, and what it leaves behind: nothing of that was changed."""

    run_id: str
    workload: Workload
    outcome: str
    released_by: str
    left: tuple[str, ...]


def held_lease(ports: Ports, workload: Workload, service: str) -> Lease:
    """Return the Lease of the run that owns the workload of policy `service`.

    Raises:
        NotFound: no run does (`run_unknown`).
        ClusterUnavailable: no answer in time.
    """
    lease = read_lease(ports.kube, workload)
    if lease is None or not lease.holder:
        raise NotFound(
            f"service: no run owns {service!r}, so there is nothing to undo or to release.", code="run_unknown"
        )
    return lease


def is_left_to_a_person(lease: Lease) -> bool:
    """Say whether the run has ended as one that a person has to look at; False where the Lease cannot be read."""
    state = _readable(lease)
    return state is not None and state.outcome in {RunOutcome.NEEDS_ATTENTION, RunOutcome.HALTED}


def silent_lease(ports: Ports, workload: Workload, lease: Lease) -> Lease:
    """Return the Lease once it has stood still for as long as it may, measured on this process's monotonic clock.

    Raises:
        Fenced: it moved until `LONGEST_WAIT` was over: somebody works on the run (`run_alive`).
        NotFound: the run ended meanwhile (`run_unknown`).
        ClusterUnavailable: no answer in time.
    """
    clock = ports.clock
    begin = clock.monotonic()
    since = begin
    while (silent := clock.monotonic() - since) < lease.silent_after:
        if clock.monotonic() - begin > max(LONGEST_WAIT.total_seconds(), 2 * lease.silent_after):
            raise _alive(workload, lease)
        ports.on_wait(f"run {lease.holder!r}: its Lease has stood still for {silent:.0f} of {lease.silent_after} s")
        clock.sleep(_LOOK_SECONDS)
        found = held_lease(ports, workload, str(workload))
        if found.version != lease.version:
            since = clock.monotonic()
        lease = found
    return lease


def release_lease(
    ports: Ports, workload: Workload, lease: Lease, *, by: str, named: Collection[str] = (), has_looked: bool = False
) -> ReleasedRun:
    """Give the workload of `lease` free and leave everything else as it is; nobody takes the run up again.

    `by` says who does it. A run that does not wait for a person must be `named`: its owner counts as dead then.

    Raises:
        InputError: nobody says that somebody has looked (`look_required`); the message says what the run leaves.
        Fenced: the run may still be at work (`run_alive`).
        Conflict: the Lease moved at the last moment.
        ClusterUnavailable: no answer in time.
    """
    if not is_left_to_a_person(lease) and {_run_id(workload, lease), lease.holder}.isdisjoint(named):
        raise _not_given_up(workload, lease)
    if not has_looked:
        shown = "\n".join(f"  {line}" for line in _left(ports, workload, lease))
        raise InputError(
            f"{workload}: run {lease.holder!r} leaves this, and releasing its Lease changes nothing of it:\n{shown}\n"
            "Undo the run with `springtide roll-back`, or put right what it left; then add --i-have-looked.",
            code="look_required",
            field="i_have_looked",
        )
    lease = silent_lease(ports, workload, lease)
    left = _left(ports, workload, lease)
    released_by = f"{by}, {ports.clock.now().isoformat(timespec='seconds')}"
    outcome = _give_free(ports, workload, lease, released_by)
    log.warning("lease_released_by_hand", run=lease.holder, workload=str(workload), by=by)
    return ReleasedRun(
        run_id=_run_id(workload, lease),
        workload=workload,
        outcome=outcome,
        released_by=released_by,
        left=left,
    )


def _give_free(ports: Ports, workload: Workload, lease: Lease, released_by: str) -> str:
    state = _readable(lease)
    try:
        if state is None:
            release_unread(ports.kube, ports.clock, lease, workload.namespace)
            return RunOutcome.NEEDS_ATTENTION.value
        ended = replace(state.with_outcome(state.outcome or RunOutcome.NEEDS_ATTENTION.value), released_by=released_by)
        write_state(ports.kube, ports.clock, lease, ended, release=True)
    except Conflict as error:
        raise _alive(workload, lease) from error
    return ended.outcome or ""


def _left(ports: Ports, workload: Workload, lease: Lease) -> tuple[str, ...]:
    """Return what stands in the cluster, and what stood there before the run where its Lease tells."""
    try:
        observation = observe_workload(ports, workload)
    except PermanentError as error:
        return (error.message,)
    state = _readable(lease)
    return (*_lines(observation, state), *_placeholder_lines(ports, state))


def _lines(observation: Observation, state: RunState | None) -> list[str]:
    before = state.snapshot if state is not None else None
    scaled = observation.pod_set.scaled
    paused = ", paused" if scaled.is_paused else ""
    was = f"; before the run: {before.replicas}" if before else ""
    ready = len(observation.ready_endpoints())
    return [
        *_service_lines(observation.service, before, ready),
        f"{scaled.title}: {scaled.replicas} replicas{paused}{was}",
        *(f"{each.replica_set.title} is set aside: {each.replica_set.replicas} replicas" for each in observation.aside),
    ]


def _placeholder_lines(ports: Ports, state: RunState | None) -> list[str]:
    held = state.snapshot.placeholders if state is not None else None
    if state is None or held is None:
        return []
    found = find_placeholders(ports.kube, state.plan.target.namespace, held.name)
    now = "it is gone" if found is None else f"{found.replicas} replicas"
    return [f"Deployment {held.name} of placeholders: {now}; before the run: {held.replicas}"]


def _service_lines(service: Service | None, before: Snapshot | None, ready: int) -> list[str]:
    if service is None:
        return []
    was = f"; before the run: {selector_text(before.selector)}" if before and before.selector else ""
    return [f"Service {service.name} selects {selector_text(service.selector)}, {ready} ready endpoints{was}"]


def _run_id(workload: Workload, lease: Lease) -> str:
    """Return the name of the run, be the Lease held by its owner or in its owner's place."""
    return RunRef.of_holder(workload, lease.holder).run_id


def _readable(lease: Lease) -> RunState | None:
    try:
        return lease.state
    except PermanentError:
        return None


def _alive(workload: Workload, lease: Lease) -> Fenced:
    return Fenced(
        f"{workload}: somebody works on run {lease.holder!r}: its Lease was renewed at {lease.renewed_at}. Stop its "
        f"process, or mark its DAG run as failed, and try again when it has stood still for {lease.silent_after} s. "
        "`springtide roll-back --force` does not wait: what the run still has under way is refused then.",
        code="run_alive",
    )


def _not_given_up(workload: Workload, lease: Lease) -> Fenced:
    return Fenced(
        f"{workload}: run {lease.holder!r} (phase {lease.phase}, last heard of {lease.renewed_at}) does not wait for a "
        "person. Where its owner is gone, `springtide reconcile` ends it; `springtide roll-back` undoes it. Where "
        f"neither can, add --run {_run_id(workload, lease)}: its owner then counts as dead.",
        code="run_alive",
    )
