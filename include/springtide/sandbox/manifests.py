"""Manifests as people have them: single objects, and lists of objects."""

from __future__ import annotations

from typing import Any

from springtide.sandbox.objects import Json


def objects_of(document: Any) -> list[Any]:
    """Return the objects of a manifest: the document itself, or the items of a `List`.

    What is no object is returned as it is; whoever applies it says what is wrong with it.
    """
    if not isinstance(document, dict) or not _is_list(document):
        return [document]
    return [obj for item in document["items"] for obj in objects_of(item)]


def _is_list(document: Json) -> bool:
    # `kubectl get` writes `List`, an answer of the API `DeploymentList` and the like
    return str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list)
