"""What runs in flight still take of what they share: connections and quota. Read from their Leases.

A run looks before it writes, and looks again once it has its Lease, when every other run can see it. Of two runs that
looked at the same time each then sees the other, and the Leases say which one gives way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from springtide.errors import ClusterRefused, PermanentError
from springtide.kube.client import selector_text
from springtide.kube.objects import Json, Kind, Pod, Scalable
from springtide.kube.observation import aside_sets
from springtide.kube.workloads import find_workload
from springtide.plan.footprint import Footprint, footprint
from springtide.plan.room import Reservation
from springtide.run.lease import Lease, all_leases, read_lease
from springtide.run.state import JournalStatus, Phase

if TYPE_CHECKING:
    from springtide.kube.client import KubeReader
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.workload import Workload

PATIENCE_SECONDS: Final = 15.0
"""How long a run waits for one that took its Lease later to give way: that is a look and a write."""


def peak_replicas(kube: KubeReader, policy: ScalingPolicy) -> tuple[int | None, str]:
    """Return the most replicas that a service has now or in the run that owns it, and that run.

    The number is None when nobody may see, or when that run is stored so that this version cannot read it; the run is
    empty when none owns the service.
    """
    workload = policy.spec.target.workload
    try:
        desired = sum(each.replicas for each in _sets(kube, workload))
        lease = read_lease(kube, workload)
    except ClusterRefused:
        return None, ""
    if lease is None or not lease.holder:
        return desired, ""
    try:
        state = lease.state
    except PermanentError:
        return None, lease.holder  # another workload's Lease never blocks a run: what it takes is not known
    if state is None:
        return desired, ""
    plan = state.plan
    peak = plan.current + max(plan.current, plan.replicas) if plan.strategy == "blue_green" else plan.replicas
    return max(desired, peak), state.run_id


def reserved_by_others(kube: KubeReader, workload: Workload) -> tuple[tuple[Reservation, ...], tuple[str, ...]]:
    """Return what each run in flight on another workload of its namespace has not taken yet of what its peak needs.

    The second value names the Leases whose runs are stored so that this version cannot read them.

    Raises:
        ClusterRefused: the Leases may not be listed.
    """
    leases, errors = all_leases(kube, workload.namespace)
    others = [lease for lease in leases if lease.holder and lease.name != workload.lease_name]
    unread = tuple(str(error.field) for error in errors if error.field != workload.lease_name)
    return tuple(Reservation(lease.holder, _left_to_take(kube, lease)) for lease in others), unread


def pending_runs(kube: KubeReader, namespaces: Iterable[str], mine: Lease) -> Iterator[Lease]:
    """Yield the runs that took their Lease after this one and have not begun: they give way once they see it."""
    for namespace in namespaces:
        for lease in _in_flight(kube, namespace):
            if not (lease.state and lease.state.has_begun) and _acquired(lease) > _acquired(mine):
                yield lease


def _is_past(lease: Lease, phase: Phase, status: JournalStatus) -> bool:
    return lease.state is not None and lease.state.entry(phase, status) is not None


def _acquired(lease: Lease) -> tuple[str, str, str, str]:
    # Names settle it where two were acquired in the same microsecond: every run must come to the same order. In two
    # clusters all of them may be the same but the runs'.
    return lease.acquired, str(lease.raw["metadata"].get("namespace", "")), lease.name, lease.holder


def _in_flight(kube: KubeReader, namespace: str) -> list[Lease]:
    return [lease for lease in all_leases(kube, namespace)[0] if lease.holder]


def _left_to_take(kube: KubeReader, lease: Lease) -> Footprint:
    assert lease.state is not None
    if _is_past(lease, Phase.INSTANCES_READY, JournalStatus.DONE):
        return Footprint(pods=0, requests={}, limits={})
    plan = lease.state.plan
    settings = lease.state.settings
    before = lease.state.snapshot.replicas
    sets = _sets(kube, plan.target)
    spec: Json = next((each.spec["template"]["spec"] for each in sets), {})
    whole = footprint(plan, settings, running=before, pod_spec=spec, live=_live(kube, plan.target))
    # Desired replicas count as taken though their pods may not be there yet: the quota's `used` follows within moments,
    # and counting them in both would refuse a run for pods that exist once.
    taken = sum(each.replicas for each in sets) - before
    left = max(0, whole.pods - max(0, taken))
    return Footprint(
        pods=left,
        requests=whole.requests,
        limits=whole.limits,
        replica_sets=max(0, whole.replica_sets + 1 - len(sets)),
        traits=whole.traits,
    )


def _live(kube: KubeReader, workload: Workload) -> list[Pod]:
    """Return the pods with the labels of the workload's selector: they show what is added to its template."""
    scaled = find_workload(kube, workload)
    if scaled is None or not scaled.match_labels:
        return []
    selector = selector_text(scaled.match_labels)
    return [Pod(raw) for raw in kube.list(Kind.POD, workload.namespace, selector=selector)]


def _sets(kube: KubeReader, workload: Workload) -> list[Scalable]:
    """Return the workload's own object, where it is there, and what runs have set aside of it."""
    scaled = find_workload(kube, workload)
    return [*([] if scaled is None else [scaled]), *aside_sets(kube, workload)]
