"""The pods behind a Service as endpoints, and the ports on which each of them is reached."""

from __future__ import annotations

import json
from collections.abc import Iterable

from springtide.sandbox.objects import Json, is_terminating, is_true, labels_of

PortsKey = str
"""A list of ports as text: pods with the same ports share slices."""


def selects(service: Json, pod: Json) -> bool:
    """Return whether a Service selects a pod; a Service without a selector selects none."""
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= labels_of(pod).items()


def backends(service: Json, pods: Iterable[Json], family: str) -> dict[PortsKey, dict[str, Json]]:
    """Return the endpoints of the selected pods that have an address, by their ports and the pod's uid.

    `family` is `IPv4` or `IPv6`: each has slices of its own.
    """
    found: dict[PortsKey, dict[str, Json]] = {}
    for pod in pods:
        if selects(service, pod) and _has_address(pod):
            same_ports = found.setdefault(ports_key(_ports(service, pod)), {})
            same_ports[pod["metadata"]["uid"]] = _endpoint(service, pod, family)
    return found


def _has_address(pod: Json) -> bool:
    return bool(pod["status"].get("podIP")) and pod["status"].get("phase") not in {"Succeeded", "Failed"}


def _endpoint(service: Json, pod: Json, family: str) -> Json:
    metadata = pod["metadata"]
    # a pod that is going may still answer, but gets no new connections: it serves and is not ready
    is_serving = is_true(pod, "Ready")
    is_going = is_terminating(pod)
    is_published_anyway = service["spec"].get("publishNotReadyAddresses", False)
    return {
        "addresses": [each["ip"] for each in pod["status"]["podIPs"] if (":" in each["ip"]) == (family == "IPv6")],
        "conditions": {
            "ready": bool(is_published_anyway or (is_serving and not is_going)),
            "serving": is_serving,
            "terminating": is_going,
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }


def _ports(service: Json, pod: Json) -> list[Json]:
    numbered = ((port, _target(port, pod)) for port in service["spec"].get("ports", ()))
    return [
        {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        for port, number in numbered
        if number is not None
    ]


def _target(port: Json, pod: Json) -> int | None:
    """Return the container port that a Service port means on this pod; a name may not be there."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for declared in container.get("ports", ()):
            if declared.get("name") == target:
                number: int = declared["containerPort"]
                return number
    return None


def ports_key(ports: list[Json]) -> PortsKey:
    """Return the same text for the same ports in any order."""
    in_order = sorted(ports, key=lambda port: (port.get("name", ""), port.get("port", 0)))
    return json.dumps(in_order, sort_keys=True)
