"""Rules for pods and pod templates: what a real API server refuses, before any node sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.sandbox import fieldrules
from springtide.sandbox.containerrules import containers_of
from springtide.sandbox.objects import Json
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.status import Cause, duplicate, not_allowed, required, unsupported, wrong

_MAY_CHANGE: Final = frozenset({"activeDeadlineSeconds", "tolerations", "nodeName"})
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_UNSATISFIABLE: Final = ["DoNotSchedule", "ScheduleAnyway"]
_CHOICES: Final = {
    "restartPolicy": ["Always", "Never", "OnFailure"],
    "dnsPolicy": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
}


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
    yield from containers_of(spec, field)
    yield from _volumes(spec.get("volumes") or [], f"{field}.volumes")
    for name, allowed in _CHOICES.items():
        if spec.get(name) is not None and spec[name] not in allowed:
            yield unsupported(f"{field}.{name}", spec[name], allowed)
    yield from _spread(spec, field)
    grace = f"{field}.terminationGracePeriodSeconds"
    yield from fieldrules.count(grace, spec.get("terminationGracePeriodSeconds"))


def _volumes(volumes: list[Json], field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{field}[{index}]"
        name = volume.get("name", "")
        if not name:
            yield required(f"{at}.name")
        elif name in seen:
            yield duplicate(f"{at}.name", name)
        else:
            yield from fieldrules.name(f"{at}.name", name, "label")
        # of two sources the API server takes emptyDir first, and refuses the other
        sources = sorted(volume.keys() - {"name"}, key=lambda source: (source != "emptyDir", source))
        for source in sources[1:]:
            yield not_allowed(f"{at}.{source}", "may not specify more than 1 volume type")
        seen.add(name)


def _spread(spec: Json, field: str) -> Iterator[Cause]:
    """Check what says beside which other pods a pod may run: keys of labels need a selector that they narrow."""
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        at = f"{field}.topologySpreadConstraints[{index}]"
        if constraint.get("maxSkew", 0) <= 0:
            yield wrong(f"{at}.maxSkew", constraint.get("maxSkew", 0), "must be greater than zero")
        if not constraint.get("topologyKey"):
            yield required(f"{at}.topologyKey", "can not be empty")
        if constraint.get("whenUnsatisfiable") not in _UNSATISFIABLE:
            yield unsupported(f"{at}.whenUnsatisfiable", constraint.get("whenUnsatisfiable", ""), _UNSATISFIABLE)
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
