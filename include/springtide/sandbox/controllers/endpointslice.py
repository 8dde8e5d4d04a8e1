"""The EndpointSlice controller: which pods a Service reaches, in slices of limited size.

A port of k8s.io/endpointslice v0.34 `reconciler.go`. The writes of one change are separate calls: creates, then
updates, then deletes, so whoever reads in between sees a mixture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating, is_true, labels_of, owner_reference
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change

_SLICES = KINDS["endpointslices"]
SERVICE_LABEL = "kubernetes.io/service-name"
_HEADLESS = "service.kubernetes.io/headless"
_OWN_LABELS = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


@dataclass(slots=True)
class _Changes:
    create: list[Json] = field(default_factory=list)
    update: list[Json] = field(default_factory=list)
    delete: list[Json] = field(default_factory=list)


class EndpointSliceController(Controller):
    """Brings the slices of a Service to the pods that it selects."""

    watches = ("services", "pods", "endpointslices")

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._busy_until: dict[Ref, float] = {}

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the Service itself, those that select a pod, or that of a slice somebody else touched."""
        ref = change.ref
        if ref.resource == "services":
            yield ref
        elif ref.resource == "pods":
            yield from self._selecting(change)
        elif change.type == "DELETED" and (name := labels_of(change.object).get(SERVICE_LABEL)):
            yield Ref("services", ref.namespace, name)

    def _selecting(self, change: Change) -> Iterator[Ref]:
        for service in self.store.select("services", change.ref.namespace):
            selector = service["spec"].get("selector")
            forms = (change.object, change.previous)
            if selector and any(form is not None and _selects(selector, form) for form in forms):
                yield KINDS["services"].ref(service)

    def reconcile(self, ref: Ref) -> None:
        """One sync of a Service."""
        busy = self._busy_until.pop(ref, 0.0) - self.core.timeline.elapsed
        if busy > 0:
            self._busy_until[ref] = busy + self.core.timeline.elapsed
            self.enqueue(ref, busy)
            return
        service = self.store.get(ref)
        if service is None or not service["spec"].get("selector"):
            return
        existing = [
            one
            for one in self.store.select("endpointslices", ref.namespace)
            if labels_of(one).get(SERVICE_LABEL) == ref.name and _is_ours(one)
        ]
        self._write(service, self._plan(service, existing))

    def _plan(self, service: Json, existing: list[Json]) -> _Changes:
        wanted: dict[str, dict[str, Json]] = {}
        for pod in self.store.select("pods", service["metadata"]["namespace"]):
            if _selects(service["spec"]["selector"], pod) and _has_endpoint(pod):
                wanted.setdefault(_ports_key(_ports(service, pod)), {})[pod["metadata"]["uid"]] = _endpoint(
                    service, pod
                )
        changes = _Changes()
        for key, endpoints in wanted.items():
            self._plan_ports(service, [one for one in existing if _ports_key(one["ports"]) == key], endpoints, changes)
            for one in changes.create:
                one.setdefault("ports", json.loads(key))
        changes.delete += [one for one in existing if _ports_key(one["ports"]) not in wanted]
        if len(existing) == len(changes.delete) and not changes.create:
            empty = {**_new_slice(service, self._name(service)), "ports": []}
            if len(changes.delete) == 1 and not changes.delete[0]["endpoints"] and not changes.delete[0]["ports"]:
                changes.delete = []
            else:
                changes.create.append(empty)
        _reuse(changes)
        return changes

    def _plan_ports(self, service: Json, existing: list[Json], wanted: dict[str, Json], changes: _Changes) -> None:
        """Plan the slices of one set of ports: keep, update, fill up, then make new ones."""
        left = dict(wanted)
        updated: list[Json] = []
        unchanged: list[Json] = []
        labels = _labels(service)
        for one in existing:
            kept = [left.pop(uid) for uid in map(_uid_of, one["endpoints"]) if uid in left]
            if kept == one["endpoints"] and labels_of(one) == labels:
                unchanged.append(one)
            elif kept:
                updated.append({**one, "metadata": {**one["metadata"], "labels": labels}, "endpoints": kept})
            else:
                changes.delete.append(one)
        size = self.core.settings.slice_size
        for one in sorted(updated, key=lambda one: -len(one["endpoints"])):
            _fill(one, left, size)
        while left:
            fitting = [one for one in unchanged if len(one["endpoints"]) + len(left) <= size]
            if fitting and len(left) < size:
                fullest = max(fitting, key=lambda one: len(one["endpoints"]))
                unchanged.remove(fullest)
                filled = {**fullest, "endpoints": list(fullest["endpoints"])}
                updated.append(filled)
            else:
                filled = _new_slice(service, self._name(service))
                changes.create.append(filled)
            _fill(filled, left, size)
        changes.update += updated

    def _name(self, service: Json) -> str:
        return f"{service['metadata']['name']}-{self.writes.name_suffix()}"

    def _write(self, service: Json, changes: _Changes) -> None:
        """Write the changes one after the other; the Service is busy until the last one."""
        namespace = service["metadata"]["namespace"]
        steps: list[Callable[[], object]] = []
        if not is_terminating(service):
            steps += [partial(self.writes.create, _SLICES, one, namespace) for one in changes.create]
        steps += [partial(self._update, one) for one in changes.update]
        steps += [partial(self._delete, one) for one in changes.delete]
        ref = KINDS["services"].ref(service)
        gap = self.core.settings.slice_gap
        self._busy_until[ref] = self.core.timeline.elapsed + gap * max(len(steps) - 1, 0)
        for index, step in enumerate(steps):
            if index == 0:
                self._run(ref, step)
            else:
                self.core.timeline.after(index * gap, partial(self._run, ref, step))

    def _run(self, ref: Ref, step: Callable[[], object]) -> None:
        try:
            step()
        except ApiError:  # the namespace or the Service is going: look again, there may be nothing left to do
            self.retry(ref)

    def _update(self, one: Json) -> None:
        before = self.store.get(_SLICES.ref(one))
        if before is not None:
            metadata = {**before["metadata"], "labels": one["metadata"]["labels"]}
            metadata["generation"] = before["metadata"]["generation"] + 1
            self.store.put(_SLICES.ref(one), {**one, "metadata": metadata})

    def _delete(self, one: Json) -> None:
        if self.store.get(_SLICES.ref(one)) is not None:
            self.writes.delete(_SLICES, _SLICES.ref(one))


