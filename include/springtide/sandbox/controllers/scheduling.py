"""The scheduler of a cluster with one node, and the controller that counts quotas."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from springtide.sandbox import quota
from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating
from springtide.sandbox.resources import parse, pod_resources
from springtide.sandbox.store import Change

NODE = "sandbox"


class Scheduler(Controller):
    """Places pods on the node as long as their requests fit."""

    watches = ("pods",)

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        settings = core.settings
        self._room = {"cpu": parse(settings.node_cpu), "memory": parse(settings.node_memory)}
        self._places = settings.node_pods
        self._placed: dict[Ref, dict[str, Decimal]] = {}
        self._waiting: dict[Ref, None] = {}

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return a pod without a node, and those that wait for room when a pod went."""
        ref = change.ref
        pod = change.object
        ended = change.type == "DELETED" or pod["status"].get("phase") in {"Succeeded", "Failed"}
        # the room of an ended pod is free for others, even while its object is still there
        if ended and ref in self._placed:
            for name, amount in self._placed.pop(ref).items():
                self._room[name] += amount
            self._places += 1
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
        wanted = pod_resources(pod["spec"], "requests")
        needs = {name: wanted.get(name, Decimal(0)) for name in self._room}
        short = [f"Insufficient {name}" for name in sorted(needs) if needs[name] > self._room[name]]
        if self._places <= 0:
            short.append("Too many pods")
        if short:
            self._refuse(ref, pod, short)
            return
        self._waiting.pop(ref, None)
        self._placed[ref] = needs
        self._places -= 1
        for name, amount in needs.items():
            self._room[name] -= amount
        status = {**pod["status"], "conditions": [_scheduled("True", self.core.stamp())]}
        self.store.put(ref, {**pod, "spec": {**pod["spec"], "nodeName": NODE}, "status": status})

    def _refuse(self, ref: Ref, pod: Json, short: list[str]) -> None:
        self._waiting[ref] = None
        message = (
            f"0/1 nodes are available: 1 {', 1 '.join(short)}. no new claims to deallocate, preemption: "
            "0/1 nodes are available: 1 No preemption victims found for incoming pod."
        )
        why = {"reason": "Unschedulable", "message": message}
        before = pod["status"].get("conditions", [])
        # the same refusal again is no news: a pod that waits for long would fill the events
        if not before or before[0].get("message") != message:
            condition = {**_scheduled("False", self.core.stamp()), **why}
            self.store.put(ref, {**pod, "status": {**pod["status"], "conditions": [condition]}})
            self.core.event(pod, "Warning", "FailedScheduling", message)


def _scheduled(status: str, now: str) -> Json:
    return {"type": "PodScheduled", "status": status, "lastProbeTime": None, "lastTransitionTime": now}


def node_object(core: Core) -> Json:
    """Return the cluster's one node."""
    settings = core.settings
    room = {"cpu": settings.node_cpu, "memory": settings.node_memory, "pods": str(settings.node_pods)}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    return {
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        "spec": {},
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [{**ready, "lastTransitionTime": core.stamp(), "lastHeartbeatTime": core.stamp()}],
            "addresses": [{"type": "InternalIP", "address": core.network.node}],
        },
    }


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
