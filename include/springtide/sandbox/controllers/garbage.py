"""Garbage collection: dependents of what is gone, foreground and orphaning deletion, and the end of namespaces."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.sandbox.core import Controller, Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, is_terminating, with_metadata
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change
from springtide.sandbox.writers import Deletion
from springtide.sandbox.writes import FOREGROUND, ORPHAN


class GarbageCollector(Controller):
    """Deletes what nobody owns any more."""

    watches = tuple(plural for plural in KINDS if plural not in {"events", "namespaces"})

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._owners: dict[str, Ref] = {}
        self._dependents: dict[str, set[Ref]] = {}

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return the dependents of what went, what went half, and what came without its owner."""
        uid = change.object["metadata"]["uid"]
        references = change.object["metadata"].get("ownerReferences", ())
        if change.type == "DELETED":
            self._owners.pop(uid, None)
            for owner in references:
                self._dependents.get(owner["uid"], set()).discard(change.ref)
                if (above := self._owners.get(owner["uid"])) is not None:
                    yield from self._half_gone(above)
            yield from sorted(self._dependents.pop(uid, ()))
            return
        self._owners[uid] = change.ref
        self._forget_former_owners(change)
        for owner in references:
            self._dependents.setdefault(owner["uid"], set()).add(change.ref)
            if owner["uid"] not in self._owners:  # the owner was gone before the object came
                yield change.ref
        if is_terminating(change.object):
            yield change.ref

    def _forget_former_owners(self, change: Change) -> None:
        """An object that was let go is nobody's dependent: it stays when its former owner goes."""
        former = () if change.previous is None else change.previous["metadata"].get("ownerReferences", ())
        still = {owner["uid"] for owner in change.object["metadata"].get("ownerReferences", ())}
        for owner in former:
            if owner["uid"] not in still:
                self._dependents.get(owner["uid"], set()).discard(change.ref)

    def _half_gone(self, ref: Ref) -> Iterable[Ref]:
        owner = self.store.get(ref)
        if owner is not None and is_terminating(owner):
            yield ref

    def reconcile(self, ref: Ref) -> None:
        """Delete an object without owners, or finish one that waits for its dependents."""
        obj = self.store.get(ref)
        if obj is None:
            return
        finalizers = obj["metadata"].get("finalizers", ())
        if is_terminating(obj) and FOREGROUND in finalizers:
            self._foreground(ref, obj)
        elif is_terminating(obj) and ORPHAN in finalizers:
            self._orphan(ref, obj)
        elif self._is_ownerless(obj) and not is_terminating(obj):
            self._delete(ref, "Background")

    def _is_ownerless(self, obj: Json) -> bool:
        references = obj["metadata"].get("ownerReferences", ())
        return bool(references) and not any(owner["uid"] in self._owners for owner in references)

    def _delete(self, ref: Ref, policy: str) -> None:
        try:
            self.writes.delete(KINDS[ref.resource], ref, Deletion(policy=policy))
        except ApiError:  # somebody else deleted it meanwhile
            self.succeeded(ref)

    def _foreground(self, ref: Ref, owner: Json) -> None:
        waiting = sorted(self._dependents.get(owner["metadata"]["uid"], ()))
        for dependent in waiting:
            obj = self.store.get(dependent)
            if obj is not None and not is_terminating(obj):
                self._delete(dependent, "Foreground" if dependent.resource == "replicasets" else "Background")
        if not any(self.store.get(dependent) for dependent in waiting):
            self._release(ref, owner, FOREGROUND)

    def _orphan(self, ref: Ref, obj: Json) -> None:
        uid = obj["metadata"]["uid"]
        for dependent in sorted(self._dependents.get(uid, ())):
            child = self.store.get(dependent)
            if child is not None:
                owners = [owner for owner in child["metadata"]["ownerReferences"] if owner["uid"] != uid]
                self.store.put(dependent, with_metadata(child, ownerReferences=owners or None))
        self._dependents.pop(uid, None)
        self._release(ref, obj, ORPHAN)

    def _release(self, ref: Ref, obj: Json, finalizer: str) -> None:
        left = [name for name in obj["metadata"].get("finalizers", ()) if name != finalizer]
        self.writes.finish(ref, self.store.put(ref, with_metadata(obj, finalizers=left or None)))


class NamespaceController(Controller):
    """Empties a namespace that was deleted, and then takes it away."""

    watches = ("namespaces",)

    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return a namespace that is going."""
        if is_terminating(change.object) and change.type != "DELETED":
            yield change.ref

    def reconcile(self, ref: Ref) -> None:
        """Delete what is left; look again until nothing is."""
        if self.store.get(ref) is None:
            return
        is_empty = True
        for plural, kind in KINDS.items():
            for obj in self.store.select(plural, ref.name) if kind.namespaced else ():
                is_empty = False
                if not is_terminating(obj):
                    self.writes.delete(kind, kind.ref(obj))
        if is_empty:
            self.store.remove(ref)
        else:
            self.enqueue(ref, 0.1)
