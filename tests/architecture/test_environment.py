"""The environment is read in two places, and in the SDK; every name that is used stands in the table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from architecture.sources import ROOT, python_files
from springtide.settings import DATABASE_PREFIX, FEED_PREFIX, variables

SDK = "include/springtide/sdk/server.py"
"""A distribution of its own: its variables stand in itself, and in docs/sdk.md."""

READERS = {"include/springtide/cli/options.py", "plugins/springtide_airflow/settings.py", SDK}
TABLE = "include/springtide/settings.py"
OF_TESTS_ALONE = {"SPRINGTIDE_CLUSTER", "SPRINGTIDE_CONTROLLERS", "SPRINGTIDE_KUBERNETES", "SPRINGTIDE_E2E_CTR"}
NAME = re.compile(r"\bSPRINGTIDE_[A-Z0-9_]*[A-Z0-9]\b")
TOLD_IN = ("include", "plugins", "dags", "deploy", "examples", "scripts", "docs")


def shipped() -> list[Path]:
    return python_files("include", "plugins", "dags")


def reads_environment(tree: ast.AST) -> bool:
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    imported = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "os")
    names = {"environ", "getenv"}
    return any(node.attr in names for node in attributes) or any(
        alias.name in names for node in imported for alias in node.names
    )


def test_few_files_read_the_environment() -> None:
    found = {str(path) for path in shipped() if reads_environment(ast.parse((ROOT / path).read_text()))}

    assert found == READERS


def test_a_variable_s_name_stands_in_code_once() -> None:
    """Docstrings may name one; whoever needs the name itself asks `variable_name`."""
    named = [
        f"{path}:{node.lineno}"
        for path in shipped()
        if str(path) != SDK
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value)
    ]

    assert named == []


def test_every_name_that_is_used_is_in_the_table() -> None:
    of_the_sdk = set(NAME.findall((ROOT / SDK).read_text()))
    known = {variable.name for variable in variables().values()} | OF_TESTS_ALONE | of_the_sdk
    files = [path for folder in TOLD_IN for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [path for path in [*files, ROOT / "README.md"] if path.suffix in {".py", ".md", ".env", ".yaml", ".sh", ""}]
    used = {
        (name, str(path.relative_to(ROOT)))
        for path in texts
        for name in NAME.findall(path.read_text())
        if not name.startswith((DATABASE_PREFIX.rstrip("_"), FEED_PREFIX.rstrip("_")))
    }

    assert {name for name, _ in used} >= {"SPRINGTIDE_POLICIES", "SPRINGTIDE_STORE_URL"}
    assert sorted((name, path) for name, path in used if name not in known and path != TABLE) == []
