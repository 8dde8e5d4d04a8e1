"""The tables of `docs/metrics.md`, `docs/runbook.md` and `docs/cli.md`: between two marks each, within prose."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from springtide.cli.command_table import COMMANDS
from springtide.cli.error_codes import ErrorCode, error_codes
from springtide.cli.exit_codes import ExitCode
from springtide.record.metrics import METRICS

_END: Final = "<!-- end of table -->"
_MOST_PLACES: Final = 3
_TEMPORARY: Final = "It is tried again by itself; see what does not answer"
_PERMANENT: Final = "See the message"


def refresh(page: Path) -> None:
    """Bring the tables of `page` up to date."""
    page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")


def refreshed(text: str) -> str:
    """Return the page `text` with those tables of today that it has a place for.

    Raises:
        ValueError: it has a place for none, or for one of them twice.
    """
    found: list[str] = []
    for name, table in _TABLES.items():
        begin = f"<!-- table: {name} -->"
        block = "\n".join((begin, *table(), _END))
        text, count = re.subn(f"{re.escape(begin)}.*?{_END}", block.replace("\\", r"\\"), text, flags=re.DOTALL)
        found += [name] * count
    if not found or len(found) > len(set(found)):
        message = f"the page needs the place of a table ({', '.join(_TABLES)}), each once, and has {found}"
        raise ValueError(message)
    return text


def _metrics() -> Iterator[str]:
    yield from ("| metric | kind | labels | meaning |", "|---|---|---|---|")
    for metric in METRICS:
        labels = ", ".join(f"`{label.name}`" for label in fields(metric.labels)) or "none"
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def _codes() -> Iterator[str]:
    yield from ("| code | word | where it comes from | what to do |", "|---|---|---|---|")
    for code in error_codes():
        word = "temporary" if code.is_temporary else "permanent"
        yield f"| `{code.code}` | {word} | {_places(code)} | {_advice(code)}. |"


def _places(code: ErrorCode) -> str:
    named = ", ".join(f"`{place}`" for place in code.places[:_MOST_PLACES])
    more = len(code.places) - _MOST_PLACES
    return f"{named} and {more} more" if more > 0 else named


def _advice(code: ErrorCode) -> str:
    advice = code.advice or (_TEMPORARY if code.is_temporary else _PERMANENT)
    return advice.replace("|", "\\|").replace("<", "&lt;")


def _exit_codes() -> Iterator[str]:
    yield from ("| exit code | what it means |", "|---|---|")
    for code in ExitCode:
        yield f"| {code.value} | {code.meaning} |"


def _commands() -> Iterator[str]:
    yield from ("| | command | what it does |", "|---|---|---|")
    for heading, listed in COMMANDS.items():
        for index, entry in enumerate(listed):
            yield f"| {'' if index else heading} | `springtide {entry.name}` | {entry.summary} |"


_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "metrics": _metrics,
    "error codes": _codes,
    "exit codes": _exit_codes,
    "commands": _commands,
}


if __name__ == "__main__":
    for named in sys.argv[1:]:
        refresh(Path(named))
