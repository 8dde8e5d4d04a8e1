"""One word for one thing: a public class name says which class is meant, wherever it is read."""

from __future__ import annotations

import ast
from pathlib import Path

from architecture.sources import ROOT, python_files

OF_THEIR_OWN = (Path("include/springtide/sandbox"), Path("include/springtide/sdk"))
"""A world in the words of Kubernetes, and a distribution whose reader sees nothing else of springtide."""


def public_classes() -> dict[str, list[str]]:
    """Return where each public class of the library and of the plugin is defined."""
    places: dict[str, list[str]] = {}
    for path in python_files("include", "plugins"):
        if any(path.is_relative_to(folder) for folder in OF_THEIR_OWN):
            continue
        for node in ast.parse((ROOT / path).read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(f"{path}:{node.lineno}")
    return places


def test_no_public_class_name_is_used_twice() -> None:
    assert len(public_classes()) > 100, "the classes are not where this test looks"
    assert {name: places for name, places in public_classes().items() if len(places) > 1} == {}
