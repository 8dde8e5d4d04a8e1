"""A pod's status as the kubelet reports it."""

from __future__ import annotations

from springtide.sandbox.containers import Container, PodRuntime
from springtide.sandbox.objects import Json


def pod_status(runtime: PodRuntime, pod: Json, now: str, node: str) -> Json:
    """Return the status of a pod on the node."""
    status = {
        "phase": "Running" if any(_has_run(container) for container in runtime.containers) else "Pending",
        "conditions": _conditions(runtime, pod, now),
        "hostIP": node,
        "startTime": runtime.started,
        "containerStatuses": [_container(container) for container in runtime.containers],
        "qosClass": pod["status"].get("qosClass", "BestEffort"),
    }
    if runtime.address:
        status["podIP"] = runtime.address
        status["podIPs"] = [{"ip": runtime.address}, {"ip": _address_of_version_6(runtime.address)}]
    return status


def _address_of_version_6(address: str) -> str:
    """Return the pod's other address: nothing listens there, and a dual-stack Service has it in its slices."""
    return f"fd00::{':'.join(address.split('.'))}"


def _has_run(container: Container) -> bool:
    # a pod that crashes is Running, too: Pending only lasts until the first container has run
    return bool("running" in container.state or container.restarts or container.crashes)


def _conditions(runtime: PodRuntime, pod: Json, now: str) -> list[Json]:
    unready = [container.spec["name"] for container in runtime.containers if not container.is_ready]
    why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
    scheduled = [entry for entry in pod["status"].get("conditions", ()) if entry["type"] == "PodScheduled"]
    return [
        _condition(runtime, "PodReadyToStartContainers", bool(runtime.address), now, {}),
        _condition(runtime, "Initialized", True, now, {}),
        _condition(runtime, "Ready", not unready, now, why),
        _condition(runtime, "ContainersReady", not unready, now, why),
        *scheduled,
    ]


def _condition(runtime: PodRuntime, kind: str, holds: bool, now: str, why: Json) -> Json:  # noqa: FBT001  a condition's status
    known = runtime.ready_since.get(kind)
    since = known[1] if known is not None and known[0] is holds else now
    runtime.ready_since[kind] = (holds, since)
    status = {"status": "True"} if holds else {"status": "False", **why}
    return {"type": kind, "lastProbeTime": None, "lastTransitionTime": since, **status}


def _container(container: Container) -> Json:
    started = container.process is not None
    spec = container.spec
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": f"sandbox/{spec['image']}" if started else "",
        "containerID": f"sandbox://{spec['name']}-{container.restarts}" if started else "",
        "ready": container.is_ready,
        "started": started,
        "restartCount": container.restarts,
        "state": container.state,
        "lastState": container.last_state,
    }
