"""Whether a sweep is the first after the sweeps were turned on: such a one only plans, and the next one acts. Pure.

A sweep is the first where none has ended before it, or so many were due since the last one ended that somebody must
have turned them off. Turning them on then changes nothing in the cluster at once: what would be done can be read first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from springtide.errors import InputError
from springtide.record.metrics import SWEEP_ENDED
from springtide.record.samples import Total

NEVER: Final = "never"
MOST: Final = 1000

NextDue = Callable[[datetime], datetime | None]
"""Returns when the next sweep is due after a time; None where none is."""


@dataclass(frozen=True, slots=True)
class FirstSweep:
    """After how many sweeps that did not come the next one is a first; `next_due` is the schedule's."""

    missed: int
    next_due: NextDue

    def why_only_planned(self, last: datetime | None, now: datetime) -> str:
        """Return why the sweep at `now` only plans, where the last one ended at `last`; "" where it acts."""
        if last is None:
            return "first sweep after it was turned on: only planned; the next one acts"
        due: datetime | None = last
        for _ in range(self.missed + 1):
            due = self.next_due(due) if due is not None else None
        if due is None or now < due:
            return ""
        return (
            f"first sweep after {last:%Y-%m-%d %H:%M} UTC, with {self.missed} or more missed: only planned; the next "
            "one acts"
        )


def last_sweep(totals: Iterable[Total]) -> datetime | None:
    """Return when the last sweep ended, as the store's metrics say; None where there was none."""
    ends = [total.value for total in totals if total.name == SWEEP_ENDED.name]
    return datetime.fromtimestamp(max(ends), UTC) if ends else None


def parse_missed(text: str, field: str) -> int | None:
    """Return after how many missed sweeps the next one only plans; None where every one acts.

    Raises:
        InputError: it is neither a number from 1 to 1000 nor `never` (`sweeps_invalid`).
    """
    if text == NEVER:
        return None
    missed = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0
    if 1 <= missed <= MOST:
        return missed
    raise InputError(
        f"{field}: {text[:60]!r} is neither a number of sweeps from 1 to {MOST} nor `{NEVER}`.",
        code="sweeps_invalid",
        field=field,
    )
