"""The plugin adapts Airflow to the library and decides nothing: it reads no clock of its own, and does no sums."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from architecture.sources import ROOT, python_files

CLOCK = Path("plugins/springtide_airflow/clock.py")
WALL_CLOCKS = {"now", "utcnow", "utc_now", "today", "time", "time_ns", "localtime", "gmtime"}
SUMS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
EVENTS = ("springtide.events", "springtide.fleet")
TASK_LINES = 15


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in python_files("plugins"):
        yield path, ast.parse((ROOT / path).read_text())


def imported(tree: ast.Module) -> set[str]:
    froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return froms | {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}


def called(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of every call of a plain name or an attribute of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def is_wall_clock(name: str) -> bool:
    owner, _, function = name.rpartition(".")
    return function in WALL_CLOCKS and owner.rpartition(".")[2] in {"", "datetime", "date", "time", "timezone"}


def test_no_wall_clock_is_read() -> None:
    reads = [f"{path}:{line} {name}" for path, tree in trees() for line, name in called(tree) if is_wall_clock(name)]

    assert reads == []
    assert is_wall_clock("datetime.now")
    assert is_wall_clock("time.time")
    assert not is_wall_clock("ports.clock.now")


def test_a_clock_is_made_in_one_place() -> None:
    makers = {path for path, tree in trees() for _, name in called(tree) if name.endswith("SystemClock")}

    assert makers == {CLOCK}


def about_events() -> list[tuple[Path, ast.Module]]:
    return [(path, tree) for path, tree in trees() if any(name.startswith(EVENTS) for name in imported(tree))]


def is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """Say whether a quotient is a path: what is on its right is text."""
    right = getattr(node, "right", None)
    return isinstance(node.op, ast.Div) and isinstance(right, ast.Constant) and isinstance(right.value, str)


def test_nothing_does_sums() -> None:
    sums = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, SUMS) and not is_path(node)
    ]

    assert sums == []


def test_a_task_of_events_is_a_few_lines() -> None:
    lengths = {
        f"{path}:{node.name}": (node.end_lineno or 0) - node.body[0].lineno
        for path, tree in about_events()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in {"execute", "poke", "conductor"}
    }

    assert len(lengths) >= 5
    assert {name: lines for name, lines in lengths.items() if lines > TASK_LINES} == {}
