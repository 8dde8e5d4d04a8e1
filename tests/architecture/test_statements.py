"""One statement a line: values that have nothing to do with each other are not assigned together."""

from __future__ import annotations

import ast

from architecture.sources import ROOT, python_files


def is_crowded(node: ast.AST) -> bool:
    """Whether `node` is `a, b = x, y`; a swap or a step such as `a, b = b, a + b` needs both at once."""
    if not isinstance(node, ast.Assign):
        return False
    (target, *others) = node.targets
    if others or not (isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)):
        return False
    if len(target.elts) != len(node.value.elts):
        return False
    read = [{ast.unparse(each) for each in ast.walk(value) if isinstance(each, ast.expr)} for value in node.value.elts]
    written = [ast.unparse(each) for each in target.elts]
    return not any(written[index] in later for index in range(len(written)) for later in read[index + 1 :])


def test_only_what_needs_both_at_once_is_assigned_together() -> None:
    lines = {"a, b = 1, 2": True, "a, b = b, a": False, "a, b = b, a + b": False, "a, b = pair()": False}

    assert {line: is_crowded(ast.parse(line).body[0]) for line in lines} == lines


def test_one_statement_a_line() -> None:
    crowded = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files()
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.stmt) and is_crowded(node)
    ]

    assert crowded == []
