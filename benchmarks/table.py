"""A table of figures, for people and under version control."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading, and the limit that each row is held against."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Return the table in Markdown, with the machine's kind below it."""
        lines = [f"## {self.title}", "", _line(self.columns), _line(["---"] * len(self.columns))]
        machine = f"{cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
        return "\n".join([*lines, *map(_line, self.rows), "", f"Measured on {machine}.", ""])

    def write(self, name: str) -> None:
        """Keep the table as benchmarks/results/NAME.md."""
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(self.to_markdown())


def spread(seconds: Sequence[float]) -> list[str]:
    """Return median, least and most of some measurements, as cells."""
    return [f"{value:.2f}" for value in (median(seconds), min(seconds), max(seconds))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
