"""Creating, changing and deleting objects: defaults, validation, admission, compare-and-swap, finalizers.

Both the API and the built-in controllers write through here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from springtide.sandbox import quota
from springtide.sandbox.decoding import decoded
from springtide.sandbox.defaults import fill, without_nulls
from springtide.sandbox.kinds import KINDS, Kind
from springtide.sandbox.network import Network
from springtide.sandbox.objects import Json, Ref, is_terminating, stamp, with_metadata
from springtide.sandbox.ownership import managed_fields
from springtide.sandbox.preconditions import compare, same_kind
from springtide.sandbox.priority import with_priority
from springtide.sandbox.status import (
    ApiError,
    Subject,
    already_exists,
    bad_request,
    forbidden,
    invalid,
    mistaken_deletion,
    not_found,
    required,
    stale_deletion,
    uid_mismatch,
    wrong,
)
from springtide.sandbox.store import Store
from springtide.sandbox.validate import check
from springtide.sandbox.writers import CONTROLLER, Deletion, Writer

_FREE_METADATA = ("labels", "annotations", "ownerReferences", "finalizers")  # what a writer may set
_FIXED_METADATA = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_NOT_CONTENT = frozenset({"apiVersion", "kind", "metadata", "status"})
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_FIRST_STATUS: dict[str, Json] = {
    "pods": {"phase": "Pending", "qosClass": "BestEffort"},
    "namespaces": {"phase": "Active"},
    "services": {"loadBalancer": {}},
}
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


Webhook: TypeAlias = Callable[[Kind, Json | None, Json], Json]
"""An admission webhook: gets what is written, as it was and as it is to be, and returns what is kept of it.

