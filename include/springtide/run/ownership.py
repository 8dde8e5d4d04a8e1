"""Whose a Lease is: this run's, another installation's of the same name, or not where the run left it.

Nothing is taken for "nothing to undo" on trust. A run whose Lease is not to be found has ended, or never began, or
somebody deleted the Lease, or the connection leads to another cluster by now. The first two are no news. The others
are, and whoever hears of them can do something.
"""

from __future__ import annotations

from typing import Final

from springtide import labels
from springtide.errors import Fenced, OtherCluster, PermanentError, SpringtideError
from springtide.kube.cluster import ClusterIdentity, difference, identify
from springtide.kube.observation import aside_sets
from springtide.kube.workloads import find_workload
from springtide.record.model import PhaseStatus
from springtide.run.lease import Lease, fenced, read_lease
from springtide.run.phase_table import BEGINNING
from springtide.run.ports import Ports, RunRef
from springtide.workload import Workload

_BACK: Final = (
    "Nothing is changed or undone here: what the run did stands in the other cluster, and so does its Lease. Point the "
    "connection (kubernetes_default in Airflow, else KUBECONFIG; the one that target.cluster names) back to it, and "
    "the reconcile there ends the run."
)


def require_same_cluster(ports: Ports, workload: Workload, run_id: str, before: ClusterIdentity | None) -> None:
    """Return when nothing tells this cluster from the one `before`; None knows of none.

    Raises:
        OtherCluster: a uid is another than it was (`other_cluster`).
        ClusterUnavailable: no answer in time.
    """
    if before is None:
        return
    told = difference(workload, before, identify(ports.kube, workload))
    if told is not None:
        raise OtherCluster(
            f"{workload}: this is not the cluster that run {run_id!r} was planned in: {told}. {_BACK}",
            code="other_cluster",
            field="connection",
        )


def lease_of(ports: Ports, ref: RunRef) -> Lease:
    """Return the Lease that this run holds.

    Raises:
        Fenced: another run holds it, none does, or it is gone.
        OtherCluster: it was looked for in another cluster.
        PermanentError: what stands in it is another version's, or no run.
        ClusterUnavailable: no answer in time.
    """
    lease = read_lease(ports.kube, ref.workload)
    if lease is None or not is_owner(ports, ref.holder, lease):
        raise missing_lease(ports, ref, lease)
    return lease


def is_owner(ports: Ports, holder: str, lease: Lease | None) -> bool:
    """Say whether `lease` is held by the run of this installation that calls itself `holder`.

    Two Airflows give the runs of one moment the same names.

    Raises:
        PermanentError: it is held under this name, and what stands in it cannot be read.
    """
    return (
        lease is not None and lease.holder == holder and not is_of_another(ports.installation, installation_of(lease))
    )


def is_of_another(mine: str, theirs: str) -> bool:
    """Say whether two installations are known, and not one: who is none, as the command line, asks nobody."""
    return bool(mine) and bool(theirs) and mine != theirs


def installation_of(lease: Lease) -> str:
    """Return the installation whose run had the Lease last; "" for none, and where a free one cannot be read.

    Raises:
        PermanentError: it is held, and what stands in it cannot be read.
    """
    state = lease.state
    return state.installation if state is not None else ""


def has_ended(ports: Ports, run_id: str, lease: Lease | None) -> bool:
    """Say whether this run has had `lease` before: it has ended, or whoever took it over ends it."""
    if lease is None:
        return False
    try:
        state = lease.state
    except PermanentError:
        state = None
    if state is None:
        return lease.run_id == run_id
    known = ((state.run_id, state.installation), *((run.run_id, run.installation) for run in state.earlier))
    return any(name == run_id and not is_of_another(ports.installation, theirs) for name, theirs in known)


