"""A file that is read in one sitting, a function that is seen at one glance."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architecture.sources import ROOT, python_files

FILE_LINES = 400
DAG_LINES = 99
FUNCTION_LINES = 45


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_too_long() -> None:
    lengths = {str(path): (ROOT / path).read_text().count("\n") for path in python_files()}

    assert len(lengths) > 20, "the files are not where this test looks"
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_dag_files_are_wiring() -> None:
    lengths = {str(path): (ROOT / path).read_text().count("\n") for path in python_files("dags")}

    assert {path: lines for path, lines in lengths.items() if lines > DAG_LINES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{path}:{function.lineno} {function.name}": (function.end_lineno or function.lineno) - function.lineno + 1
        for path in python_files()
        for function in functions(ast.parse((ROOT / path).read_text()))
    }

    assert len(lengths) > 100
    assert {where: lines for where, lines in lengths.items() if lines > FUNCTION_LINES} == {}
