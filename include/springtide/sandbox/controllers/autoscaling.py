"""The HorizontalPodAutoscaler, which owns the replicas of a Deployment, a StatefulSet or a Rollout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, with_metadata
from springtide.sandbox.ownership import managed_fields
from springtide.sandbox.store import Change

WANTED: Final = "sandbox.springtide.dev/wanted"
"""Annotation on an HPA: the replicas that its metrics ask for. Without it there are no metrics."""

_TARGETS: Final = {kind.kind: kind for kind in (KINDS["deployments"], KINDS["statefulsets"], KINDS["rollouts"])}
_SYNC_SECONDS = 15.0
_STABILIZATION_SECONDS = 300.0
# the default behavior: the larger of both is how far one sync scales up
_TIMES_A_SYNC = 2
_MORE_A_SYNC = 4


class HorizontalAutoscaler(Controller):
    """Keeps a Deployment between `minReplicas` and `maxReplicas`, and at what the annotation `WANTED` says.

    As in a real cluster, a change of the HPA is seen at its next sync, at most 15 s later; a Deployment scaled to 0 is
    left alone; without metrics the bounds still hold; replicas go up to twice as many or by 4 at each sync, and down
    only to the highest number that the metrics wanted within the stabilization window, whatever the bounds were
    meanwhile.
    """

    watches = ("horizontalpodautoscalers",)

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._wanted: dict[Ref, list[tuple[float, int]]] = {}

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return a new autoscaler; known ones come back by themselves."""
        if change.type == "ADDED":
            yield change.ref
        elif change.type == "DELETED":
            self._wanted.pop(change.ref, None)

    def reconcile(self, ref: Ref) -> None:
        """One sync."""
        autoscaler = self.store.get(ref)
        if autoscaler is None:
            return
        self.enqueue(ref, _SYNC_SECONDS)
        reference = autoscaler["spec"]["scaleTargetRef"]
        kind = _TARGETS.get(reference.get("kind"), KINDS["deployments"])
        target = Ref(kind.plural, ref.namespace, reference["name"])
        deployment = self.store.get(target)
        now = self.core.stamp()
        if deployment is None:
            missing = f'{kind.plural}.{kind.group} "{target.name}" not found'
            message = f"the HPA controller was unable to get the target's current scale: {missing}"
            self._report(ref, {}, [_condition("AbleToScale", "False", "FailedGetScale", message, now)])
            return
        has = deployment["spec"].get("replicas", 0)
        wanted, why = self._decide(ref, autoscaler, has)
        if wanted != has:
            self._scale(target, deployment, wanted)
            self.core.event(autoscaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
        message = "the HPA controller was able to get the target's current scale"
        able = _condition("AbleToScale", "True", "SucceededGetScale", message, now)
        counts = {"currentReplicas": deployment["status"].get("replicas", 0), "desiredReplicas": wanted}
        self._report(ref, counts, [able, _active(has=has, now=now)])

    def _decide(self, ref: Ref, autoscaler: Json, has: int) -> tuple[int, str]:
        """Return the replicas and the reason for them, as the autoscaler's events name it."""
        spec = autoscaler["spec"]
        low = spec["minReplicas"]
        high = spec["maxReplicas"]
        if not has:
            return 0, ""
        if has > high:
            return high, "Current number of replicas above Spec.MaxReplicas"
        if has < low:
            return low, "Current number of replicas below Spec.MinReplicas"
        asked = (autoscaler["metadata"].get("annotations") or {}).get(WANTED)
        if asked is None:
            return has, ""
        wanted = int(asked)
        stable = max(low, self._stabilized(ref, autoscaler, wanted))
        if stable < has:
            return stable, "All metrics below target"
        upmost = min(high, max(_TIMES_A_SYNC * has, has + _MORE_A_SYNC))
        return max(has, min(upmost, wanted)), "external metric above target"

    def _stabilized(self, ref: Ref, autoscaler: Json, wanted: int) -> int:
        behavior = (autoscaler["spec"].get("behavior") or {}).get("scaleDown") or {}
        window = behavior.get("stabilizationWindowSeconds", _STABILIZATION_SECONDS)
        now = self.core.timeline.elapsed
        recent = [(at, number) for at, number in self._wanted.get(ref, ()) if at > now - window]
        self._wanted[ref] = [*recent, (now, wanted)]
        return max(number for _, number in self._wanted[ref])

    def _scale(self, target: Ref, deployment: Json, wanted: int) -> None:
        changed = {**deployment, "spec": {**deployment["spec"], "replicas": wanted}}
        entry = {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": deployment["apiVersion"],
            "subresource": "scale",
        }
        generation = deployment["metadata"]["generation"] + 1
        fields = managed_fields(deployment, changed, entry)
        self.store.put(target, with_metadata(changed, generation=generation, managedFields=fields))

    def _report(self, ref: Ref, counts: Json, new: list[Json]) -> None:
        autoscaler = self.store.get(ref)
        if autoscaler is not None:
            before = {known["type"]: known for known in autoscaler["status"].get("conditions", ())}
            conditions = [_unchanged(before.get(condition["type"]), condition) for condition in new]
            self.store.put(ref, {**autoscaler, "status": {**counts, "conditions": conditions}})


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}


def _unchanged(before: Json | None, new: Json) -> Json:
    if before is None or before["status"] != new["status"]:
        return new
    return {**new, "lastTransitionTime": before["lastTransitionTime"]}


def _active(*, has: int, now: str) -> Json:
    if has:
        return _condition("ScalingActive", "True", "ValidMetricFound", "the sandbox's own metric", now)
    message = "scaling is disabled since the replica count of the target is zero"
    return _condition("ScalingActive", "False", "ScalingDisabled", message, now)
