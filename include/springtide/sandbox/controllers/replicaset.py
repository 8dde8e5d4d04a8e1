"""The ReplicaSet controller: creates and deletes pods until there are as many as wanted.

Behaves as Kubernetes 1.34: written from its documented behaviour and from what a real cluster did.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from springtide.sandbox.controllers import claims, conditions
from springtide.sandbox.controllers.counts import wanted
from springtide.sandbox.controllers.ranking import by_loss
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import (
    Json,
    Ref,
    condition,
    controller_of,
    is_terminating,
    is_true,
    labels_of,
    owner_reference,
    parse_stamp,
)
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

_PODS = KINDS["pods"]
_SETS = KINDS["replicasets"]
_AT_ONCE = 500  # pods that one sync creates or deletes at most


class ReplicaSetController(Controller):
    """Brings the number of a ReplicaSet's pods to what it wants."""

    watches = ("replicasets", "pods")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the ReplicaSet itself, or that of a pod, also when the pod has just left it."""
        if change.ref.resource == "replicasets":
            yield change.ref
            return
        owner = controller_of(change.object)
        for each in (owner, claims.was_let_go(change)):
            if each is not None and each["kind"] == "ReplicaSet":
                yield Ref("replicasets", change.ref.namespace, each["name"])
        if owner is None:
            yield from self._selecting(change.object)

    def _selecting(self, pod: Json) -> Iterable[Ref]:
        """Return the ReplicaSets that might adopt a pod that nobody controls."""
        for replica_set in self.store.select("replicasets", pod["metadata"]["namespace"]):
            if label_selector(replica_set["spec"]["selector"])(labels_of(pod)):
                yield _SETS.ref(replica_set)

    def reconcile(self, ref: Ref) -> None:
        """One sync of a ReplicaSet."""
        replica_set = self.store.get(ref)
        if replica_set is None:
            return
        pods = self._claimed(replica_set)
        failure = None if is_terminating(replica_set) else self._resize(replica_set, pods)
        # the pods as they were: what was just created or deleted is counted at the next sync
        self._report(replica_set, pods, failure)
        if failure is None:
            self.succeeded(ref)
        else:
            self.retry(ref)

    def _claimed(self, replica_set: Json) -> list[Json]:
        """Return the active pods of a ReplicaSet, after those that came to it or left it by their labels."""
        pods = self.store.select("pods", replica_set["metadata"]["namespace"])
        return claims.claimed(self.store, _PODS, replica_set, filter(_is_active, pods))

    def _resize(self, replica_set: Json, pods: list[Json]) -> ApiError | None:
        """Create what is missing or delete what is too much; return what the API refused."""
        missing = wanted(replica_set) - len(pods)
        try:
            for _ in range(min(missing, _AT_ONCE)):
                self._create(replica_set)
            if missing < 0:
                self._delete(replica_set, pods, min(-missing, _AT_ONCE))
        except ApiError as error:
            return error
        return None

    def _create(self, replica_set: Json) -> None:
        template = replica_set["spec"]["template"]
        given = template.get("metadata", {})
        metadata = {
            "generateName": f"{replica_set['metadata']['name']}-",
            **{key: given[key] for key in ("labels", "annotations", "finalizers") if given.get(key)},
            "ownerReferences": [owner_reference(replica_set)],
        }
        body = {"metadata": metadata, "spec": template["spec"]}
        try:
            pod = self.writes.create(_PODS, body, replica_set["metadata"]["namespace"])
        except ApiError as error:
            self.core.event(replica_set, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.core.event(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _delete(self, replica_set: Json, pods: list[Json], count: int) -> None:
        leaving = pods
        if wanted(replica_set):  # when all of them go, the order is nobody's matter
            leaving = by_loss(pods, self._neighbours(replica_set), self.core.now())
        for pod in leaving[:count]:
            self.writes.delete(_PODS, _PODS.ref(pod))
            self.core.event(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _neighbours(self, replica_set: Json) -> Iterable[Json]:
        """Return the pods that are not going of all ReplicaSets of the same owner; without an owner, none."""
        namespace = replica_set["metadata"]["namespace"]
        owner = _owner_uid(replica_set)
        if not owner:
            return ()
        siblings = self.store.select("replicasets", namespace)
        sets = {each["metadata"]["uid"] for each in siblings if _owner_uid(each) == owner}
        pods = self.store.select("pods", namespace)
        return (pod for pod in pods if _owner_uid(pod) in sets and not is_terminating(pod))

    def _report(self, replica_set: Json, pods: list[Json], failure: ApiError | None) -> None:
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        waits = [self._until_available(pod, replica_set) for pod in ready]
        counted = {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(_is_fully_labelled(pod, replica_set) for pod in pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait <= 0 for wait in waits),
            "observedGeneration": replica_set["metadata"]["generation"],
        }
        status: Json = {field: number for field, number in counted.items() if number or field == "replicas"}
        known = self._with_failure(conditions.of(replica_set), failure, missing=wanted(replica_set) > len(pods))
        if known:
            status["conditions"] = known
        ref = _SETS.ref(replica_set)
        self.writes.set_status(ref, status)
        later = [wait for wait in waits if wait > 0]
        if later:
            self.enqueue(ref, min(later))

    def _with_failure(self, known: list[Json], failure: ApiError | None, *, missing: bool) -> list[Json]:
        if failure is None:
            return conditions.drop(known, "ReplicaFailure")
        if conditions.find(known, "ReplicaFailure"):
            return known  # the first refusal stays: since when, and why
        condition = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": self.core.stamp(),
            "reason": "FailedCreate" if missing else "FailedDelete",
            "message": str(failure),
        }
        return [*known, condition]

    def _until_available(self, pod: Json, replica_set: Json) -> float:
        """Return the seconds until a ready pod counts as available."""
        min_ready = replica_set["spec"].get("minReadySeconds", 0)
        if not min_ready:
            return 0.0
        since = (condition(pod, "Ready") or {})["lastTransitionTime"]
        return (parse_stamp(since) + timedelta(seconds=min_ready) - self.core.now()).total_seconds()


def _is_active(pod: Json) -> bool:
    return not is_terminating(pod) and pod["status"].get("phase") not in {"Succeeded", "Failed"}


def _owner_uid(obj: Json) -> str:
    uid: str = (controller_of(obj) or {}).get("uid", "")
    return uid


def _is_fully_labelled(pod: Json, replica_set: Json) -> bool:
    labels = replica_set["spec"]["template"].get("metadata", {}).get("labels") or {}
    return bool(labels.items() <= labels_of(pod).items())
