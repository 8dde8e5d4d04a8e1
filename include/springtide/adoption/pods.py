"""What a workload's pod template says: the CPU of a pod, and how one asks whether it is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from springtide.adoption.found import FoundObject, FoundObjects, entries, mapping
from springtide.adoption.remarks import Remark, Standing
from springtide.errors import InputError
from springtide.quantities import parse_quantity

_HTTPS: Final = "HTTPS"


def cpu_of(found: FoundObject, kind: Literal["limits", "requests"] | None = None) -> float | None:
    """Return the cores of one pod: what it may use, else what it asks for; None where a container does not say.

    With `kind` only that counts.
    """
    if kind is None:
        most = cpu_of(found, "limits")
        return cpu_of(found, "requests") if most is None else most
    written = [mapping(mapping(each.get("resources")).get(kind)).get("cpu") for each in _containers(found)]
    if not written or None in written:
        return None
    try:
        total = sum(float(parse_quantity(str(each))) for each in written)
    except InputError:
        return None
    return round(total, 3) or None


def smoke_checks(
    found: FoundObject, objects: FoundObjects, remarks: list[Remark]
) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the one Service that leads to its pods, and checks through it; why there are none is told."""
    services = [each for each in objects.of_kind("Service") if _leads_to(each, found)]
    if len(services) != 1:
        names = ", ".join(each.name for each in services)
        advice = "one Service would lead to its pods; without it their readiness is the proof"
        remarks.append(found.remark(Standing.TO_DO, "target.service", names or "none", advice))
        return None, []
    service = services[0]
    for container in _containers(found):
        request = mapping(mapping(container.get("readinessProbe")).get("httpGet"))
        port = _service_port(service, container, request.get("port"))
        if request and port is not None:
            check: dict[str, Any] = {"path": f"/{str(request.get('path') or '').lstrip('/')}"}
            if len(entries(service.spec.get("ports"))) > 1:
                check["port"] = port
            if request.get("scheme") == _HTTPS:
                check["scheme"] = "https"
            return service.name, [{"http": check}]
    advice = "no readiness probe by HTTP reaches a port of its Service, so there is no smoke check; write one"
    remarks.append(found.remark(Standing.TO_DO, "smoke", "none", advice))
    return service.name, []


def _containers(found: FoundObject) -> Sequence[Mapping[str, Any]]:
    template = mapping(found.spec.get("template"))
    return entries(mapping(template.get("spec")).get("containers"))


def _leads_to(service: FoundObject, found: FoundObject) -> bool:
    template = mapping(found.spec.get("template"))
    labels = mapping(mapping(template.get("metadata")).get("labels"))
    selector = mapping(service.spec.get("selector"))
    is_here = service.namespace == found.namespace
    return is_here and bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _service_port(service: FoundObject, container: Mapping[str, Any], wanted: object) -> object:
    """Return the Service's port that leads to the container's port `wanted`, its number or its name."""
    ports = entries(container.get("ports"))
    same = {wanted, *(each.get("containerPort") for each in ports if each.get("name") == wanted)}
    same |= {each.get("name") for each in ports if each.get("containerPort") == wanted and each.get("name")}
    for port in entries(service.spec.get("ports")):
        if port.get("targetPort", port.get("port")) in same:
            return port.get("port")
    return None
