"""The EndpointSlice controller: which pods a Service reaches, in slices of limited size.

Behaves as Kubernetes 1.34: written from its documented behaviour and from what a real cluster did. The writes of one
change are separate calls: creates, then updates, then deletes, so whoever reads in between sees a mixture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from springtide.sandbox.controllers.backends import backends, ports_key, selects
from springtide.sandbox.controllers.packing import Packing, packed
from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating, labels_of, owner_reference, with_metadata
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

    def add(self, other: _Changes) -> None:
        """Take what another holds, too."""
        self.create += other.create
        self.update += other.update
        self.delete += other.delete

    def reuse(self) -> None:
        """Turn creates into updates of slices that would be deleted: one write for two."""
        while self.create and self.delete:
            old = self.delete.pop(0)
            new = self.create.pop()
            kept = {key: old["metadata"][key] for key in ("name", "uid", "resourceVersion")}
            self.update.append(with_metadata(new, **kept))


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

    def _selecting(self, change: Change) -> Iterable[Ref]:
        # a pod that lost its labels has to leave the slices of the Service that selected it before
        forms = [change.object] if change.previous is None else [change.object, change.previous]
        for service in self.store.select("services", change.ref.namespace):
            if any(selects(service, pod) for pod in forms):
                yield KINDS["services"].ref(service)

    def reconcile(self, ref: Ref) -> None:
        """One sync of a Service."""
        now = self.core.timeline.elapsed
        busy = self._busy_until.pop(ref, 0.0) - now
        if busy > 0:
            # the writes of the sync before are not all out: deciding now would decide on half of them
            self._busy_until[ref] = busy + now
            self.enqueue(ref, busy)
            return
        service = self.store.get(ref)
        if service is not None and service["spec"].get("selector"):
            self._write(service, self._plan(service))

    def _plan(self, service: Json) -> _Changes:
        stored = self._stored(service)
        pods = self.store.select("pods", service["metadata"]["namespace"])
        changes = _Changes()
        for family in service["spec"]["ipFamilies"]:
            mine = [existing for existing in stored if existing["addressType"] == family]
            self._plan_family(changes, service, mine, backends(service, pods, family), family)
        changes.delete += [each for each in stored if each["addressType"] not in service["spec"]["ipFamilies"]]
        return changes

    def _plan_family(
        self, changes: _Changes, service: Json, stored: list[Json], by_ports: dict[str, dict[str, Json]], family: str
    ) -> None:
        mine = _Changes()
        for key, endpoints in by_ports.items():
            same_ports = [existing for existing in stored if ports_key(existing["ports"]) == key]
            packing = packed(same_ports, endpoints, _labels(service), self.core.settings.slice_size)
            self._add(mine, packing, service, json.loads(key), family)
        mine.delete += [existing for existing in stored if ports_key(existing["ports"]) not in by_ports]
        if not by_ports:
            self._keep_empty(mine, service, family)
        mine.reuse()
        changes.add(mine)

    def _stored(self, service: Json) -> list[Json]:
        """Return the slices of a Service that this controller made."""
        expected = {**_OWN_LABELS, SERVICE_LABEL: service["metadata"]["name"]}
        slices = self.store.select("endpointslices", service["metadata"]["namespace"])
        return [existing for existing in slices if expected.items() <= labels_of(existing).items()]

    def _add(self, changes: _Changes, packing: Packing, service: Json, ports: list[Json], family: str) -> None:
        changes.create += [self._new_slice(service, slot.endpoints, ports, family) for slot in packing.created]
        for slot in packing.updated:
            assert slot.stored is not None
            changes.update.append({**with_metadata(slot.stored, labels=_labels(service)), "endpoints": slot.endpoints})
        changes.delete += packing.emptied

    def _keep_empty(self, changes: _Changes, service: Json, family: str) -> None:
        """Keep one slice without endpoints: who reads it knows that the Service was looked at."""
        empty = self._new_slice(service, [], [], family)
        if [(existing["endpoints"], existing["ports"]) for existing in changes.delete] == [([], [])]:
            changes.delete = []
        else:
            changes.create.append(empty)

    def _new_slice(self, service: Json, endpoints: list[Json], ports: list[Json], family: str) -> Json:
        prefix = f"{service['metadata']['name']}-"
        return {
            "apiVersion": _SLICES.api_version,
            "kind": _SLICES.kind,
            "metadata": {
                "name": f"{prefix}{self.writes.name_suffix()}",
                "generateName": prefix,
                "namespace": service["metadata"]["namespace"],
                "labels": _labels(service),
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": family,
            "endpoints": endpoints,
            "ports": ports,
        }

    def _write(self, service: Json, changes: _Changes) -> None:
        """Write the changes one after the other; the Service is busy until the last one."""
        namespace = service["metadata"]["namespace"]
        writes: list[Callable[[], object]] = []
        if not is_terminating(service):
            writes += [partial(self.writes.create, _SLICES, new, namespace) for new in changes.create]
        writes += [partial(self._update, changed) for changed in changes.update]
        writes += [partial(self._delete, stale) for stale in changes.delete]
        ref = KINDS["services"].ref(service)
        gap = self.core.settings.slice_gap
        self._busy_until[ref] = self.core.timeline.elapsed + gap * max(len(writes) - 1, 0)
        for index, write in enumerate(writes):
            if index == 0:
                self._run(ref, write)
            else:
                self.core.timeline.after(index * gap, partial(self._run, ref, write))

    def _run(self, ref: Ref, write: Callable[[], object]) -> None:
        try:
            write()
        except ApiError:  # the namespace or the Service is going: look again, there may be nothing left to do
            self.retry(ref)

    def _update(self, changed: Json) -> None:
        before = self.store.get(_SLICES.ref(changed))
        if before is not None:
            metadata = {
                **before["metadata"],
                "labels": changed["metadata"]["labels"],
                "generation": before["metadata"]["generation"] + 1,
            }
            self.store.put(_SLICES.ref(changed), {**changed, "metadata": metadata})

    def _delete(self, stale: Json) -> None:
        if self.store.get(_SLICES.ref(stale)) is not None:
            self.writes.delete(_SLICES, _SLICES.ref(stale))


def _labels(service: Json) -> dict[str, str]:
    """Return the labels of a Service's slices: its own, and those by which the slices are found."""
    headless = {_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    mirrored = {key: value for key, value in labels_of(service).items() if key not in {_HEADLESS, SERVICE_LABEL}}
    return {**mirrored, **headless, **_OWN_LABELS, SERVICE_LABEL: service["metadata"]["name"]}
