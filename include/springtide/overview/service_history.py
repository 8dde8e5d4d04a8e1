"""What was done for one service: its runs, searchable by who asked, by the event and by how they ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from springtide.errors import InputError
from springtide.record.glances import RunGlance
from springtide.record.model import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """What is looked for; "" looks for everything. An `event` is found by its name in a run's reason or id."""

    by: str = ""
    event: str = ""
    outcome: str = ""

    def __post_init__(self) -> None:
        if self.outcome and self.outcome not in set(RunOutcome):
            allowed = ", ".join(RunOutcome)
            message = f"outcome: {self.outcome[:40]!r} is none; allowed: {allowed}."
            raise InputError(message, code="outcome_unknown", field="outcome")

    def matches(self, run: RunGlance) -> bool:
        """Say whether the run is looked for."""
        return (
            self.by.lower() in run.requested_by.lower()
            and self.outcome in ("", run.outcome.value)
            and self.event.lower() in f"{run.reason} {run.run_id}".lower()
        )


def found(runs: Iterable[RunGlance], query: HistoryQuery) -> tuple[RunGlance, ...]:
    """Return those of `runs` that are looked for, in their order."""
    return tuple(run for run in runs if query.matches(run))
