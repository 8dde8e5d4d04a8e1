"""The Lease: one owner per workload, a fencing token, and the journal (I-1, I-2, I-13).

One `coordination.k8s.io/v1` Lease per workload, `springtide-<deployment>`: `holderIdentity` is the run that owns the
workload, `leaseTransitions` the generation, the annotation `springtide.dev/state` the run itself. Taken, written and
released by compare-and-swap. The finished run stays in the annotation as the record; the next one replaces it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from springtide import labels
from springtide.clock import Clock
from springtide.errors import Conflict, Fenced, NotFound, PermanentError, WorkloadFailed
from springtide.kube.client import KubeClient, KubeReader
from springtide.kube.objects import Json, Kind, KubeObject
from springtide.run.renewal import DURATION_SECONDS, LONGEST_DURATION_SECONDS, lease_seconds
from springtide.run.state import RunState
from springtide.workload import Workload

_UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Lease(KubeObject):
    """The Lease as read."""

    @property
    def holder(self) -> str:
        """The run that owns the workload; empty when none does."""
        return str(self._spec.get("holderIdentity") or "")

    @property
    def generation(self) -> int:
        """The fencing token: rises with every new owner."""
        return int(self._spec.get("leaseTransitions") or 0)

    @property
    def acquired(self) -> str:
        """When the owner took it, in a form whose order is that of time."""
        return str(self._spec.get("acquireTime") or "")

    @property
    def acquired_at(self) -> datetime | None:
        """When the owner took it; None where nobody wrote it."""
        return datetime.fromisoformat(self.acquired) if self.acquired else None

    @property
    def renewed_at(self) -> datetime | None:
        """When the owner was heard of last."""
        text = self._spec.get("renewTime")
        return datetime.fromisoformat(text) if text else None

    @property
    def silent_after(self) -> int:
        """After how many seconds without renewal its owner counts as silent: as it says itself, within limits."""
        written = int(self._spec.get("leaseDurationSeconds") or 0)
        return min(LONGEST_DURATION_SECONDS, max(DURATION_SECONDS, written))

    @property
    def state(self) -> RunState | None:
        """The run that owns the workload, or that owned it last; None as well where a free Lease cannot be read.

        A run that is over and has given the workload free is only a record. Whatever version wrote it, and whoever
        edited it, it never stands in the way of the next run, which replaces it.

        Raises:
            PermanentError: the Lease is held, and what stands there is another version's (`state_version`) or no run
                (`lease_unreadable`).
        """
        if labels.STATE not in self.annotations:
            return None
        try:
            return self.required_state()
        except PermanentError:
            if self.holder:
                raise
            return None

    def required_state(self) -> RunState:
        """Return the run that owns the workload, or that owned it last.

        Raises:
            PermanentError: what stands there is another version's (`state_version`) or no run (`lease_unreadable`).
        """
        try:
            state = RunState.from_record(self._stored)
            self._require_own(state.plan.target)
        except PermanentError as error:
            raise self._unreadable(error) from error
        return state

    @property
    def run_id(self) -> str:
        """The run that owns the workload, or that owned it last, in whatever version it is stored; empty if unknown."""
        try:
            return str(self._stored.get("run_id") or "")
        except PermanentError:
            return ""

    @property
    def phase(self) -> str:
        """The phase that the run is in; `unknown` before the first, and where that cannot be read."""
        try:
            state = self.state
        except PermanentError:
            return _UNKNOWN
        return state.journal[-1].phase.value if state and state.journal else _UNKNOWN

    @property
    def _stored(self) -> Json:
        try:
            record = json.loads(self.annotations.get(labels.STATE, "null"))
        except (ValueError, RecursionError) as error:  # annotations are anybody's to write, a thousand brackets too
            raise PermanentError(f"it is not JSON ({error})", code="record_unreadable") from error
        if not isinstance(record, dict):
            raise PermanentError(f"it is a {type(record).__name__}, not an object", code="record_unreadable")
        return record

    def _require_own(self, target: Workload) -> None:
        """Refuse a run of another workload: whoever may write this Lease need not have a say in that one."""
        if (target.namespace, target.lease_name) != (self.raw["metadata"]["namespace"], self.name):
            raise PermanentError(
                f"it is a run of {target}, which has a Lease of its own.", code="record_unreadable", field="target"
            )

    def _unreadable(self, error: PermanentError) -> PermanentError:
        is_other_version = error.code == "state_version"
        run = self.holder or self.run_id or "its last run"
        if is_other_version:
            advice = f"End run {run!r} with the springtide that started it, or use one that reads its version"
        else:
            advice = f"Somebody edited it, or another version wrote it: look at the pod sets of {run!r}, then delete it"
        if self.holder:
            release = f"springtide release-lease SERVICE --run {self.holder} --i-have-looked"
            advice += f", or give its workload free with `{release}`"
        return PermanentError(
            f"Lease {self.name}: its annotation {labels.STATE} holds no run that this springtide can read: "
            f"{error.message} It is left alone. {advice}.",
            code="state_version" if is_other_version else "lease_unreadable",
            field=self.name,
        )

    @property
    def _spec(self) -> Json:
        return dict(self.raw.get("spec") or {})


def read_lease(kube: KubeReader, workload: Workload) -> Lease | None:
    """Return the workload's Lease; None when no run has ever taken it."""
    try:
        return Lease(kube.get(Kind.LEASE, workload.namespace, workload.lease_name))
    except NotFound:
        return None


