"""Prose that a re-wrap has broken: a lone word between two full lines, a message that is split around one word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from architecture.sources import ROOT, python_files

FULL_LINE = 80
"""Characters. A line that is at least so long was ended by a wrap and not by choice."""

SHORT_LINE = 20
STRING_ALONE = re.compile(r"""^\s*f?"(?P<text>.*)"[,)]*$""")


def lone_lines(text: str) -> Iterator[int]:
    """Yield the lines of docstrings that hold a word or two although full lines stand before and behind them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines = node.value.value.splitlines()
            for index, (above, line, below) in enumerate(zip(lines, lines[1:], lines[2:], strict=False), 1):
                is_short = 0 < len(line.strip()) < SHORT_LINE
                if is_short and min(len(above), len(below)) >= FULL_LINE:
                    yield node.lineno + index


def split_messages(text: str) -> Iterator[int]:
    """Yield the lines that are one word of a message whose other parts stand on the lines before and behind it."""
    lines = text.splitlines()
    for number, (above, line, below) in enumerate(zip(lines, lines[1:], lines[2:], strict=False), 2):
        parts = [STRING_ALONE.match(each) for each in (above, line, below)]
        part = parts[1]
        if part is None or parts[0] is None or parts[2] is None:
            continue
        is_word = len(part["text"].split()) == 1 and "\\n" not in part["text"]
        if is_word and len(above) >= FULL_LINE and above.endswith(' "') and line.endswith(' "'):
            yield number


def test_the_two_are_found_where_they_are() -> None:
    full = "word " * 20
    docstring = f'"""Heading.\n\n{full}\ndoes\n{full}\n"""\n'
    message = f'error = (\n    "{full}"\n    "run "\n    "is over"\n)\n'

    assert list(lone_lines(docstring)) == [4]
    assert list(lone_lines(docstring.replace("does", "does\n"))) == []
    assert list(split_messages(message)) == [3]
    assert list(split_messages(message.replace('"run "', '"run again, "'))) == []


def test_no_line_of_a_docstring_holds_a_lone_word() -> None:
    assert [f"{path}:{line}" for path in python_files() for line in lone_lines((ROOT / path).read_text())] == []


def test_no_message_is_split_around_one_word() -> None:
    assert [f"{path}:{line}" for path in python_files() for line in split_messages((ROOT / path).read_text())] == []
