"""Who set a field of an object last, by the API server's own account (`metadata.managedFields`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from springtide.kube.objects import Json, KubeObject


def managers_of(thing: KubeObject, path: Iterable[str]) -> Iterator[str]:
    """Yield the managers that have set the field at `path`; who only writes the object's status has set none."""
    steps = tuple(path)
    for entry in thing.raw["metadata"].get("managedFields") or ():
        if entry.get("subresource") != "status" and _has_field(entry.get("fieldsV1") or {}, steps):
            yield str(entry.get("manager", ""))


def _has_field(fields: Json, path: tuple[str, ...]) -> bool:
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True
