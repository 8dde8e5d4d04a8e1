"""The Kubernetes objects that are shipped, as they stand in their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Json = dict[str, Any]

DEPLOY = Path(__file__).parents[2] / "deploy"
PLACES = (DEPLOY / "kubernetes", DEPLOY / "overlays")
KUSTOMIZATION = "kustomization.yaml"
WRITTEN_BY_OPERATORS = {"policies", "calendars"}
"""Folders whose files are no objects of Kubernetes: ConfigMaps are made of them."""


def files() -> list[Path]:
    """Return every file with objects, kustomizations and what they make ConfigMaps of left out."""
    found = (file for place in PLACES for file in sorted(place.rglob("*.yaml")))
    return [file for file in found if file.name != KUSTOMIZATION and file.parent.name not in WRITTEN_BY_OPERATORS]


def documents(file: Path) -> list[Json]:
    """Return what stands in a file."""
    return [dict(each) for each in YAML(typ="safe", pure=True).load_all(file) if each]


def kustomizations() -> dict[Path, Json]:
    """Return every kustomization by its folder."""
    found = (file for place in PLACES for file in sorted(place.rglob(KUSTOMIZATION)))
    return {file.parent: documents(file)[0] for file in found}


def objects() -> list[Json]:
    """Return every object of every file."""
    return [each for file in files() for each in documents(file)]


def pod_specs(documents: list[Json]) -> dict[str, Json]:
    """Return the pod specs of what makes pods, by the object's kind and name."""
    return {f"{each['kind']} {each['metadata']['name']}": spec for each in documents for spec in _pod_specs(each)}


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a document, keys included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


def _pod_specs(document: Json) -> Iterator[Json]:
    spec = document.get("spec") or {}
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    if "containers" in spec.get("template", {}).get("spec", {}):
        yield spec["template"]["spec"]
