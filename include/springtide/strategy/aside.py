"""The stable ReplicaSet that is set aside, the owner's Deployment that makes the new pods, and each single step.

Released from its Deployment, the stable ReplicaSet stands alone: it serves, heals itself, and no rollout touches it.
The Deployment then lacks a ReplicaSet of its template, meets the name of the released one, and makes another of the
same template with another `pod-template-hash`. Both are documented behaviour of the Deployment controller: ReplicaSets
are adopted and released by labels, and a collision of hashes is resolved by counting `status.collisionCount` up.
"""

from __future__ import annotations

from springtide import labels
from springtide.errors import Conflict
from springtide.kube.objects import Deployment, Json, Kind
from springtide.kube.observation import Observation, PodSet, ReplicaSetPods, pods_of
from springtide.plan.owners import REPLICAS
from springtide.strategy.model import AsideRecord, Decision, Delete, Done, Patch, RunOrder, Scale
from springtide.strategy.replicas import who_wrote
from springtide.strategy.shrink import shrink


def stable_set(observation: Observation, order: RunOrder) -> ReplicaSetPods | None:
    """Return the stable set, be it the Deployment's or set aside; None when it is gone.

    Raises:
        Conflict: another run has set a ReplicaSet of this Deployment aside.
    """
    uid = order.snapshot.stable.uid
    foreign = [aside for aside in observation.aside if aside.replica_set.uid != uid]
    if foreign:
        raise Conflict(
            f"{foreign[0].scaled.title} is set aside of Deployment {order.workload.deployment}, and not by this run. "
            "End the run that did it with `springtide reconcile`, then scale again.",
            code="leftover_set",
        )
    owned = [pods_of(each, observation.pods) for each in observation.pod_set.replica_sets]
    present = [each for each in (*observation.aside, *owned, *observation.unowned) if each.replica_set.uid == uid]
    return next((each for each in present if not each.replica_set.is_terminating), None)


def require_aside(observation: Observation, order: RunOrder) -> ReplicaSetPods:
    """Return the stable set while it is set aside.

    Raises:
        Conflict: it is gone, or somebody gave it back to its Deployment.
    """
    stable = stable_set(observation, order)
    if stable is None:
        raise nothing_to_return_to(order)
    if not stable.is_aside:
        raise Conflict(
            f"{stable.scaled.title}: somebody gave it back to Deployment {order.workload.deployment} during the run. "
            "Nothing more is removed.",
            code="workload_replaced",
        )
    return stable


def new_set(observation: Observation, order: RunOrder) -> PodSet:
    """Return the Deployment's pods but those of the stable set."""
    return observation.pod_set.without(order.snapshot.stable.uid)


def nothing_to_return_to(order: RunOrder) -> Conflict:
    """Return the error for a stable set that is gone."""
    return Conflict(
        f"ReplicaSet {order.snapshot.stable.name} is gone: there is no stable set. What serves now is left as it is.",
        code="stable_set_gone",
    )


def require_own_replicas(deployment: Deployment, *allowed: int) -> None:
    """Raise `Conflict` when the Deployment has replicas that this run never sets."""
    if deployment.replicas not in allowed:
        numbers = " or ".join(str(number) for number in sorted(set(allowed)))
        raise Conflict(
            f"{deployment.title}: {who_wrote(deployment, REPLICAS)} set replicas to {deployment.replicas} during the "
            f"run, expected {numbers}. "
            "Let one of the two decide, then scale again.",
            code="replicas_changed",
        )


def set_aside(stable: ReplicaSetPods, order: RunOrder) -> Patch:
    """Return the swap that sets the stable set aside: no label, no owner; and on it how to hand it back."""
    # Every label goes: what tracks objects by one of them and misses their owner would delete it.
    gone: Json = dict.fromkeys(stable.replica_set.labels)
    record = AsideRecord(
        run_id=order.run_id,
        workload=order.workload,
        replicas=order.replicas,
        snapshot=order.snapshot,
        installation=order.installation,
    )
    change = {
        "metadata": {
            "labels": gone | {labels.ASIDE_OF: order.workload.deployment},
            "ownerReferences": None,
            "annotations": {labels.ASIDE: record.to_text()},
        }
    }
    return _change(stable, change, f"set {stable.replica_set.name} aside")


def hand_back(stable: ReplicaSetPods, order: RunOrder) -> Patch:
    """Return the swap after which the Deployment's controller takes the stable set back."""
    own = order.snapshot.stable.labels
    gone: Json = dict.fromkeys(stable.replica_set.labels)
    # A set on which another number stands than the Deployment has is taken for one that was scaled just now: its
    # controller would then shrink both sets in proportion, the one that serves among them.
    annotations = {labels.ASIDE: None, labels.DESIRED_REPLICAS: str(order.snapshot.replicas)}
    change = {"metadata": {"labels": gone | own, "annotations": annotations}}
    return _change(stable, change, f"hand {stable.replica_set.name} back to Deployment {order.workload.deployment}")


def _change(stable: ReplicaSetPods, change: Json, reason: str) -> Patch:
    replica_set = stable.replica_set
    return Patch(
        kind=Kind.REPLICA_SET, name=replica_set.name, version=replica_set.version, change=change, reason=reason
    )


def scale(scaled: PodSet | ReplicaSetPods, replicas: int) -> Scale:
    """Return the step to so many replicas."""
    thing = scaled.scaled
    return Scale(
        kind=thing.kind,
        name=thing.name,
        version=thing.version,
        replicas=replicas,
        reason=f"scale {thing.name} from {thing.replicas} to {replicas} replicas",
    )


def pause(deployment: Deployment) -> Patch:
    """Return the step that keeps the owner's rollouts waiting: under the pin one would take every endpoint away."""
    return _spec(deployment, {"paused": True}, f"pause {deployment.name}")


def resume(deployment: Deployment, *, replicas: int | None = None) -> Patch:
    """Return the step that lets rollouts go on again, with so many replicas where a number is given."""
    change: Json = {"paused": None}
    if replicas is None:
        return _spec(deployment, change, f"resume {deployment.name}")
    return _spec(deployment, change | {"replicas": replicas}, f"let {deployment.name} run with {replicas} replicas")


def _spec(deployment: Deployment, change: Json, reason: str) -> Patch:
    return Patch(
        kind=Kind.DEPLOYMENT,
        name=deployment.name,
        version=deployment.version,
        change={"spec": change},
        reason=reason,
    )


def remove_stable(observation: Observation, order: RunOrder, stable: ReplicaSetPods) -> Decision:
    """Shrink the stable set, which no endpoint shows any more, to nothing; then delete it."""
    shrunk = shrink(observation, stable, order, to=0, keep_ready=order.floor)
    return delete(stable, "it has no pods left") if isinstance(shrunk, Done) else shrunk


def delete(pods: ReplicaSetPods, why: str) -> Delete:
    """Return the step that deletes a set without pods."""
    replica_set = pods.replica_set
    return Delete(
        kind=Kind.REPLICA_SET,
        name=replica_set.name,
        version=replica_set.version,
        reason=f"delete {replica_set.name}: {why}",
    )
