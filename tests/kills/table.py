"""How every struck run ended, and the table of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from e2e.command import Finished
from e2e.kills import Journal
from kills.cases import CURRENT, END_SECONDS, TARGET, Struck


@dataclass(frozen=True, slots=True)
class Ended:
    """One row."""

    struck: Struck
    outcome: str
    seconds: float
    requests: int
    failed: int
    wrong: str

    @classmethod
    def of(cls, struck: Struck) -> Self:
        """Wait until the run's Lease is free, and look at what is there then."""
        see = struck.when.scenario.see
        when = struck.when
        end = time.monotonic() + END_SECONDS
        while (journal := Journal.read(see)) is not None and journal.holder and time.monotonic() < end:
            time.sleep(0.2)
        seconds = (journal.written_at - struck.at).total_seconds() if journal else 0.0
        outcome = (journal.outcome if journal and not journal.holder else "") or "without an end"
        ending = when.then(Finished(0, {"outcome": outcome}, ""))
        requests, failed = (sum(getattr(report, what) for report in ending.reports) for what in ("requests", "failed"))
        meant = struck.case.meant(journal)
        wrong = "" if outcome == meant else f"meant was {meant}"
        try:
            ending.exactly(TARGET if meant == "succeeded" else CURRENT)
            ending.the_service_as_before().nothing_left_behind().no_request_failed()
        except AssertionError as error:
            wrong = f"{wrong} {error}".strip()
        return cls(struck, outcome, seconds, requests, failed, wrong)

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should, and nobody noticed."""
        return not self.wrong and self.failed == 0


def table(ended: list[Ended]) -> str:
    """Return the table, as Markdown; what went wrong stands below it."""
    rows = [
        f"| `{run.struck.case.phase}` | {run.struck.case.fault.name} | `{run.struck.phase}` | `{run.outcome}` "
        f"| {run.seconds:.0f} s | {run.requests:,} | {run.failed} |"
        for run in ended
    ]
    head = "| when this had begun | what was done | met it in | the run ended | after | requests | failed |"
    head += "\n|---|---|---|---|---|---|---|"
    problems = [f"\n{run.struck.case.service}: {run.wrong}" for run in ended if run.wrong]
    return "\n".join([head, *rows, *problems])
