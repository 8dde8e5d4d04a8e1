"""What a store forgets, how old that has to be, and what it never forgets.

runs with their phases      the age that is asked for; never one under way, one for a person, a policy's newest;
                            what was refused is no run of a policy, and goes with its age
audit                       the same age
decisions, preparations     the same age; the latest preparations stay, for leads are learned from them
rehearsals                  the same age; a service's latest stay, for capacity is taken from them
days                        `DAYS_KEPT` at least: last year's sale is what this year's is planned by
notes, learned, totals, installation     never: notes end by themselves, the others do not grow
pauses                      never by age: the latest of each service stay
approvals ahead             by themselves, after 800 days
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.stored import Stored

if TYPE_CHECKING:
    from datetime import date

UNENDED: Final = frozenset({RunOutcome.RUNNING, RunOutcome.NEEDS_ATTENTION})
"""Outcomes of runs that somebody still has to do something about."""

DAYS_KEPT: Final = timedelta(days=800)
"""The same sale of the last two years, and a month on top."""

LATEST_KEPT: Final = 20
"""How many of the latest preparations, and of each service's rehearsals, stay whatever their age: they teach."""

SHORTEST: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned(Stored):
    """How many rows went, and how many stayed, by table; `is_dry` says that they only would have gone."""

    before: datetime
    is_dry: bool
    removed: dict[str, int]
    kept: dict[str, int]

    def __str__(self) -> str:
        verb = "would be removed" if self.is_dry else "removed"
        parts = (f"{name} {count} {verb}, {self.kept[name]} kept" for name, count in self.removed.items())
        return f"older than {self.before:%Y-%m-%d}: {'; '.join(parts)}"


def first_day_kept(before: datetime, now: datetime) -> date:
    """Return the first day that stays where everything before `before` is to go."""
    return min(before, now - DAYS_KEPT).date()


def oldest_kept(text: str, field: str, now: datetime) -> datetime:
    """Return the moment before which everything is older at `now` than the age `text`; see `parse_age`."""
    return now - parse_age(text, field)


def parse_age(text: str, field: str) -> timedelta:
    """Return an age such as `180d`; `field` is what it was written for.

    Raises:
        InputError: it is no number of days from 30 to 3650 (`age_invalid`).
    """
    age = timedelta(days=int(text[:-1])) if re.fullmatch(r"[0-9]{1,4}d", text) else timedelta(0)
    if SHORTEST <= age <= LONGEST:
        return age
    raise InputError(
        f"{field}: {text[:60]!r} is not an age from {SHORTEST.days}d to {LONGEST.days}d, such as 180d. What is younger "
        "is planned by.",
        code="age_invalid",
        field=field,
    )
