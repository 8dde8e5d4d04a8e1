"""KEDA without KEDA: its resource, and of its operator the one thing that counts here.

On the embedded cluster both are there, and on a real one with KEDA in it. On another the resource is defined by this
file, and a thread keeps the HPA of the ScaledObject as KEDA's operator would.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from e2e.manifests import NAME

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer

SECONDS_BETWEEN_LOOKS = 0.3
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}
"""The behaviour of an HPA that shrinks as soon as its metrics say so."""


ALL_YEAR = ("0 0 1 1 *", "59 23 31 12 *")
A_MINUTE_IN_FOUR_YEARS = ("0 0 29 2 *", "1 0 29 2 *")


def cron(replicas: int, *, span: tuple[str, str] = ALL_YEAR) -> Json:
    """Return the trigger that asks for so many replicas from the one cron expression to the other."""
    start, end = span
    metadata = {"timezone": "Etc/UTC", "start": start, "end": end, "desiredReplicas": str(replicas)}
    return {"type": "cron", "metadata": metadata}


def scaled_object(namespace: str, low: int, high: int, *, trigger: Json | None = None) -> Json:
    """Return the ScaledObject over the workload, whose trigger asks for its minimum unless another is given.

    Its HPA and KEDA itself take pods away as soon as they may: a test does not wait for minutes.
    """
    spec = {
        "minReplicaCount": low,
        "maxReplicaCount": high,
        "scaleTargetRef": {"name": NAME},
        "triggers": [trigger or cron(low)],
        "pollingInterval": 2,
        "cooldownPeriod": 2,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": AT_ONCE}},
    }
    metadata = {"name": NAME, "namespace": namespace}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}


class Operator:
    """Keeps the HPA of the one ScaledObject until it is stopped."""

    def __init__(self, see: Observer) -> None:
        self._see = see
        self._stopped = Event()
        self._thread = Thread(target=self._work, daemon=True)
        scaled = see.get("scaledobjects", NAME)
        see.create("horizontalpodautoscalers", _hpa(scaled))
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the last look."""
        self._stopped.set()
        self._thread.join(30)

    def _work(self) -> None:
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            wanted = _bounds(self._see.get("scaledobjects", NAME))
            bounds = self._see.get("horizontalpodautoscalers", f"keda-hpa-{NAME}")["spec"]
            if any(bounds.get(key) != value for key, value in wanted.items()):
                self._see.patch("horizontalpodautoscalers", f"keda-hpa-{NAME}", {"spec": wanted})


def _bounds(scaled: Json) -> dict[str, Any]:
    spec = scaled["spec"]
    return {"minReplicas": max(1, spec["minReplicaCount"]), "maxReplicas": spec["maxReplicaCount"]}


def _hpa(scaled: Json) -> Json:
    metadata = scaled["metadata"]
    owner = {"apiVersion": scaled["apiVersion"], "kind": "ScaledObject", "name": NAME, "uid": metadata["uid"]}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"keda-hpa-{NAME}", "ownerReferences": [owner | {"controller": True}]},
        "spec": _bounds(scaled) | {"scaleTargetRef": reference},
    }
