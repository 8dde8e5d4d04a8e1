"""Whatever an operator can set, connect or turn on stands in the docs, by the name that the source has for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from architecture.sources import ROOT, python_files
from springtide.settings import variables

PAGE = ROOT / "docs" / "configuration.md"
SETTING = re.compile(r"\bSPRINGTIDE_[A-Z0-9_]*[A-Z0-9]\b")
KEPT_BY_AIRFLOW = re.compile(r"(?:kubernetes|prometheus)_default|springtide_[a-z_]+")
"""How connections and variables of Airflow are named here."""

MODULES = {path.stem for path in python_files("plugins")} | {"springtide_airflow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedDag:
    """What a DAG file says of its DAG."""

    dag_id: str
    is_paused: bool


def pages() -> str:
    """Return all pages of the docs, as one text."""
    return "\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))


def constants(path: Path) -> Iterator[str]:
    """Yield the texts in a file's code, but for docstrings and names that are imported."""
    tree = ast.parse((ROOT / path).read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def dags() -> list[ShippedDag]:
    calls = (
        node
        for path in python_files("dags")
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DAG"
    )
    said = [{word.arg: word.value for word in call.keywords} for call in calls]
    return [
        ShippedDag(
            dag_id=ast.literal_eval(words["dag_id"]), is_paused=ast.literal_eval(words["is_paused_upon_creation"])
        )
        for words in said
    ]


def test_every_setting_that_the_source_names_is_in_the_docs() -> None:
    files = [(ROOT / path).read_text() for path in python_files("include", "plugins", "dags")]
    named = {name for text in files for name in SETTING.findall(text)}
    known = {variable.name for variable in variables().values()}
    text = pages()

    assert len(known) > 20
    assert sorted(name for name in named | known if name not in text) == []


def test_every_connection_and_variable_of_airflow_that_the_source_names_is_in_the_docs() -> None:
    found = {text for path in python_files("plugins") for text in constants(path) if KEPT_BY_AIRFLOW.fullmatch(text)}
    named = found - MODULES
    text = pages()

    assert named >= {"kubernetes_default", "prometheus_default", "springtide_store"}
    assert sorted(name for name in named if f"`{name}`" not in text) == []


def test_every_dag_has_its_purpose_and_how_it_starts_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (on|paused) \|$", PAGE.read_text(), re.MULTILINE)
    told = {dag: start for dag, purpose, _, start in rows if len(purpose) > 20}

    assert len(dags()) >= 7
    assert told == {dag.dag_id: "paused" if dag.is_paused else "on" for dag in dags()}
