"""A value of many fields is built by keyword: a reader sees what is what, and no two strings change places."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architecture.sources import ROOT, python_files

POSITIONAL_FIELDS = 3


def positional_values(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Yield the dataclasses of more than three fields that can be built without saying their names."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or len(_fields(node)) <= POSITIONAL_FIELDS:
            continue
        if any(_is_positional_dataclass(decorator) for decorator in node.decorator_list):
            yield node


def _is_positional_dataclass(decorator: ast.expr) -> bool:
    if not isinstance(decorator, ast.Call):
        return ast.unparse(decorator) in {"dataclass", "dataclasses.dataclass"}
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in decorator.keywords}
    return ast.unparse(decorator.func) in {"dataclass", "dataclasses.dataclass"} and options.get("kw_only") != "True"


def _fields(node: ast.ClassDef) -> list[str]:
    """Return the fields that the constructor takes."""
    return [
        ast.unparse(line.target)
        for line in node.body
        if isinstance(line, ast.AnnAssign)
        and not ast.unparse(line.annotation).startswith(("ClassVar", "InitVar"))
        and "init=False" not in ast.unparse(line)
    ]


def test_one_that_can_be_built_by_position_is_found() -> None:
    fields = "".join(f"    {name}: int\n" for name in "abcd")

    assert [each.name for each in positional_values(ast.parse(f"@dataclass(frozen=True)\nclass A:\n{fields}"))] == ["A"]
    assert list(positional_values(ast.parse(f"@dataclass(frozen=True, kw_only=True)\nclass A:\n{fields}"))) == []
    assert list(positional_values(ast.parse("@dataclass\nclass A:\n    a: int\n    b: int\n    c: int\n"))) == []


def test_values_of_more_than_three_fields_are_built_by_keyword() -> None:
    positional = [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files("include", "plugins")
        for node in positional_values(ast.parse((ROOT / path).read_text()))
    ]

    assert positional == []
