"""The StatefulSet controller: pods with ordinals, made from the lowest on and taken away from the highest on.

Behaves as Kubernetes 1.34, by its documented behaviour. Volume claims are left out, and so is `maxUnavailable`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

from springtide.sandbox.controllers.counts import wanted
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import (
    Json,
    Ref,
    condition,
    controller_of,
    dump,
    is_terminating,
    is_true,
    labels_of,
    owner_reference,
    parse_stamp,
)
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

REVISION_LABEL = "controller-revision-hash"
_PODS = KINDS["pods"]
_SETS = KINDS["statefulsets"]


class StatefulSetController(Controller):
    """Brings a StatefulSet's pods to what its spec says, with `OrderedReady` one at a time."""

    watches = ("statefulsets", "pods")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the StatefulSet itself, or that of a pod."""
        if change.ref.resource == "statefulsets":
            yield change.ref
            return
        owner = controller_of(change.object)
        if owner is not None and owner["kind"] == "StatefulSet":
            yield Ref("statefulsets", change.ref.namespace, owner["name"])

    def reconcile(self, ref: Ref) -> None:
        """One sync of a StatefulSet."""
        owner = self.store.get(ref)
        if owner is None:
            return
        pods = self._pods(owner)
        try:
            if not is_terminating(owner):
                self._sync(owner, pods)
        except ApiError as error:
            self.core.event(owner, "Warning", "FailedCreate", f"create Pod failed: {error}")
            self.retry(ref)
        else:
            self.succeeded(ref)
        self._report(ref, owner)

    def _pods(self, owner: Json) -> dict[int, Json]:
        """Return its pods by their ordinals."""
        uid = owner["metadata"]["uid"]
        pods = self.store.select("pods", owner["metadata"]["namespace"])
        mine = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid]
        return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in mine}

    def _sync(self, owner: Json, pods: dict[int, Json]) -> None:
        is_ordered = owner["spec"]["podManagementPolicy"] == "OrderedReady"
        first = (owner["spec"].get("ordinals") or {}).get("start", 0)
        kept = range(first, first + wanted(owner))
        if not self._is_filled(owner, pods, kept, is_ordered=is_ordered):
            return
        condemned = sorted((number for number in pods if number not in kept), reverse=True)
        if condemned:
            going = condemned[:1] if is_ordered else condemned
            for number in going:
                self._delete(owner, pods[number])
            return
        self._update(owner, pods, kept)

    def _is_filled(self, owner: Json, pods: dict[int, Json], kept: Iterable[int], *, is_ordered: bool) -> bool:
        """Create what is missing; False when the order has to wait for one of them."""
        for number in kept:
            pod = pods.get(number)
            if pod is None:
                self._create(owner, number)
            elif pod["status"].get("phase") in {"Succeeded", "Failed"}:
                self._delete(owner, pod)
            elif not is_terminating(pod) and self._until_available(owner, pod) == 0:
                continue
            if is_ordered:
                return False
        return True

    def _update(self, owner: Json, pods: dict[int, Json], kept: range) -> None:
        """Replace one pod of another revision, the highest first, once all above it are ready."""
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        lowest = kept.start + strategy["rollingUpdate"]["partition"]
        for number in reversed([each for each in kept if each >= lowest]):
            pod = pods.get(number)
            if pod is None or is_terminating(pod):
                return
            if labels_of(pod).get(REVISION_LABEL) != revision(owner):
                self._delete(owner, pod)
                return
            if self._until_available(owner, pod):
                return

    def _create(self, owner: Json, number: int) -> None:
        template = owner["spec"]["template"]
        given = template.get("metadata", {})
        name = f"{owner['metadata']['name']}-{number}"
        first = (owner["spec"].get("ordinals") or {}).get("start", 0)
        updated = number - first >= (owner["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("partition", 0)
        own = {
            REVISION_LABEL: revision(owner) if updated else self._current(owner),
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        metadata = {
            "name": name,
            "labels": {**given.get("labels", {}), **own},
            **({"annotations": given["annotations"]} if given.get("annotations") else {}),
            "ownerReferences": [owner_reference(owner)],
        }
        spec = {**template["spec"], "hostname": name, "subdomain": owner["spec"]["serviceName"]}
        self.writes.create(_PODS, {"metadata": metadata, "spec": spec}, owner["metadata"]["namespace"])
        self.core.event(owner, "Normal", "SuccessfulCreate", f"create Pod {name} successful")

    def _delete(self, owner: Json, pod: Json) -> None:
        if not is_terminating(pod):
            self.writes.delete(_PODS, _PODS.ref(pod))
            name = pod["metadata"]["name"]
            self.core.event(owner, "Normal", "SuccessfulDelete", f"delete Pod {name} successful")

    def _current(self, owner: Json) -> str:
        return str(owner.get("status", {}).get("currentRevision") or revision(owner))

    def _report(self, ref: Ref, owner: Json) -> None:
        pods = list(self._pods(owner).values())
        staying = [pod for pod in pods if not is_terminating(pod)]
        ready = [pod for pod in staying if is_true(pod, "Ready")]
        waits = [self._until_available(owner, pod) for pod in ready]
        target = revision(owner)
        updated = sum(labels_of(pod).get(REVISION_LABEL) == target for pod in staying)
        current = target if updated == len(pods) == wanted(owner) else self._current(owner)
        self.writes.set_status(
            ref,
            {
                "observedGeneration": owner["metadata"]["generation"],
                "replicas": len(pods),
                "readyReplicas": len(ready),
                "availableReplicas": sum(wait == 0 for wait in waits),
                "updatedReplicas": updated,
                "currentReplicas": sum(labels_of(pod).get(REVISION_LABEL) == current for pod in staying),
                "currentRevision": current,
                "updateRevision": target,
                "collisionCount": 0,
            },
        )
        later = [wait for wait in waits if wait > 0]
        if later:
            self.enqueue(ref, min(later))

    def _until_available(self, owner: Json, pod: Json) -> float:
        """Return the seconds until a pod counts as available; at least one for a pod that is not ready."""
        if not is_true(pod, "Ready"):
            return 1.0
        since = (condition(pod, "Ready") or {})["lastTransitionTime"]
        waits = timedelta(seconds=owner["spec"].get("minReadySeconds", 0))
        if not waits:
            return 0.0
        return max(0.0, (parse_stamp(since) + waits - self.core.now()).total_seconds())


def revision(owner: Json) -> str:
    """Return the revision of the present template."""
    digest = sha256(dump(owner["spec"]["template"])).hexdigest()[:10]
    return f"{owner['metadata']['name']}-{digest}"
