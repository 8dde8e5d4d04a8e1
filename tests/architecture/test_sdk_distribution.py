"""The SDK is a distribution of its own: what it imports is what its metadata asks for, and each file has one owner."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from architecture.sources import ROOT, python_files
from architecture.test_dependencies import imports_of

SDK = Path("include/springtide/sdk")
OF_THE_EXTRA = {"kubernetes", "urllib3"}
"""Of the official client, and what that raises."""


def metadata(path: str) -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / path).read_text())["project"]
    return found


def requirements(project: dict[str, object]) -> dict[str, str]:
    lines = project["dependencies"]
    extras = project["optional-dependencies"]
    assert isinstance(lines, list)
    assert isinstance(extras, dict)
    asked = [Requirement(line) for line in [*lines, *(each for extra in extras.values() for each in extra)]]
    return {each.name: str(each.specifier) for each in asked}


def test_it_imports_httpx_and_in_one_file_the_kubernetes_client() -> None:
    imports = [found for path in python_files(str(SDK)) for found in imports_of(path)]

    assert {found.package for found in imports} - {"httpx", *OF_THE_EXTRA} - sys.stdlib_module_names == set()
    assert {found.where.partition(":")[0] for found in imports if found.package in OF_THE_EXTRA} == {f"{SDK}/direct.py"}


def test_it_needs_httpx_alone_in_the_range_of_the_library() -> None:
    sdk = metadata("sdk/pyproject.toml")
    library = requirements(metadata("pyproject.toml"))

    assert [Requirement(line).name for line in sdk["dependencies"]] == ["httpx"]  # type: ignore[attr-defined]
    assert {name: ranged for name, ranged in requirements(sdk).items() if library[name] != ranged} == {}


def test_the_main_wheel_leaves_its_files_out() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert build["exclude"] == [str(SDK)]
