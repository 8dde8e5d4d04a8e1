"""Rules for the containers of a pod: ports, probes, hooks, variables, mounts and resources."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from springtide.sandbox import fieldrules
from springtide.sandbox.objects import Json
from springtide.sandbox.resources import parse
from springtide.sandbox.status import Cause, duplicate, missing, not_allowed, required, unsupported, wrong

_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROTOCOLS: Final = ["SCTP", "TCP", "UDP"]
_PULL_POLICIES: Final = ["Always", "IfNotPresent", "Never"]
_LEAST: Final = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 0,
    "periodSeconds": 0,
    "successThreshold": 0,
    "failureThreshold": 0,
}


def containers_of(spec: Json, field: str) -> Iterator[Cause]:
    """Check the containers of a pod, those that come first among them: no two have one name."""
    if not spec.get("containers"):
        yield required(f"{field}.containers")
    # volumes are not made, but a template that names one that is not there never runs anywhere
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    seen: set[str] = set()
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at = f"{field}.{kind}[{index}]"
            yield from _name(container.get("name", ""), f"{at}.name", seen)
            yield from _container(container, spec, volumes, at)
            if kind == "initContainers" and container.get("restartPolicy") != "Always":
                yield from _not_beside(container, at)


def _name(name: str, field: str, seen: set[str]) -> Iterator[Cause]:
    if not name:
        yield required(field)
    elif name in seen:
        yield duplicate(field, name)
    else:
        yield from fieldrules.name(field, name, "label")
    seen.add(name)


def _not_beside(container: Json, field: str) -> Iterator[Cause]:
    """Refuse what only makes sense of a container that runs beside the others."""
    for name in ("lifecycle", *_PROBES):
        if name in container:
            yield not_allowed(f"{field}.{name}", "may not be set for init containers without restartPolicy=Always")


def _container(container: Json, spec: Json, volumes: set[Any], field: str) -> Iterator[Cause]:
    if not container.get("image"):
        yield required(f"{field}.image")
    policy = container.get("imagePullPolicy")
    if policy is not None and policy not in _PULL_POLICIES:
        yield unsupported(f"{field}.imagePullPolicy", policy, _PULL_POLICIES)
    yield from _ports(container, field, is_on_host=bool(spec.get("hostNetwork")))
    yield from _variables(container, field)
    yield from _resources(container, field)
    yield from _volume_mounts(container, volumes, field)
    for name in _PROBES:
        yield from _probe(container.get(name), f"{field}.{name}", is_readiness=name == "readinessProbe")
    for name in ("preStop", "postStart"):
        hook = (container.get("lifecycle") or {}).get(name)
        yield from _hook(hook, spec, f"{field}.lifecycle.{name}")


def _ports(container: Json, field: str, *, is_on_host: bool) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        at = f"{field}.ports[{index}]"
        number = port.get("containerPort")
        if number is None:
            yield required(f"{at}.containerPort")
            continue
        yield from fieldrules.port(f"{at}.containerPort", number)
        if port.get("hostPort"):
            yield from fieldrules.port(f"{at}.hostPort", port["hostPort"])
        # on the host's network there is no second port to map to
        if is_on_host and port.get("hostPort", number) != number:
            yield wrong(f"{at}.containerPort", number, "must match `hostPort` when `hostNetwork` is true")
        if port.get("protocol", "TCP") not in _PROTOCOLS:
            yield unsupported(f"{at}.protocol", port["protocol"], _PROTOCOLS)
        name = port.get("name")
        if not name:
            continue
        yield from fieldrules.port_name(f"{at}.name", name)
        if name in names:
            yield duplicate(f"{at}.name", name)
        names.add(name)


def _variables(container: Json, field: str) -> Iterator[Cause]:
    for index, variable in enumerate(container.get("env") or ()):
        at = f"{field}.env[{index}]"
        name = variable.get("name")
        if not name:
            yield required(f"{at}.name")
        elif "=" in name:
            yield wrong(f"{at}.name", name, "environment variable names must be printable ASCII characters without =")
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            yield wrong(f"{at}.valueFrom", "", "may not be specified when `value` is not empty")
        if len(source) != 1:
            detail = "may not have more than one field specified at a time" if source else "must specify one of: "
            yield wrong(f"{at}.valueFrom", "", detail)
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in source and not source[kind].get("key"):
                yield required(f"{at}.valueFrom.{kind}.key")


def _resources(container: Json, field: str) -> Iterator[Cause]:
    resources = container.get("resources") or {}
    requests = _amounts(resources.get("requests") or {})
    limits = _amounts(resources.get("limits") or {})
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if amount < 0:
                shown = str(resources[side][name])
                yield wrong(f"{field}.resources.{side}[{name}]", shown, "must be greater than or equal to 0")
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            detail = f"must be less than or equal to {name} limit of {resources['limits'][name]}"
            yield wrong(f"{field}.resources.requests", str(resources["requests"][name]), detail)


def _amounts(quantities: Json) -> dict[str, Decimal]:
    return {name: parse(amount) for name, amount in quantities.items()}


def _volume_mounts(container: Json, volumes: set[Any], field: str) -> Iterator[Cause]:
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        at = f"{field}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            yield missing(f"{at}.name", mount.get("name", ""))
        path = mount.get("mountPath")
        if not path:
            yield required(f"{at}.mountPath")
        elif path in paths:
            yield wrong(f"{at}.mountPath", path, "must be unique")
        paths |= {path} if path else set()


def _probe(probe: Json | None, field: str, *, is_readiness: bool) -> Iterator[Cause]:
    if probe is None:
        return
    yield from _one_of(probe, _HANDLERS, field)
    for name, least in _LEAST.items():
        yield from fieldrules.count(f"{field}.{name}", probe.get(name), least=least)
    if not is_readiness and probe.get("successThreshold", 1) != 1:
        yield wrong(f"{field}.successThreshold", probe["successThreshold"], "must be 1")


def _one_of(given: Json, kinds: tuple[str, ...], field: str) -> Iterator[Cause]:
    """Check that there is one handler, and what it says."""
    handlers = [name for name in kinds if name in given]
    if not handlers:
        yield required(field, "must specify a handler type")
    for name in handlers[1:]:  # the first is taken for the one that is meant
        yield not_allowed(f"{field}.{name}", "may not specify more than 1 handler type")
    for name in handlers[:1]:
        yield from _handler(given[name], name, f"{field}.{name}")


def _handler(handler: Json, kind: str, field: str) -> Iterator[Cause]:
    if kind == "exec" and not handler.get("command"):
        yield required(f"{field}.command")
    if kind in {"httpGet", "tcpSocket"}:
        yield from fieldrules.port_or_name(f"{field}.port", handler.get("port", 0))
    if kind == "grpc":
        yield from fieldrules.port(f"{field}.port", handler.get("port", 0))
    if kind == "httpGet" and handler.get("scheme", "HTTP") not in {"HTTP", "HTTPS"}:
        yield unsupported(f"{field}.scheme", handler["scheme"], ["HTTP", "HTTPS"])


def _hook(hook: Json | None, spec: Json, field: str) -> Iterator[Cause]:
    if hook is None:
        return
    yield from _one_of(hook, _HOOKS, field)
    grace = spec.get("terminationGracePeriodSeconds")
    if "sleep" not in hook or grace is None:
        return
    seconds = hook["sleep"].get("seconds", 0)
    if not 0 <= seconds <= grace:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        yield wrong(f"{field}.sleep", seconds, detail)
