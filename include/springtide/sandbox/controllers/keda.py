"""KEDA's operator, which keeps a HorizontalPodAutoscaler for every ScaledObject."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.sandbox.controllers.counts import wanted
from springtide.sandbox.core import Controller
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, annotations_of, owner_reference, with_metadata
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change


class KedaOperator(Controller):
    """Keeps the HPA of every ScaledObject, as KEDA's operator does: `keda-hpa-<name>`, owned by the ScaledObject.

    What somebody else writes into that HPA is overwritten; a paused ScaledObject is left alone. A target at 0 goes to
    the minimum when that is above 0, for an HPA would leave it there.
    """

    watches = ("scaledobjects", "horizontalpodautoscalers")

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the ScaledObject that changed, or whose HPA did."""
        if change.ref.resource == "scaledobjects":
            yield change.ref
            return
        for owner in change.object["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "ScaledObject":
                yield Ref("scaledobjects", change.ref.namespace, owner["name"])

    def reconcile(self, ref: Ref) -> None:
        """Make the HPA what the ScaledObject says."""
        scaled = self.store.get(ref)
        # a paused ScaledObject keeps its autoscaler as it is, whoever changes that
        if scaled is None or _is_paused(scaled):
            return
        self._activate(ref.namespace, scaled)
        spec = {
            "minReplicas": max(1, scaled["spec"].get("minReplicaCount") or 0),
            "maxReplicas": scaled["spec"].get("maxReplicaCount") or 100,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **scaled["spec"]["scaleTargetRef"]},
        }
        kind = KINDS["horizontalpodautoscalers"]
        own = Ref(kind.plural, ref.namespace, f"keda-hpa-{ref.name}")
        autoscaler = self.store.get(own)
        if autoscaler is None:
            metadata = {"name": own.name, "ownerReferences": [owner_reference(scaled)]}
            try:
                self.writes.create(kind, {"metadata": metadata, "spec": spec}, ref.namespace)
            except ApiError as error:  # such as a maximum below the minimum, which the resource itself may hold
                self.core.event(scaled, "Warning", "ScaledObjectCheckFailed", str(error))
        elif any(autoscaler["spec"].get(key) != value for key, value in spec.items()):
            self.store.put(own, {**autoscaler, "spec": {**autoscaler["spec"], **spec}})

    def _activate(self, namespace: str, scaled: Json) -> None:
        reference = scaled["spec"]["scaleTargetRef"]
        plural = next((each.plural for each in KINDS.values() if each.kind == reference.get("kind")), "deployments")
        target = Ref(plural, namespace, reference["name"])
        obj = self.store.get(target)
        least = scaled["spec"].get("minReplicaCount") or 0
        if obj is not None and least > wanted(obj) == 0:
            grown = {**obj, "spec": {**obj["spec"], "replicas": least}}
            self.store.put(target, with_metadata(grown, generation=obj["metadata"]["generation"] + 1))


def _is_paused(scaled: Json) -> bool:
    """Say whether KEDA leaves it alone: by a number, or by a value that is not a written no."""
    annotations = annotations_of(scaled)
    value = annotations.get("autoscaling.keda.sh/paused", "false")
    return "autoscaling.keda.sh/paused-replicas" in annotations or value.lower() not in {"false", "f", "0"}
