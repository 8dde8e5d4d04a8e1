"""Half-way runs that no Lease tells of: found and claimed by what stands on the ReplicaSet that they set aside.

Somebody deleted the Lease, or gave it free by hand. The ReplicaSet that is set aside carries the run, its snapshot and
where it belongs, so the run can be taken up again in a new Lease, and undone: whether it had passed its smoke test
nobody knows any more.
"""

from __future__ import annotations

from collections.abc import Callable

from springtide import labels
from springtide.capacity.combine import requested
from springtide.errors import Fenced, NotFound, PermanentError, WorkloadFailed
from springtide.kube.client import KubeReader
from springtide.kube.objects import Deployment, Kind, ReplicaSet
from springtide.kube.observation import aside_sets
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.policy.scaling.strategy import BlueGreen
from springtide.recovery.left_alone import aside_of_another_installation, aside_of_released
from springtide.run.lease import Lease, acquire, read_lease
from springtide.run.ownership import is_of_another
from springtide.run.ports import Ports
from springtide.run.state import JournalEntry, JournalStatus, Phase, RunState
from springtide.strategy.model import AsideRecord
from springtide.workload import Workload

IsAlive = Callable[[str], bool]
"""Says whether the run of this id claims to be alive: then it is left alone, however long its Lease does not move."""


def aside_sets_in(kube: KubeReader, namespace: str) -> tuple[ReplicaSet, ...]:
    """Return every ReplicaSet in `namespace` that a run has set aside.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    return tuple(map(ReplicaSet, kube.list(Kind.REPLICA_SET, namespace, selector=labels.ASIDE_OF)))


def claim(ports: Ports, replica_set: ReplicaSet, is_alive: IsAlive) -> Lease | None:
    """Return a Lease of the run that set it aside; None where a Lease tells of it, or the run claims to be alive.

    Raises:
        PermanentError: what stands on it cannot be read (`aside_unreadable`), or its Lease cannot be; another Airflow's
            run set it aside (`other_installation`); or a person has released that run (`aside_released`).
        ClusterUnavailable: as the client says.
    """
    record = _record_of(replica_set)
    lease = read_lease(ports.kube, record.workload)
    if (lease is not None and lease.holder) or is_alive(record.run_id):
        return None
    # The Lease first, then this: whoever ended the run meanwhile gave the Lease free when nothing was aside any more.
    if not _is_still_aside(ports.kube, replica_set, record.workload):
        return None
    if is_of_another(ports.installation, record.installation):
        raise aside_of_another_installation(replica_set, record, ports.installation)
    if lease is not None and lease.state is not None and lease.state.released_by:
        raise aside_of_released(replica_set, lease.state)
    if lease is not None and lease.run_id == record.run_id:
        return _freed(lease, replica_set)
    try:
        return acquire(
            ports.kube, ports.clock, _state(ports, record), lease, least_generation=_stamped(ports, record, replica_set)
        )
    except (Fenced, WorkloadFailed):
        return None  # another was faster


def _is_still_aside(kube: KubeReader, replica_set: ReplicaSet, workload: Workload) -> bool:
    return any(each.uid == replica_set.uid for each in aside_sets(kube, workload))


def _freed(lease: Lease, replica_set: ReplicaSet) -> Lease:
    """Return the Lease that somebody gave free by hand: its journal knows more than what is set aside."""
    if lease.state is None:
        raise PermanentError(
            f"{replica_set.title} is set aside by run {lease.run_id!r}, and Lease {lease.name} holds it in a form that "
            "this springtide cannot read. It is left alone. End the run with the springtide that started it.",
            code="aside_unreadable",
            field=replica_set.name,
        )
    return lease


def _record_of(replica_set: ReplicaSet) -> AsideRecord:
    try:
        record = AsideRecord.from_text(replica_set.annotations.get(labels.ASIDE, "null"))
    except PermanentError as error:
        raise _unreadable(replica_set, f"cannot be read: {error.message}") from error
    # Anybody may write annotations: what stands on one set must not lead to another workload's.
    place = (replica_set.raw["metadata"].get("namespace"), replica_set.labels.get(labels.ASIDE_OF), replica_set.uid)
    if (record.workload.namespace, record.workload.deployment, record.snapshot.stable.uid) != place:
        raise _unreadable(replica_set, f"tells of {record.workload} and another set.")
    return record


def _unreadable(replica_set: ReplicaSet, why: str) -> PermanentError:
    return PermanentError(
        f"{replica_set.title} is set aside of Deployment {replica_set.labels.get(labels.ASIDE_OF)}, and its annotation "
        f"{labels.ASIDE} {why} It is left alone. See which pods the Service selects; then give it the labels of its "
        "template back, or delete it.",
        code="aside_unreadable",
        field=replica_set.name,
    )


def _stamped(ports: Ports, record: AsideRecord, replica_set: ReplicaSet) -> int:
    """Return the highest generation that stands on what the run wrote: the Lease that knew it may be gone."""
    kube = ports.kube
    stamps = [replica_set.generation_stamp]
    try:
        raw = kube.get(Kind.DEPLOYMENT, record.workload.namespace, record.workload.deployment)
    except NotFound:
        return stamps[0]
    return max(*stamps, Deployment(raw).generation_stamp)


def _state(ports: Ports, record: AsideRecord) -> RunState:
    now = ports.clock.now()
    plan = ScalingPlan(
        policy=record.workload.deployment,
        target=record.workload,
        strategy="blue_green",
        current=record.snapshot.replicas,
        replicas=record.replicas,
        outcome=PlanOutcome.SCALE,
        estimate=requested(record.replicas, now=now),
        clamps=(),
        decided_at=now,
        reason="taken up from the ReplicaSet that is set aside: no Lease tells of the run",
    )
    # Whether it had begun to switch is not known either: a swap that may be under way is ruled out first.
    switching = JournalEntry(phase=Phase.SWITCH_ENDPOINTS, status=JournalStatus.STARTED, at=now, message="not known")
    return RunState(
        run_id=record.run_id,
        plan=plan,
        settings=BlueGreen(),
        smoke=(),
        snapshot=record.snapshot,
        requested_by="springtide reconcile",
        reason=plan.reason,
        journal=(switching,),
        installation=record.installation,
    )
