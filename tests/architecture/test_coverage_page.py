"""docs/coverage.md: every row names a test, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from architecture.sources import ROOT

PAGE = ROOT / "docs" / "coverage.md"
NAMED = re.compile(r"`(tests/[\w./]+\.py)(?:::(\w+))?`")


def rows() -> list[str]:
    """Return the rows of the page's tables, without their heads."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [line for line in lines if "| test |" not in line and not line.startswith("|---")]


def functions(file: Path) -> set[str]:
    """Return the tests of a file."""
    tree = ast.parse(file.read_text())
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_names_one_test() -> None:
    assert len(rows()) > 20
    assert [row for row in rows() if len(NAMED.findall(row)) != 1] == []


def test_every_test_that_is_named_is_there() -> None:
    named = [(ROOT / file, test) for file, test in NAMED.findall(PAGE.read_text())]

    assert [str(file) for file, _ in named if not file.is_file()] == []
    assert [test for file, test in named if test and test not in functions(file)] == []


def test_each_part_and_each_system_stands_there_once() -> None:
    names = [row.split("|")[1].strip() for row in rows()]

    assert sorted(names) == sorted(set(names))
