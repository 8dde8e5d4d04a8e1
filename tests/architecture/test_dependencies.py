"""What the library imports is what its metadata asks for, and the two locks agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from architecture.sources import ROOT, python_files
from springtide.extras import Extra

GUARDED_FOLDERS = {Path("include/springtide/sandbox"): "sandbox", Path("include/springtide/web"): "web"}
"""Folders behind one door: `springtide sandbox` asks for its extra, and the plugin brings that of web."""

USED_BY_NAME = {"apache-airflow", "apache-airflow-providers-cncf-kubernetes", "jinja2", "psycopg"}
"""SQLAlchemy imports psycopg for a URL of PostgreSQL; Airflow's packages share one name in imports.

Templates are Jinja's, whoever imports it.
"""

OF_THE_PLUGIN = "airflow"
"""The extra of springtide_airflow. No error names it: without it nobody gets that far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdPartyImport:
    """One import of a package that is not Python's own; `extra` where an extra guards it, `any` where it may fail."""

    where: str
    package: str
    extra: str | None = None


def imports_of(path: Path) -> Iterator[ThirdPartyImport]:
    tree = ast.parse((ROOT / path).read_text())
    folder = next((extra for folder, extra in GUARDED_FOLDERS.items() if path.is_relative_to(folder)), None)
    yield from _imports_in(tree, path, None, folder)


def _imports_in(node: ast.AST, path: Path, extra: str | None, folder: str | None) -> Iterator[ThirdPartyImport]:
    extra = _guard(node) or extra
    if extra == "types":
        return
    for package in _packages(node):
        if package not in sys.stdlib_module_names and package != "springtide":
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            yield ThirdPartyImport(where=where, package=package, extra=extra or folder)
    for child in ast.iter_child_nodes(node):
        yield from _imports_in(child, path, extra, folder)


def _guard(node: ast.AST) -> str | None:
    """Return the extra that `with requires_extra(...)` names, `any` where a missing module is caught, `types`."""
    if isinstance(node, ast.With):
        call = node.items[0].context_expr
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "requires_extra":
            return str(ast.literal_eval(call.args[0]))
    if isinstance(node, ast.Try):
        caught = [ast.unparse(handler.type) for handler in node.handlers if handler.type is not None]
        return "any" if "ModuleNotFoundError" in caught else None
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return "types"
    return None


def _packages(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module.partition(".")[0]]
    return []


@cache
def library_imports() -> tuple[ThirdPartyImport, ...]:
    return tuple(found for path in python_files("include") for found in imports_of(path))


@cache
def plugin_imports() -> tuple[ThirdPartyImport, ...]:
    """Return the imports of the plugin and the DAGs, but for those of their own."""
    found = (each for path in python_files("plugins", "dags") for each in imports_of(path))
    return tuple(each for each in found if not each.package.startswith("springtide"))


@cache
def extras() -> dict[str, set[str]]:
    """Return the distributions of each extra, and under `core` those that every installation has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {"core": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {canonicalize_name(Requirement(line).name) for line in lines}
        for extra, lines in asked.items()
        if extra != "all"
    }


@cache
def distributions(package: str) -> set[str]:
    """Return what brings `package`; empty where it is not installed."""
    return {canonicalize_name(name) for name in packages_distributions().get(package, ())}


def is_asked_for(found: ThirdPartyImport) -> bool:
    sources = distributions(found.package)
    if sources & extras()["core"]:
        return True
    if found.extra == "any":
        return any(sources & asked for asked in extras().values())
    return found.extra is not None and bool(sources & extras()[found.extra])


def test_every_import_is_a_core_dependency_or_guarded_by_an_extra_that_brings_it() -> None:
    assert len(library_imports()) > 100, "the imports are not where this test looks"
    assert [found for found in library_imports() if not is_asked_for(found)] == []


def test_every_dependency_is_imported() -> None:
    everything = (*library_imports(), *plugin_imports())
    imported = {source for found in everything for source in distributions(found.package)}
    asked = {name for names in extras().values() for name in names}

    assert asked - imported - USED_BY_NAME == set()


def test_the_plugin_imports_what_its_extra_or_the_core_brings() -> None:
    allowed = extras()["core"] | extras()[OF_THE_PLUGIN]

    assert len(plugin_imports()) > 10, "the imports are not where this test looks"
    assert [found for found in plugin_imports() if not distributions(found.package) & allowed] == []


def test_the_extras_are_those_that_errors_can_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (everything,) = project["optional-dependencies"]["all"]

    assert extras().keys() - {"core", OF_THE_PLUGIN} == set(get_args(Extra))
    assert Requirement(everything).extras == set(get_args(Extra))


def pins(lock: str) -> dict[str, str]:
    """Return the version of each distribution of a lock; one with several has them all, for its several markers."""
    pinned: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        pinned.setdefault(canonicalize_name(name), []).append(version)
    return {name: " ".join(versions) for name, versions in pinned.items()}


def asked_for(requirements: str) -> dict[str, str]:
    """Return the exact pins of a hand-written file of requirements."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / requirements).read_text().splitlines()]
    asked = [Requirement(line) for line in lines if line and not line.startswith("-r ")]
    return {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in asked}


def test_the_runtime_lock_is_a_part_of_the_development_lock() -> None:
    development = pins("requirements.txt")
    runtime = pins("requirements-runtime.txt")

    assert len(runtime) > 100
    assert {name: version for name, version in runtime.items() if development.get(name) != version} == {}
    assert set(runtime) < set(development)


def test_each_lock_holds_what_its_requirements_say() -> None:
    for requirements in ("requirements.in", "requirements-runtime.in"):
        locked = pins(requirements.replace(".in", ".txt"))
        asked = asked_for(requirements)
        assert {name: pin for name, pin in asked.items() if pin != f"=={locked.get(name)}"} == {}


def test_the_locks_are_in_the_ranges_of_the_metadata() -> None:
    """An installed wheel gets what the tests ran with, or what promises to be like it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    locked = pins("requirements.txt")
    asked = [Requirement(line) for line in lines if not line.startswith("springtide[")]

    wrong = [str(each) for each in asked if not each.specifier.contains(locked[canonicalize_name(each.name)])]
    assert wrong == []


def test_nothing_of_development_or_of_the_sandbox_is_in_the_runtime_lock() -> None:
    development_only = {"hypothesis", "jsonpatch", "mypy", "playwright", "pytest", "ruff", "uv"}

    assert development_only <= asked_for("requirements.in").keys()
    assert development_only & pins("requirements-runtime.txt").keys() == set()