def _selects(selector: dict[str, str], pod: Json) -> bool:
    labels = labels_of(pod)
    return all(labels.get(key) == value for key, value in selector.items())


def _is_ours(one: Json) -> bool:
    return _OWN_LABELS.items() <= labels_of(one).items()


def _has_endpoint(pod: Json) -> bool:
    return bool(pod["status"].get("podIP")) and pod["status"].get("phase") not in {"Succeeded", "Failed"}


def _endpoint(service: Json, pod: Json) -> Json:
    serving = is_true(pod, "Ready")
    terminating = is_terminating(pod)
    anyway = service["spec"].get("publishNotReadyAddresses", False)
    metadata = pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": bool(anyway or (serving and not terminating)),
            "serving": serving,
            "terminating": terminating,
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
    found = ((port, _target(port, pod)) for port in service["spec"].get("ports", ()))
    return [
        {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        for port, number in found
        if number is not None
    ]


def _target(port: Json, pod: Json) -> int | None:
    """Return the container port that a Service port means on this pod; a name may not be there."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for own in container.get("ports", ()):
            if own.get("name") == target:
                number: int = own["containerPort"]
                return number
    return None


def _ports_key(ports: list[Json]) -> str:
    return json.dumps(sorted(ports, key=lambda port: (port.get("name", ""), port.get("port", 0))), sort_keys=True)


def _uid_of(endpoint: Json) -> str:
    uid: str = endpoint["targetRef"]["uid"]
    return uid


def _labels(service: Json) -> dict[str, str]:
    headless = {_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    mirrored = {key: value for key, value in labels_of(service).items() if key not in {_HEADLESS, SERVICE_LABEL}}
    return {**mirrored, **headless, **_OWN_LABELS, SERVICE_LABEL: service["metadata"]["name"]}


def _new_slice(service: Json, name: str) -> Json:
    return {
        "apiVersion": _SLICES.api_version,
        "kind": _SLICES.kind,
        "metadata": {
            "name": name,
            "generateName": f"{service['metadata']['name']}-",
            "namespace": service["metadata"]["namespace"],
            "labels": _labels(service),
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [],
    }


def _fill(one: Json, left: dict[str, Json], size: int) -> None:
    while left and len(one["endpoints"]) < size:
        one["endpoints"].append(left.pop(next(iter(left))))


def _reuse(changes: _Changes) -> None:
    """Turn creates into updates of slices that would be deleted."""
    while changes.create and changes.delete:
        old, new = changes.delete.pop(0), changes.create.pop()
        metadata = {**new["metadata"], **{key: old["metadata"][key] for key in ("name", "uid", "resourceVersion")}}
        changes.update.append({**new, "metadata": metadata})
