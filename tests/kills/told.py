"""What became of all cases so far: on the screen after each phase, and in a file where one is wanted."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kills.table import Ended, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from kills.cases import Case, Struck


@dataclass(slots=True)
class Told:
    """The rows, and why other cases have none; kept in `results`/kills.md, so that what was done outlives an abort."""

    results: Path | None
    ended: list[Ended] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def tell(self, struck: Mapping[Case, Future[Struck]]) -> None:
        """Wait for the end of the runs of one phase, and tell all that is known by then."""
        failures = {case: each.exception() for case, each in struck.items()}
        self.missed += [f"{case.service} was not struck: {why}" for case, why in failures.items() if why]
        self.ended += [Ended.of(each.result()) for case, each in struck.items() if not failures[case]]
        sys.stdout.write(f"{self.page()}\n")
        sys.stdout.flush()
        if self.results is not None:
            self.results.mkdir(parents=True, exist_ok=True)
            (self.results / "kills.md").write_text(f"# `make kills`\n\n{self.page()}\n")

    def page(self) -> str:
        """Return the table, and what is missing in it."""
        return "\n".join([table(self.ended), *(f"\n{line}" for line in self.missed)])

    @property
    def is_good(self) -> bool:
        """Whether every case was struck, ended as it should, and failed no request."""
        return not self.missed and all(run.is_good for run in self.ended)
