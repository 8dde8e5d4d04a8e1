"""Runs that somebody looks for: by service, by who asked, by event, by outcome, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from springtide.record.glances import RunGlance
from springtide.record.model import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What is looked for; None for any. `by` and `event` are found anywhere in who asked, and in why.

    `after` is the last run of the page before: only what is older than that one comes.
    """

    policy: str | None = None
    by: str | None = None
    event: str | None = None
    outcome: RunOutcome | None = None
    after: tuple[datetime, str] | None = None

    def fits(self, run: RunGlance) -> bool:
        """Say whether `run` is looked for."""
        return (
            self.policy in {None, run.policy}
            and self.outcome in {None, run.outcome}
            and (self.by is None or self.by.lower() in run.requested_by.lower())
            and (self.event is None or self.event.lower() in run.reason.lower())
            and (self.after is None or (run.started_at, run.run_id) < self.after)
        )


class RunSearch(Protocol):
    """Finds runs. Raises `TemporaryError` where the store does not answer."""

    def find_runs(self, wanted: RunFilter, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the runs that fit, newest first.

        Raises:
            InputError: `limit` is not between 1 and 1000 (`limit_invalid`).
        """
        ...


def fitting(runs: Iterable[RunGlance], wanted: RunFilter, limit: int) -> tuple[RunGlance, ...]:
    """Return the runs that fit, newest first, `limit` at most."""
    found = sorted(filter(wanted.fits, runs), key=lambda run: (run.started_at, run.run_id), reverse=True)
    return tuple(found[:limit])
