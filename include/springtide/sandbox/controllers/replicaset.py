"""The ReplicaSet controller: creates and deletes pods until there are as many as wanted.

A port of pkg/controller/replicaset and of controller_utils.go's pod ranking, Kubernetes 1.34.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cmp_to_key

from springtide.sandbox.controllers import conditions
from springtide.sandbox.controllers.counts import wanted
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import (
    Json,
    Ref,
    annotations_of,
    condition,
    controller_of,
    is_terminating,
    is_true,
    labels_of,
    owner_reference,
    parse_stamp,
    with_metadata,
)
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

_PODS = KINDS["pods"]
_BURST = 500
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSetController(Controller):
    """Brings the number of a ReplicaSet's pods to what it wants."""

    watches = ("replicasets", "pods")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the ReplicaSet itself, or that of a pod."""
        if change.ref.resource == "replicasets":
            yield change.ref
            return
        for pod in (change.object, change.previous or change.object):
            owner = controller_of(pod)
            if owner and owner["kind"] == "ReplicaSet":
                yield Ref("replicasets", change.ref.namespace, owner["name"])

    def reconcile(self, ref: Ref) -> None:
        """One sync of a ReplicaSet."""
        one = self.store.get(ref)
        if one is None:
            return
        pods = self._claimed(one)
        failure: ApiError | None = None
        if not is_terminating(one):
            try:
                self._resize(one, pods)
            except ApiError as error:
                failure = error
        self._report(ref, one, pods, failure)
        if failure is not None:
            self.retry(ref)
        else:
            self.succeeded(ref)

    def _claimed(self, one: Json) -> list[Json]:
        """Return the active pods of a ReplicaSet, after adopting matching ones that nobody owns."""
        matches = label_selector(one["spec"]["selector"])
        uid = one["metadata"]["uid"]
        found: list[Json] = []
        for pod in self.store.select("pods", one["metadata"]["namespace"]):
            if is_terminating(pod) or pod["status"].get("phase") in {"Succeeded", "Failed"}:
                continue
            owner = controller_of(pod)
            if owner is not None and owner["uid"] == uid:
                found.append(pod if matches(labels_of(pod)) else self._released(pod, uid))
            elif owner is None and matches(labels_of(pod)) and not is_terminating(one):
                owners = [*pod["metadata"].get("ownerReferences", ()), owner_reference(one)]
                found.append(self.store.put(_PODS.ref(pod), with_metadata(pod, ownerReferences=owners)))
        return [pod for pod in found if (controller_of(pod) or {}).get("uid") == uid]

    def _released(self, pod: Json, uid: str) -> Json:
        owners = [owner for owner in pod["metadata"]["ownerReferences"] if owner["uid"] != uid]
        return self.store.put(_PODS.ref(pod), with_metadata(pod, ownerReferences=owners or None))

    def _resize(self, one: Json, pods: list[Json]) -> None:
        missing = wanted(one) - len(pods)
        for _ in range(min(missing, _BURST)):
            self._create(one)
        if missing < 0:
            ranked = self._ranked(one, pods) if wanted(one) else pods
            for pod in ranked[: min(-missing, _BURST)]:
                self.writes.delete(_PODS, _PODS.ref(pod))
                message = f"Deleted pod: {pod['metadata']['name']}"
                self.core.event(one, "Normal", "SuccessfulDelete", message)

    def _create(self, one: Json) -> None:
        template = one["spec"]["template"]
        metadata = template.get("metadata", {})
        name = one["metadata"]["name"]
        body = {
            "metadata": {
                "generateName": f"{name}-",
                **{key: metadata[key] for key in ("labels", "annotations", "finalizers") if metadata.get(key)},
                "ownerReferences": [owner_reference(one)],
            },
            "spec": template["spec"],
        }
        try:
            pod = self.writes.create(_PODS, body, one["metadata"]["namespace"])
        except ApiError as error:
            self.core.event(one, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.core.event(one, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _report(self, ref: Ref, one: Json, pods: list[Json], failure: ApiError | None) -> None:
        template = one["spec"]["template"]
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        least = one["spec"].get("minReadySeconds", 0)
        waits = [self._until_available(pod, least) for pod in ready]
        found = {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(fully_labelled(pod, template) for pod in pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait <= 0 for wait in waits),
            "observedGeneration": one["metadata"]["generation"],
        }
        status: Json = {key: value for key, value in found.items() if value or key == "replicas"}
        before = one.get("status", {}).get("conditions", [])
        kept = self._failure_condition(before, failure, missing=wanted(one) > len(pods))
        if kept:
            status["conditions"] = kept
        self.writes.set_status(ref, status)
        later = [wait for wait in waits if wait > 0]
        if later:
            self.enqueue(ref, min(later))

    def _failure_condition(self, before: list[Json], failure: ApiError | None, *, missing: bool) -> list[Json]:
        if failure is None:
            return conditions.drop(before, "ReplicaFailure")
        if conditions.find(before, "ReplicaFailure"):
            return before
        return [
            *before,
            {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": self.core.stamp(),
                "reason": "FailedCreate" if missing else "FailedDelete",
                "message": str(failure),
            },
        ]

    def _until_available(self, pod: Json, least: int) -> float:
        """Return the seconds until a ready pod counts as available."""
        if not least:
            return 0.0
        since = (condition(pod, "Ready") or {})["lastTransitionTime"]
        return (parse_stamp(since) + timedelta(seconds=least) - self.core.now()).total_seconds()

    def _ranked(self, one: Json, pods: list[Json]) -> list[Json]:
        """Return the pods in the order in which they should go."""
        related = self._related(one)
        return sorted(pods, key=cmp_to_key(_order(self.core.now(), related)))

    def _related(self, one: Json) -> dict[str, int]:
        """Return how many active pods of the same owner each node has."""
        owner = controller_of(one)
        uids = {one["metadata"]["uid"]}
        if owner:
            siblings = self.store.select("replicasets", one["metadata"]["namespace"])
            uids |= {s["metadata"]["uid"] for s in siblings if (controller_of(s) or {}).get("uid") == owner["uid"]}
        counts: dict[str, int] = {}
        for pod in self.store.select("pods", one["metadata"]["namespace"]):
            if (controller_of(pod) or {}).get("uid") in uids and not is_terminating(pod):
                node = pod["spec"].get("nodeName", "")
                counts[node] = counts.get(node, 0) + 1
        return counts


def _order(now: datetime, on_node: dict[str, int]) -> Callable[[Json, Json], int]:
    """Return upstream's ActivePodsWithRanks.Less as a comparison: what is smaller goes first."""

    def fixed(pod: Json) -> tuple[bool, int, bool, int, int]:
        node = pod["spec"].get("nodeName", "")
        cost = int(annotations_of(pod).get(_COST, "0"))
        return bool(node), _PHASES.get(pod["status"]["phase"], 0), is_true(pod, "Ready"), cost, -on_node.get(node, 0)

    def compare(left: Json, right: Json) -> int:
        mine, yours = fixed(left), fixed(right)
        if mine != yours:
            return -1 if mine < yours else 1
        if is_true(left, "Ready") and (by_age := _by_age(left, right, _ready_since, now)):
            return by_age
        if _restarts(left) != _restarts(right):
            return -1 if _restarts(left) > _restarts(right) else 1
        return _by_age(left, right, _created, now)

    return compare


def _ready_since(pod: Json) -> datetime:
    return parse_stamp((condition(pod, "Ready") or {})["lastTransitionTime"])


def _created(pod: Json) -> datetime:
    return parse_stamp(pod["metadata"]["creationTimestamp"])


def _restarts(pod: Json) -> int:
    return max((one.get("restartCount", 0) for one in pod["status"].get("containerStatuses", ())), default=0)


def _by_age(left: Json, right: Json, when: Callable[[Json], datetime], now: datetime) -> int:
    """Younger first, on a logarithmic scale; the uid decides among pods of about the same age."""
    if when(left) == when(right):
        return 0
    mine, yours = (_magnitude(now - when(pod)) for pod in (left, right))
    if mine == yours:
        return -1 if left["metadata"]["uid"] < right["metadata"]["uid"] else 1
    return mine - yours


def _magnitude(age: timedelta) -> int:
    nanoseconds = age.total_seconds() * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def fully_labelled(pod: Json, template: Json) -> bool:
    """Return whether a pod has every label of a template."""
    labels = labels_of(pod)
    return all(labels.get(key) == value for key, value in (template.get("metadata", {}).get("labels") or {}).items())
