"""A pod's status as the kubelet reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide.sandbox.objects import Json

if TYPE_CHECKING:
    from springtide.sandbox.kubelet import Box, Worker


def pod_status(worker: Worker, pod: Json, now: str, node: str) -> Json:
    """Return the status of a pod on the node."""
    running = any("running" in box.state or box.restarts or box.crashes for box in worker.boxes)
    ready = all(box.ready and box.process is not None for box in worker.boxes)
    scheduled = [one for one in pod["status"].get("conditions", ()) if one["type"] == "PodScheduled"]
    unready = [box.spec["name"] for box in worker.boxes if not (box.ready and box.process is not None)]
    why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
    status = {
        "phase": "Running" if running else "Pending",
        "conditions": [
            _condition(worker, "PodReadyToStartContainers", bool(worker.address), now, {}),
            _condition(worker, "Initialized", True, now, {}),
            _condition(worker, "Ready", ready, now, why),
            _condition(worker, "ContainersReady", ready, now, why),
            *scheduled,
        ],
        "hostIP": node,
        "startTime": worker.started,
        "containerStatuses": [_container(box) for box in worker.boxes],
        "qosClass": pod["status"].get("qosClass", "BestEffort"),
    }
    if worker.address:
        status["podIP"] = worker.address
        status["podIPs"] = [{"ip": worker.address}]
    return status


def _condition(worker: Worker, kind: str, holds: bool, now: str, why: Json) -> Json:  # noqa: FBT001  a condition's status
    known = worker.ready_since.get(kind)
    since = known[1] if known is not None and known[0] is holds else now
    worker.ready_since[kind] = (holds, since)
    word = {"status": "True"} if holds else {"status": "False", **why}
    return {"type": kind, "lastProbeTime": None, "lastTransitionTime": since, **word}


def _container(box: Box) -> Json:
    started = box.process is not None
    return {
        "name": box.spec["name"],
        "image": box.spec["image"],
        "imageID": f"sandbox/{box.spec['image']}" if started else "",
        "containerID": f"sandbox://{box.spec['name']}-{box.restarts}" if started else "",
        "ready": box.ready and started,
        "started": started,
        "restartCount": box.restarts,
        "state": box.state,
        "lastState": box.last_state,
    }