It says no by raising an `ApiError`: `status.denied`.
"""


class Writes:
    """Every way to change the store."""

    def __init__(self, store: Store, network: Network, now: Callable[[], datetime], rng: Random) -> None:
        self.store = store
        self.network = network
        self.now = now
        self.rng = rng
        self.webhooks: list[Webhook] = []

    def name_suffix(self) -> str:
        """Return five letters, as the API server appends them to `generateName`."""
        return "".join(self.rng.choices(_NAME_LETTERS, k=5))

    def create(self, kind: Kind, body: Json, namespace: str = "", writer: Writer = CONTROLLER) -> Json:
        """Create an object.

        Raises:
            ApiError: what a real API server would answer.
        """
        obj = self._admitted(kind, None, self._complete(kind, body, namespace, writer))
        check(kind, obj, None)
        quota.admit(self.store, kind, obj)
        ref = kind.ref(obj)
        if self.store.get(ref) is not None:
            raise already_exists(kind.subject(ref.name))
        return obj if writer.dry_run else self.store.put(ref, obj)

    def _complete(self, kind: Kind, body: Json, namespace: str, writer: Writer) -> Json:
        """Return the object as it would be stored first."""
        body = body if writer is CONTROLLER else decoded(kind.plural, body)
        same_kind(kind, body)
        metadata = self._metadata(kind, without_nulls(body.get("metadata") or {}), namespace)
        name = metadata["name"]
        content = {field: value for field, value in body.items() if field not in _NOT_CONTENT}
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **without_nulls(content)}
        obj = fill(kind.plural, obj)
        if kind.plural == "namespaces":
            obj["spec"] = {"finalizers": ["kubernetes"]}
            metadata["labels"] = {**metadata.get("labels", {}), "kubernetes.io/metadata.name": name}
        if kind.plural == "services":
            obj["spec"] = self._with_address(obj["spec"], kind.subject(metadata["name"]))
        if not kind.status and "status" in body:
            obj["status"] = body["status"]
        elif kind.status:
            obj["status"] = _FIRST_STATUS.get(kind.plural, {})
        return self._owned(kind, None, obj, writer)

    def _metadata(self, kind: Kind, given: Json, namespace: str) -> Json:
        """Return the metadata of a new object: what it was given, and what only the API server gives."""
        if given.get("resourceVersion"):
            raise ApiError(500, "InternalError", "resourceVersion should not be set on objects to be created")
        prefix = given.get("generateName")
        name = given.get("name") or (f"{prefix}{self.name_suffix()}" if prefix else "")
        if not name:
            raise invalid(kind.subject(), [required("metadata.name", "name or generateName is required")])
        if kind.namespaced:
            self._open_namespace(kind, name, namespace, given.get("namespace", namespace))
        return {
            "name": name,
            **({"generateName": prefix} if prefix else {}),
            **({"namespace": namespace} if kind.namespaced else {}),
            "uid": self._uid(),
            **({"generation": 1} if kind.generation else {}),
            "creationTimestamp": stamp(self.now()),
            **{key: given[key] for key in _FREE_METADATA if given.get(key)},
        }

    def _uid(self) -> str:
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _open_namespace(self, kind: Kind, name: str, namespace: str, given: str) -> None:
        if given != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        space = self.store.get(Ref("namespaces", "", namespace))
        if space is None:
            raise not_found(KINDS["namespaces"].subject(namespace))
        if is_terminating(space):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            # a client tells by this cause that trying again later is of no use
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise forbidden(kind.subject(name), why, causes=[cause])

    def _with_address(self, spec: Json, subject: Subject) -> Json:
        given = spec.get("clusterIP")
        if given and given != "None" and not self.network.is_service_address(given):
            why = f"failed to allocate IP {given}: the provided IP is not in the valid range, {self.network.services}"
            raise invalid(subject, [wrong("spec.clusterIPs", [given], why)])
        address = given or self.network.service_address()
        return {**spec, "clusterIP": address, "clusterIPs": [address]}

    def _owned(self, kind: Kind, old: Json | None, obj: Json, writer: Writer) -> Json:
        """Return the object with `managedFields` following the writer."""
        before = (old or {}).get("metadata", {}).get("managedFields")
        if not writer.manager:
            return with_metadata(obj, managedFields=before)
        entry = {
            "manager": writer.manager,
            "operation": "Update",
            "apiVersion": kind.api_version,
            # what comes through `scale` carries no time
            **({} if writer.subresource == "scale" else {"time": stamp(self.now())}),
            **({"subresource": writer.subresource} if writer.subresource else {}),
        }
        return with_metadata(obj, managedFields=managed_fields(old, obj, entry) or None)

    def update(self, kind: Kind, ref: Ref, change: Callable[[Json], Json], writer: Writer = CONTROLLER) -> Json:
        """Change an object: `change` gets it as it is and returns it as it should be.

        Raises:
            ApiError: what a real API server would answer; 409 when the returned resourceVersion is not the stored one.
        """
        old = self.store.get(ref)
        if old is None:
            return self._upsert(kind, ref, change, writer)
        wanted = change(old)
        wanted = wanted if writer is CONTROLLER else decoded(kind.plural, wanted)
        same_kind(kind, wanted)
        compare(kind, old, wanted, writer)
        new = self._follow(kind, old, wanted, writer)
        if writer.subresource != "status":
            new = self._admitted(kind, old, new)
        check(kind, new, old)
        if writer.dry_run:
            return new
        written = self.store.put(ref, new)
        return self.finish(ref, written)

    def _admitted(self, kind: Kind, old: Json | None, obj: Json) -> Json:
        """Return the object as the priority plugin and the webhooks leave it; all are asked for a dry run, too."""
        obj = with_priority(self.store, obj, old) if kind.plural == "pods" else obj
        for webhook in self.webhooks:
            obj = webhook(kind, old, obj)
        return obj

    def _upsert(self, kind: Kind, ref: Ref, change: Callable[[Json], Json], writer: Writer) -> Json:
        if not (kind.upsert and writer.replaces and not writer.subresource):
            raise not_found(kind.subject(ref.name))
        wanted = change({})
        uid = (wanted.get("metadata") or {}).get("uid")
        if uid:
            raise uid_mismatch(kind.subject(ref.name), uid, "")
        wanted = {**wanted, "metadata": {**wanted.get("metadata", {}), "resourceVersion": ""}}
        return self.create(kind, wanted, ref.namespace, writer)

    def _follow(self, kind: Kind, old: Json, wanted: Json, writer: Writer) -> Json:
        """Return the object as it would be stored: what a writer cannot set stays as it was."""
        if writer.subresource == "status":
            reported = {**old, "status": without_nulls(wanted.get("status") or {})}
            return self._owned(kind, old, reported, writer)
        before = old["metadata"]
        given = without_nulls(wanted["metadata"])
        kept = {key: before[key] for key in _FIXED_METADATA if key in before}
        free = {key: given[key] for key in _FREE_METADATA if given.get(key)}
        content = {field: value for field, value in wanted.items() if field not in {"apiVersion", "kind", "metadata"}}
        new: Json = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {**kept, **free},
            **without_nulls(content),
        }
        new = fill(kind.plural, new)
        if kind.plural == "services":
            # a manifest that is applied again does not know the address: the Service keeps it
            address = {key: old["spec"][key] for key in ("clusterIP", "clusterIPs") if key in old["spec"]}
            missing = {key: value for key, value in address.items() if not new["spec"].get(key)}
            new["spec"] = {**new["spec"], **missing}
        if kind.status:
            new["status"] = old.get("status", {})
        if kind.generation and _counts_as_new_generation(kind, old, new):
            new["metadata"]["generation"] = before.get("generation", 0) + 1
        # a writer may give its own entries up: what it sends is what the fields belong to before this write
        sent = given.get("managedFields")
        return self._owned(kind, old if sent is None else with_metadata(old, managedFields=sent), new, writer)

    def finish(self, ref: Ref, obj: Json) -> Json:
        """Take a deleted object away as soon as nothing holds it, and return it."""
        metadata = obj["metadata"]
        held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds") or ref.resource == "namespaces"
        if is_terminating(obj) and not held:
            return self.store.remove(ref)
        return obj

    def delete(self, kind: Kind, ref: Ref, deletion: Deletion | None = None) -> tuple[Json, bool]:
        """Delete an object; return its last form and whether it is gone already.

        Raises:
            ApiError: 404, or 409 when a precondition does not hold.
        """
        how = deletion or Deletion()
        old = self.store.get(ref)
        if old is None:
            raise not_found(kind.subject(ref.name))
        metadata = old["metadata"]
        if how.uid and how.uid != metadata["uid"]:
            raise mistaken_deletion(kind.subject(ref.name), how.uid, metadata["uid"])
        if how.version and how.version != metadata["resourceVersion"]:
            raise stale_deletion(kind.subject(ref.name), how.version, metadata["resourceVersion"])
        grace = _grace(kind, old, how.grace)
        finalizers = _finalizers(metadata.get("finalizers", []), how.policy)
        if how.dry_run:
            return old, not (grace or finalizers)
        if not grace and not finalizers and kind.plural != "namespaces":
            return self.store.remove(ref), True
        return self._mark(ref, old, grace, finalizers), False

    def _mark(self, ref: Ref, old: Json, grace: int, finalizers: list[str]) -> Json:
        metadata = old["metadata"]
        if is_terminating(old) and grace >= metadata.get("deletionGracePeriodSeconds", 0):
            return old
        generation = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
        marked = with_metadata(
            old,
            **generation,
            deletionTimestamp=stamp(self.now() + timedelta(seconds=grace)),
            deletionGracePeriodSeconds=grace,
            finalizers=finalizers or None,
        )
        if ref.resource == "namespaces":
            marked = {**marked, "status": {"phase": "Terminating"}}
        return self.finish(ref, self.store.put(ref, marked))

    def set_status(self, ref: Ref, status: Json) -> Json | None:
        """Write an object's status, as the built-in controllers do; None when the object is gone."""
        obj = self.store.get(ref)
        return None if obj is None else self.store.put(ref, {**obj, "status": status})


def _counts_as_new_generation(kind: Kind, old: Json, new: Json) -> bool:
    if old.get("spec") != new.get("spec"):
        return True
    if kind.plural == "endpointslices":
        return bool(old.get("endpoints") != new.get("endpoints") or old.get("ports") != new.get("ports"))
    # a Deployment's annotations are copied to its ReplicaSets, so the controller has to look again
    return kind.plural == "deployments" and old["metadata"].get("annotations") != new["metadata"].get("annotations")


def _grace(kind: Kind, obj: Json, wanted: int | None) -> int:
    if kind.plural != "pods":
        return 0
    unplaced = not obj["spec"].get("nodeName")
    if unplaced or obj["status"].get("phase") in {"Succeeded", "Failed"}:
        return 0
    own: int = obj["spec"].get("terminationGracePeriodSeconds", 30)
    return own if wanted is None else max(wanted, 0)


def _finalizers(present: list[str], policy: str) -> list[str]:
    others = [name for name in present if name not in {FOREGROUND, ORPHAN}]
    return others + {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(policy, [])
