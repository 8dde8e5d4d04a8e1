"""Whose an object is: a controller adopts what its selector matches and nobody controls, and lets go what left it.

Deployments claim ReplicaSets in this way, and ReplicaSets pods, by the labels that the object itself has.
"""

from __future__ import annotations

from collections.abc import Iterable

from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import (
    Json,
    controller_of,
    is_terminating,
    labels_of,
    owner_reference,
    with_metadata,
)
from springtide.sandbox.selectors import label_selector
from springtide.sandbox.store import Change, Store


def claimed(store: Store, kind: Kind, owner: Json, candidates: Iterable[Json]) -> list[Json]:
    """Return which of the candidates, objects of `kind` in the owner's namespace, are its own after this.

    An owner that is being deleted takes nothing more and lets nothing go.
    """
    matches = label_selector(owner["spec"]["selector"])
    uid = owner["metadata"]["uid"]
    is_going = is_terminating(owner)
    own: list[Json] = []
    for obj in candidates:
        controller = controller_of(obj)
        is_match = matches(labels_of(obj))
        if controller is None:
            if is_match and not is_going and not is_terminating(obj):
                owners = [*obj["metadata"].get("ownerReferences", ()), owner_reference(owner)]
                own.append(store.put(kind.ref(obj), with_metadata(obj, ownerReferences=owners)))
        elif controller["uid"] == uid and is_match:
            own.append(obj)
        elif controller["uid"] == uid and not is_going:
            owners = [each for each in obj["metadata"]["ownerReferences"] if each["uid"] != uid]
            store.put(kind.ref(obj), with_metadata(obj, ownerReferences=owners or None))
    return own


def was_let_go(change: Change) -> Json | None:
    """Return the reference to the controller that an object had before a change and has no more."""
    before = None if change.previous is None else controller_of(change.previous)
    return None if before == controller_of(change.object) else before
