"""The scheduler, and the controller that counts quotas."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.sandbox import quota
from springtide.sandbox.controllers.nodes import Rooms, needs_of
from springtide.sandbox.controllers.preemption import Preemption
from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating
from springtide.sandbox.priority import priority_of
from springtide.sandbox.store import Change


class Scheduler(Controller):
    """Places pods on nodes as long as their requests fit, on the node with the fewest first.

    A node that is added takes the pods that wait. Where none has room, pods of lower priority are ended to make some.
    """

    watches = ("pods", "nodes")

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._rooms = Rooms()
        self._preemption = Preemption(core, self._rooms)
        self._waiting: dict[Ref, None] = {}

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return a pod without a node, and those that wait for room when a pod went or a node changed."""
        ref = change.ref
        if ref.resource == "nodes":
            self._rooms.follow(change.object, is_gone=change.type == "DELETED")
            yield from list(self._waiting)
            return
        pod = change.object
        ended = change.type == "DELETED" or pod["status"].get("phase") in {"Succeeded", "Failed"}
        # the room of an ended pod is free for others, even while its object is still there
        if ended and self._rooms.release(ref):
            yield from list(self._waiting)
        if ended:
            self._waiting.pop(ref, None)
        elif not pod["spec"].get("nodeName"):
            yield ref

    def reconcile(self, ref: Ref) -> None:
        """Place one pod, or say why not."""
        pod = self.store.get(ref)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            return
        node = self._rooms.take(ref, needs_of(pod), priority_of(pod))
        if not isinstance(node, str):
            self._refuse(ref, pod, node)
            return
        self._waiting.pop(ref, None)
        status = {key: value for key, value in pod["status"].items() if key != "nominatedNodeName"}
        status["conditions"] = [_scheduled("True", self.core.stamp())]
        self.store.put(ref, {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status})

    def _refuse(self, ref: Ref, pod: Json, short: list[str]) -> None:
        self._waiting[ref] = None
        nodes = len(self._rooms)
        message = f"0/{nodes} nodes are available: {', '.join(short)}."
        nominated = self._preemption.nominate(ref, pod)
        if not nominated:
            message += (
                f" no new claims to deallocate, preemption: 0/{nodes} nodes are available: {nodes} No preemption "
                "victims found for incoming pod."
            )
        why = {"reason": "Unschedulable", "message": message}
        before = pod["status"].get("conditions", [])
        # the same refusal again is no news: a pod that waits for long would fill the events
        if not before or before[0].get("message") != message:
            since = before[0]["lastTransitionTime"] if before else self.core.stamp()
            condition = {**_scheduled("False", since), **why}
            told: Json = {"nominatedNodeName": nominated} if nominated else {}
            self.store.put(ref, {**pod, "status": {**pod["status"], **told, "conditions": [condition]}})
            self.core.event(pod, "Warning", "FailedScheduling", message)


def _scheduled(status: str, now: str) -> Json:
    return {"type": "PodScheduled", "status": status, "lastProbeTime": None, "lastTransitionTime": now}


class QuotaController(Controller):
    """Keeps `status.used` of every ResourceQuota."""

    watches = ("resourcequotas", "pods", "deployments", "services", "configmaps", "replicasets")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the quotas of the namespace, when the number of objects changed or a quota did."""
        ref = change.ref
        if ref.resource == "resourcequotas":
            if change.type != "DELETED":
                yield ref
        elif change.type != "MODIFIED":
            for each in self.store.select("resourcequotas", ref.namespace):
                yield KINDS["resourcequotas"].ref(each)

    def reconcile(self, ref: Ref) -> None:
        """Count again."""
        limited = self.store.get(ref)
        if limited is not None:
            self.writes.set_status(ref, quota.status(self.store, limited))
