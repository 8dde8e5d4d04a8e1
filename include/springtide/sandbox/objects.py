"""Kubernetes objects as plain JSON: how they are named, stamped, changed without mutation and written as bytes.

An object that is in the store is never mutated: whoever changes one builds a new one from it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]


class Ref(NamedTuple):
    """Where an object lives: plural resource name, namespace ("" when cluster-wide), name."""

    resource: str
    namespace: str
    name: str


def stamp(moment: datetime) -> str:
    """Return the API's second-precision form of a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_stamp(text: str) -> datetime:
    """Return the time that a stamp of any precision means."""
    return datetime.fromisoformat(text)


def dump(value: Any) -> bytes:
    """Return compact JSON, as the API sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


def clone(value: Any) -> Any:
    """Return a deep copy of a JSON value (several times faster than `copy.deepcopy`)."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def with_metadata(obj: Json, **changes: Any) -> Json:
    """Return the object with some metadata replaced; None takes a field away."""
    metadata = {**obj["metadata"], **changes}
    # an empty field would be a difference to an object that never had it
    return {**obj, "metadata": {key: value for key, value in metadata.items() if value is not None}}


def with_annotations(obj: Json, changes: dict[str, str]) -> Json:
    """Return the object with some annotations set."""
    return with_metadata(obj, annotations={**obj["metadata"].get("annotations", {}), **changes})


def labels_of(obj: Json) -> dict[str, str]:
    """Return the object's labels, {} when it has none."""
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    return labels


def annotations_of(obj: Json) -> dict[str, str]:
    """Return the object's annotations, {} when it has none."""
    annotations: dict[str, str] = obj["metadata"].get("annotations") or {}
    return annotations


def controller_of(obj: Json) -> Json | None:
    """Return the owner reference that controls the object."""
    for owner in obj["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            controller: Json = owner
            return controller
    return None


def owner_reference(owner: Json) -> Json:
    """Return the reference by which a controller owns what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(obj: Json, kind: str) -> Json | None:
    """Return one condition of the object's status."""
    for entry in obj.get("status", {}).get("conditions", ()):
        if entry["type"] == kind:
            known: Json = entry
            return known
    return None


def is_true(obj: Json, kind: str) -> bool:
    """Return whether a condition is there and True."""
    known = condition(obj, kind)
    return known is not None and known["status"] == "True"


def is_terminating(obj: Json) -> bool:
    """Return whether the object was deleted and only waits for its end."""
    return "deletionTimestamp" in obj["metadata"]