def require_planned_here(ports: Ports, workload: Workload, run_id: str) -> None:
    """Return when a run that is planned anew has not begun in another cluster, as far as the store of runs knows.

    Raises:
        OtherCluster: it has.
        ClusterUnavailable: no answer in time.
    """
    if not has_begun(ports, run_id):
        return
    planned = (ports.store.get(run_id).plan or {}).get("cluster")
    before = None if planned is None else ClusterIdentity.from_record(planned)
    require_same_cluster(ports, workload, run_id, before)


def missing_lease(ports: Ports, ref: RunRef, lease: Lease | None) -> Fenced:
    """Return what a phase is told that needs the run's Lease, and found `lease` in its place.

    Raises:
        OtherCluster: it looked in another cluster.
        ClusterUnavailable: no answer in time.
    """
    require_same_cluster(ports, ref.workload, ref.run_id, ref.cluster)
    if lease is not None and lease.holder == ref.holder:
        return fenced_by_another_installation(lease, ref.workload)
    if lease is not None or not has_begun(ports, ref.run_id):
        return fenced(lease, ref.workload, ref.holder)
    return Fenced(_gone(ports, ref), code="lease_gone", field=ref.workload.lease_name)


def fenced_by_another_installation(lease: Lease, workload: Workload) -> Fenced:
    """Return the error that tells a run that a run of the same name, of another Airflow, owns the workload."""
    return Fenced(
        f"{workload}: a run of the same name, {lease.holder!r}, owns the workload, and it is of another installation "
        f"({installation_of(lease)}). Let one Airflow scale this workload.",
        code="service_busy",
    )


def why_nothing_to_undo(ports: Ports, ref: RunRef, lease: Lease | None) -> str:
    """Return why a run that holds no Lease has nothing to undo: it has ended, never began, or its workload is gone.

    Raises:
        OtherCluster: it was looked for in another cluster.
        PermanentError: somebody deleted its Lease, and with it what could be restored (`lease_gone`).
        ClusterUnavailable: no answer in time.
    """
    require_same_cluster(ports, ref.workload, ref.run_id, ref.cluster)
    if lease is None and is_lease_deleted(ports, ref):
        raise PermanentError(_gone(ports, ref), code="lease_gone", field=ref.workload.lease_name)
    if lease is None and has_begun(ports, ref.run_id):
        return _gone(ports, ref)
    return "this run owns nothing, so there is nothing to undo"


def is_lease_deleted(ports: Ports, ref: RunRef) -> bool:
    """Say whether the run began on a workload of which something is still there: its Lease was deleted then."""
    scaled = find_workload(ports.kube, ref.workload)
    if scaled is not None and scaled.annotations.get(labels.RUN) == ref.run_id:
        return True
    is_there = scaled is not None or bool(aside_sets(ports.kube, ref.workload))
    return is_there and has_begun(ports, ref.run_id)


def has_begun(ports: Ports, run_id: str) -> bool:
    """Say whether the store of runs knows that the run had written to the cluster; it may have forgotten."""
    try:
        phases = ports.store.get(run_id).phases
    except SpringtideError:
        return False
    return any(phase.phase in BEGINNING and phase.status is PhaseStatus.SUCCEEDED for phase in phases)


def _gone(ports: Ports, ref: RunRef) -> str:
    gone = f"{ref.workload}: Lease {ref.workload.lease_name} is gone: somebody deleted it while run {ref.run_id!r} was"
    if find_workload(ports.kube, ref.workload) is None:
        aside = [replica_set.title for replica_set in aside_sets(ports.kube, ref.workload)]
        left = f"{', '.join(aside)} still stands, set aside: look at its pods, then delete it."
        left = left if aside else "There is nothing left to undo."
        return f"{gone} under way, and {ref.workload.title} with it. {left}"
    pods = f"which pods Service {ref.workload.service} selects" if ref.workload.service else "at its pods"
    return (
        f"{gone} under way, and with it what could be restored. `springtide reconcile` undoes what a ReplicaSet tells "
        f"that is set aside; else look {pods}, and scale by hand."
    )
