"""`metadata.managedFields`: who set which field last, so that a foreign change can be named.

Only writers over the API are recorded, with operation `Update`; the built-in controllers leave no entry.
"""

from __future__ import annotations

from typing import Any

from springtide.sandbox.objects import Json

_SERVERS_OWN = frozenset(
    {
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "name",
        "namespace", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip

_ATOMIC = frozenset({"selector", "nodeSelector"})
"""Maps that the API takes as one value: who changes a key of one owns all of it."""


def managed_fields(old: Json | None, new: Json, entry: Json) -> list[Json]:
    """Return the managedFields after a write.

    `entry` is the writer: manager, operation, apiVersion, time, subresource. What it changed becomes its own and
    leaves those who had it. What is not there any more is nobody's, and who has no field left is forgotten.
    """
    if entry.get("subresource") == "status":
        changed = _changes({"status": (old or {}).get("status")}, {"status": new.get("status")})
    else:
        changed = _changes({} if old is None else _owned_part(old), _owned_part(new))
    before: list[Json] = (old or {}).get("metadata", {}).get("managedFields", [])
    entries = _taken(before, changed, entry) if changed else before
    present = [{**each, "fieldsV1": _present(each["fieldsV1"], new)} for each in entries]
    return [each for each in present if each["fieldsV1"]]


def _taken(before: list[Json], changed: Json, entry: Json) -> list[Json]:
    """Return the entries after a writer took what it changed from the others."""
    own = next((each for each in before if _writer(each) == _writer(entry)), None)
    others = [{**each, "fieldsV1": _without(each["fieldsV1"], changed)} for each in before if each is not own]
    fields = _union(own["fieldsV1"] if own else {}, changed)
    return [*others, {**entry, "fieldsType": "FieldsV1", "fieldsV1": fields}]


def _writer(entry: Json) -> tuple[str, str, str]:
    return entry["manager"], entry["operation"], entry.get("subresource", "")


def _owned_part(obj: Json) -> Json:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS_OWN}
    rest = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    return {**rest, "metadata": metadata} if metadata else rest


def _changes(old: Any, new: Json) -> Json:
    """Return, as a FieldsV1 tree, the fields of `new` that differ from `old`; a list and a selector are one."""
    tree: Json = {}
    for key, value in new.items():
        before = old.get(key) if isinstance(old, dict) else None
        if value == before:
            continue
        tree[f"f:{key}"] = _changes(before, value) if isinstance(value, dict) and value and key not in _ATOMIC else {}
    return tree


def _union(left: Json, right: Json) -> Json:
    return {**left, **{key: _union(left.get(key, {}), value) for key, value in right.items()}}


def _without(tree: Json, taken: Json) -> Json:
    """Return the tree without the leaves of `taken`."""
    rest: Json = {}
    for key, value in tree.items():
        if key not in taken:
            rest[key] = value
        elif taken[key] and value and (below := _without(value, taken[key])):
            rest[key] = below
    return rest


def _present(tree: Json, obj: Json) -> Json:
    """Return the tree without what the object does not have."""
    rest: Json = {}
    for key, below in tree.items():
        value = obj.get(key.removeprefix("f:"))
        if value is None:
            continue
        if not below or not isinstance(value, dict):
            rest[key] = below
        elif kept := _present(below, value):
            rest[key] = kept
    return rest