def owned_lease(kube: KubeReader, workload: Workload, holder: str) -> Lease:
    """Return the Lease that `holder` holds.

    Raises:
        Fenced: another run holds it, or none does.
    """
    lease = read_lease(kube, workload)
    if lease is None or lease.holder != holder:
        raise fenced(lease, workload, holder)
    return lease


def all_leases(kube: KubeReader, namespace: str) -> tuple[list[Lease], list[PermanentError]]:
    """Return every Lease in `namespace` with a run of springtide that can be read, and why a held one cannot be."""
    readable: list[Lease] = []
    errors: list[PermanentError] = []
    for lease in map(Lease, kube.list(Kind.LEASE, namespace)):
        try:
            if lease.state is not None:
                readable.append(lease)
        except PermanentError as error:
            errors.append(error)
    return readable, errors


def acquire(kube: KubeClient, clock: Clock, state: RunState, seen: Lease | None, *, least_generation: int) -> Lease:
    """Make `state.run_id` the owner of its workload; again the same Lease when it is already.

    `seen` is the Lease as it was read before the workload was looked at, None where there was none: the claim is
    against that very version, so nothing that another run did since is claimed over. `least_generation` is the highest
    generation stamped on the workload's objects: a Lease that was deleted by hand is recreated above it.

    Raises:
        Fenced: another run owns the workload; the message names it.
        WorkloadFailed: another run had the workload since it was looked at (`plan_stale`).
    """
    workload = state.plan.target
    if seen is not None and _is_held_by(seen, state):
        return seen
    if seen is not None and (seen.holder or _is_of_finished(seen, state)):
        raise fenced(seen, workload, state.run_id)
    try:
        return _claim(kube, clock, state, seen, least_generation)
    except Conflict:
        return _claimed(kube, workload, state)


def _claimed(kube: KubeReader, workload: Workload, state: RunState) -> Lease:
    """Return the Lease after a claim that was lost, where it was this run's own that was faster."""
    lease = read_lease(kube, workload)
    if lease is not None and _is_held_by(lease, state):
        return lease  # another attempt of this run took it
    if lease is not None and lease.holder:
        raise fenced(lease, workload, state.run_id)
    raise WorkloadFailed(
        f"{workload}: another run had the workload since it was looked at, {_last_run(lease)}. Plan again.",
        code="plan_stale",
    )


def _last_run(lease: Lease | None) -> str:
    return f"run {lease.run_id!r}" if lease is not None and lease.run_id else "which nobody can name"


def take_over(
    kube: KubeClient, clock: Clock, lease: Lease, state: RunState, *, holder: str, least_generation: int = 0
) -> Lease:
    """Make `holder` the owner in the place of one that is gone, in a new generation, which fences the old one out.

    The new generation is above `least_generation` as well, the highest that stands on the workload's objects.

    Raises:
        Conflict: the Lease is not the one that was read: its owner is alive, or another was faster.
    """
    # The swap is against the Lease that stood still: an owner that wakes renews it first, and then this one is lost. A
    # new generation with the same run: what the old owner still has under way fails at the fence.
    now = _micro(clock.now())
    spec = {
        "holderIdentity": holder,
        "leaseTransitions": max(lease.generation, least_generation) + 1,
        "acquireTime": now,
        "renewTime": now,
    }
    return Lease(kube.patch(Kind.LEASE, state.plan.target.namespace, lease.name, {"spec": spec}, version=lease.version))


