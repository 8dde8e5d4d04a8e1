"""Rules for pods and pod templates: what a real API server refuses, before any node sees it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from springtide.errors import InputError
from springtide.sandbox import fieldrules
from springtide.sandbox.objects import Json
from springtide.sandbox.resources import parse
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import Cause, bad_request, duplicate, missing, not_allowed, required, unsupported, wrong

_MAY_CHANGE = frozenset({"activeDeadlineSeconds", "tolerations", "nodeName"})
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_QUANTITY = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def template(given: Json, selector: Json, field: str) -> Iterator[Cause]:
    """Check the template of a controller that keeps its pods running."""
    metadata = given.get("metadata", {})
    labels = metadata.get("labels") or {}
    if not label_selector(selector)(labels):
        yield wrong(f"{field}.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from fieldrules.label_entries(f"{field}.labels", labels)
    yield from fieldrules.annotation_entries(f"{field}.annotations", metadata.get("annotations") or {})
    yield from pod_spec(given["spec"], f"{field}.spec")
    policy = given["spec"].get("restartPolicy")
    if policy != "Always":
        yield unsupported(f"{field}.spec.restartPolicy", policy, ["Always"])


def pod(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a pod; of one that is there, hardly anything may change."""
    yield from pod_spec(obj["spec"], "spec")
    if old is not None and _fixed(obj["spec"]) != _fixed(old["spec"]):
        detail = (
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        yield not_allowed("spec", detail)


def _fixed(spec: Json) -> Json:
    rest = {key: value for key, value in spec.items() if key not in _MAY_CHANGE}
    return {**rest, "containers": [{**container, "image": ""} for container in spec.get("containers", ())]}


def pod_spec(spec: Json, field: str) -> Iterator[Cause]:
    """Check what a pod is made of."""
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{field}.containers")
    yield from _container_names(containers, f"{field}.containers")
    # volumes are not made, but a template that names one that is not there never runs anywhere
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for index, container in enumerate(containers):
        at = f"{field}.containers[{index}]"
        if not container.get("image"):
            yield required(f"{at}.image")
        yield from _ports(container, at, is_on_host=bool(spec.get("hostNetwork")))
        yield from _resources(container, at)
        yield from _volume_mounts(container, volumes, at)
        for name in _PROBES:
            yield from _probe(container.get(name), f"{at}.{name}")
        yield from _pre_stop(container, spec, at)
    yield from _spread(spec, field)
    grace = f"{field}.terminationGracePeriodSeconds"
    yield from fieldrules.count(grace, spec.get("terminationGracePeriodSeconds"))


def _container_names(containers: list[Json], field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        at = f"{field}[{index}].name"
        name = container.get("name", "")
        if not name:
            yield required(at)
        elif name in seen:
            yield duplicate(at, name)
        else:
            yield from fieldrules.name(at, name, "label")
        seen.add(name)


def _ports(container: Json, field: str, *, is_on_host: bool) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        at = f"{field}.ports[{index}]"
        number = port.get("containerPort")
        if number is None:
            yield required(f"{at}.containerPort")
            continue
        yield from fieldrules.port(f"{at}.containerPort", number)
        # on the host's network there is no second port to map to
        if is_on_host and port.get("hostPort", number) != number:
            yield wrong(f"{at}.containerPort", number, "must match `hostPort` when `hostNetwork` is true")
        name = port.get("name")
        if name in names:
            yield duplicate(f"{at}.name", name)
        names |= {name} if name else set()


def _resources(container: Json, field: str) -> Iterator[Cause]:
    resources = container.get("resources") or {}
    requests = _amounts(resources.get("requests") or {})
    limits = _amounts(resources.get("limits") or {})
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            detail = f"must be less than or equal to {name} limit of {resources['limits'][name]}"
            yield wrong(f"{field}.resources.requests", str(resources["requests"][name]), detail)


def _amounts(quantities: Json) -> dict[str, Decimal]:
    try:
        return {name: parse(amount) for name, amount in quantities.items()}
    except InputError as error:
        raise bad_request(f"quantities must match the regular expression '{_QUANTITY}'") from error


def _volume_mounts(container: Json, volumes: set[Any], field: str) -> Iterator[Cause]:
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            yield missing(f"{field}.volumeMounts[{index}].name", mount.get("name", ""))


def _probe(probe: Json | None, field: str) -> Iterator[Cause]:
    if probe is None:
        return
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        yield required(field, "must specify a handler type")
    for name in handlers[1:]:  # the first is taken for the one that is meant
        yield not_allowed(f"{field}.{name}", "may not specify more than 1 handler type")


def _pre_stop(container: Json, spec: Json, field: str) -> Iterator[Cause]:
    sleep = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep")
    grace = spec.get("terminationGracePeriodSeconds")
    if sleep is None or grace is None:
        return
    seconds = sleep.get("seconds", 0)
    if not 0 <= seconds <= grace:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        yield wrong(f"{field}.lifecycle.preStop.sleep", seconds, detail)


def _spread(spec: Json, field: str) -> Iterator[Cause]:
    """Check what says beside which other pods a pod may run: keys of labels need a selector that they narrow."""
    for at, term in _terms(spec, field):
        if term.get("matchLabelKeys") and term.get("labelSelector") is None:
            yield not_allowed(f"{at}.matchLabelKeys", "must not be specified when labelSelector is not set")


def _terms(spec: Json, field: str) -> Iterator[tuple[str, Json]]:
    """Yield every term that selects other pods, with its path."""
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        yield f"{field}.topologySpreadConstraints[{index}]", constraint
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or {}).get(kind) or {}
        at = f"{field}.affinity.{kind}"
        for index, term in enumerate(affinity.get(_REQUIRED) or ()):
            yield f"{at}.{_REQUIRED}[{index}]", term
        for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
            yield f"{at}.{_PREFERRED}[{index}].podAffinityTerm", weighted.get("podAffinityTerm") or {}
