"""Rules for Services: ports that can be told apart, and an address that stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.sandbox import fieldrules
from springtide.sandbox.objects import Json
from springtide.sandbox.status import Cause, duplicate, required, unsupported, wrong


def service(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a Service."""
    spec = obj["spec"]
    is_headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not is_headless and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    yield from _ports(spec.get("ports") or [])
    yield from _choices(spec)
    yield from fieldrules.label_entries("spec.selector", spec.get("selector") or {})
    if old is not None and old["spec"].get("clusterIP") != spec.get("clusterIP"):
        yield wrong("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set")


_PROTOCOLS: Final = ["SCTP", "TCP", "UDP"]
_OUTSIDE: Final = ("NodePort", "LoadBalancer")
_CHOICES: Final = {
    "type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    "sessionAffinity": ("ClientIP", "None"),
    "internalTrafficPolicy": ("Cluster", "Local"),
    "externalTrafficPolicy": ("Cluster", "Local"),
}


def _choices(spec: Json) -> Iterator[Cause]:
    """Check what has a few words to choose from; a policy for traffic from outside needs a type that lets some in."""
    for name, allowed in _CHOICES.items():
        value = spec.get(name)
        if value is None:
            continue
        if name == "externalTrafficPolicy" and spec.get("type") not in _OUTSIDE:
            yield wrong(f"spec.{name}", value, "may only be set for externally-accessible services")
        elif value not in allowed:
            yield unsupported(f"spec.{name}", value, list(allowed))


_ADDRESS_TYPES: Final = ["FQDN", "IPv4", "IPv6"]


def endpoint_slice(obj: Json, _old: Json | None) -> Iterator[Cause]:
    """Check a slice that somebody wrote by hand."""
    kind = obj.get("addressType")
    if kind not in _ADDRESS_TYPES:
        yield unsupported("addressType", kind, _ADDRESS_TYPES) if kind else required("addressType")
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{index}].addresses", "must contain at least 1 address")
    for index, port in enumerate(obj.get("ports") or ()):
        if port.get("port") is not None:
            yield from fieldrules.port(f"ports[{index}].port", port["port"])


def _ports(ports: list[Json]) -> Iterator[Cause]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name")
        if name in names:
            yield duplicate(f"{at}.name", name)
        elif name:
            yield from fieldrules.name(f"{at}.name", name, "label")
        elif len(ports) > 1:
            yield required(f"{at}.name")
        names |= {name} if name else set()
        if port.get("protocol", "TCP") not in _PROTOCOLS:
            yield unsupported(f"{at}.protocol", port["protocol"], _PROTOCOLS)
        yield from _numbers(port, at)
        # one number may serve TCP and UDP
        number = (port.get("protocol", "TCP"), port.get("port", 0))
        if number in numbers:
            yield duplicate(at, {"protocol": number[0], "port": number[1], "targetPort": 0})
        numbers.add(number)


def _numbers(port: Json, field: str) -> Iterator[Cause]:
    yield from fieldrules.port(f"{field}.port", port.get("port", 0))
    target = port.get("targetPort")
    # a target that was filled in from the port has been checked with it
    if target is not None and target != port.get("port"):
        yield from fieldrules.port_or_name(f"{field}.targetPort", target)