def renew(kube: KubeClient, clock: Clock, lease: Lease, workload: Workload) -> Lease:
    """Show that the owner is alive.

    Raises:
        Conflict: the Lease is not the one that was read.
    """
    change = {"spec": {"renewTime": _micro(clock.now())}}
    return Lease(kube.patch(Kind.LEASE, workload.namespace, lease.name, change, version=lease.version))


def write_state(
    kube: KubeClient,
    clock: Clock,
    lease: Lease,
    state: RunState,
    *,
    release: bool = False,
    is_new_generation: bool = False,
) -> Lease:
    """Store `state` in the Lease and renew it; `release` gives the workload free.

    `is_new_generation` fences out what the run's other processes have under way.

    Raises:
        Conflict: the Lease is not the one that was read; read it again and judge again.
    """
    # One patch for all: a release without the outcome beside it would show the next run an unfinished one.
    spec: Json = {"renewTime": _micro(clock.now())} | ({"holderIdentity": None} if release else {})
    spec |= {"leaseTransitions": lease.generation + 1} if is_new_generation else {}
    change = {"metadata": {"annotations": {labels.STATE: _dump(state)}}, "spec": spec}
    namespace = state.plan.target.namespace
    return Lease(kube.patch(Kind.LEASE, namespace, lease.name, change, version=lease.version))


def release_unread(kube: KubeClient, clock: Clock, lease: Lease, namespace: str) -> Lease:
    """Give a workload free whose Lease holds nothing that this springtide can read; what stands there is kept.

    Raises:
        Conflict: the Lease is not the one that was read: somebody works on it.
    """
    change = {"spec": {"renewTime": _micro(clock.now()), "holderIdentity": None}}
    return Lease(kube.patch(Kind.LEASE, namespace, lease.name, change, version=lease.version))


def fenced(lease: Lease | None, workload: Workload, run_id: str) -> Fenced:
    """Return the error that tells `run_id` who owns the workload."""
    if lease is None or not lease.holder:
        return Fenced(
            f"{workload}: run {run_id!r} does not own the workload (any more); no run does. A finished run is not "
            "repeated: start a new one.",
            code="run_finished",
        )
    return Fenced(
        f"{workload}: run {lease.holder!r} owns the workload (phase {lease.phase}, last heard of "
        f"{lease.renewed_at}). Wait for it to end, or end it, then start run {run_id!r} again.",
        code="service_busy",
    )


def _claim(kube: KubeClient, clock: Clock, state: RunState, lease: Lease | None, least_generation: int) -> Lease:
    workload = state.plan.target
    state = state.after(lease.state if lease else None, clock.now())
    now = _micro(clock.now())
    spec: dict[str, Any] = {
        "holderIdentity": state.run_id,
        "leaseDurationSeconds": lease_seconds(state),
        "acquireTime": now,
        "renewTime": now,
        # Above every generation that is stamped on an object: a Lease that was deleted by hand starts from there.
        "leaseTransitions": max(lease.generation if lease else 0, least_generation) + 1,
    }
    metadata = {"annotations": {labels.STATE: _dump(state)}}
    if lease is not None:
        annotations = metadata["annotations"] | {labels.ABORT: None}  # what somebody asked of a run of before
        change = {"metadata": {"annotations": annotations}, "spec": spec}
        return Lease(kube.patch(Kind.LEASE, workload.namespace, lease.name, change, version=lease.version))
    manifest = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata | {"name": workload.lease_name},
        "spec": spec,
    }
    return Lease(kube.create(Kind.LEASE, workload.namespace, manifest))


def _is_held_by(lease: Lease, state: RunState) -> bool:
    """Say whether this very run holds the Lease: another installation may have a run of the same name."""
    if lease.holder != state.run_id:
        return False
    held = lease.state
    return held is not None and held.installation == state.installation


def _is_of_finished(lease: Lease, state: RunState) -> bool:
    """Say whether this very run has had the Lease and released it: it must not replay (I-22)."""
    last = lease.state
    if last is None:
        return lease.run_id == state.run_id
    return (last.run_id, last.installation) == (state.run_id, state.installation)


def _dump(state: RunState) -> str:
    # As text, not escaped: a letter beyond ASCII would take up to three times its bytes of what an annotation may hold.
    return json.dumps(state.to_record(), separators=(",", ":"), ensure_ascii=False)


def _micro(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
