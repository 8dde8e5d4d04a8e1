"""The patches that the API serves: merge patch, JSON patch, and strategic merge for the lists clients really send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from springtide.sandbox.objects import Json
from springtide.sandbox.status import bad_request, rejected_patch, unsupported_media_type

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# List fields that strategic merge joins by a key (`patchMergeKey` in k8s.io/api); every other list is replaced.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "conditions": "type",
    "ownerReferences": "uid",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


def apply(content_type: str, current: Json, body: bytes) -> Json:
    """Return the object with a patch applied.

    Raises:
        ApiError: 400 for a body that is no patch, 415 for a kind of patch that is not served, 422 for a JSON patch
            whose `test` fails or whose path is not there.
    """
    media_type = content_type.partition(";")[0].strip()
    patcher = _PATCHERS.get(media_type)
    if patcher is None:
        raise unsupported_media_type(sorted(_PATCHERS))
    try:
        patch = json.loads(body)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from error
    return patcher(current, patch)


def merge(current: Any, patch: Any) -> Any:
    """Apply RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(current: Any, patch: Any) -> Any:
    """Apply a strategic merge patch: maps merge, lists of named things merge by their key, other lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list) and (merge_key := _merge_key(key, value)):
            result[key] = _merge_list(result.get(key) or [], value, merge_key)
        elif not key.startswith("$"):  # other directives only order lists
            result[key] = strategic(result.get(key), value)
    return result


def _merge_key(field: str, items: list[Any]) -> str | None:
    # `ports` is one word for two lists: those of a container and those of a Service merge by different keys
    if field == "ports" and all(isinstance(item, dict) for item in items):
        return "containerPort" if any("containerPort" in item for item in items) else "port"
    return _MERGE_KEYS.get(field)


def _merge_list(current: list[Any], patch: list[Any], key: str) -> list[Any]:
    merged = {item.get(key): item for item in current}
    for item in patch:
        name = item.get(key)
        if item.get("$patch") == "delete":
            merged.pop(name, None)
        else:
            merged[name] = strategic(merged.get(name), item)
    return list(merged.values())


def _object_patch(apply_patch: Callable[[Any, Any], Any]) -> Callable[[Json, Any], Json]:
    def patch_object(current: Json, patch: Any) -> Json:
        if not isinstance(patch, dict):
            raise bad_request("error decoding patch: a merge patch has to be an object")
        patched: Json = apply_patch(current, patch)
        return patched

    return patch_object


def _json_patch(current: Json, patch: Any) -> Json:
    import jsonpatch  # few callers send one: whoever does not need it does not load it

    if not isinstance(patch, list):
        raise bad_request("error decoding patch: a JSON patch has to be a list of operations")
    try:
        patched: Json = jsonpatch.JsonPatch(patch).apply(current)
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(f"error decoding patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise rejected_patch() from error
    return patched


_PATCHERS: dict[str, Callable[[Json, Any], Json]] = {
    MERGE: _object_patch(merge),
    STRATEGIC: _object_patch(strategic),
    JSON_PATCH: _json_patch,
}
