"""What a store forgets, how old that has to be, and what it never forgets.

runs with their phases      the age that is asked for; never one under way, one for a person, a policy's newest;
                            what was refused is no run of a policy, and goes with its age
moments of runs             an age of their own, at most that of runs; never those of a run under way or for a person
audit                       the age of runs
decisions                   an age of their own, at most that of runs
preparations                the age of runs; the latest preparations stay, for leads are learned from them
rehearsals                  the age of runs; a service's latest stay, for capacity is taken from them
days                        `DAYS_KEPT` at least: last year's sale is what this year's is planned by
notes, learned, totals, installation     never: notes end by themselves, the others do not grow
pauses                      never by age: the latest of each service stay
approvals ahead             by themselves, after 800 days
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from springtide.errors import InputError
from springtide.record.decisions import KEPT_FOR
from springtide.record.model import RunOutcome
from springtide.settings import variable_name
from springtide.stored import Stored

if TYPE_CHECKING:
    from datetime import date

    from springtide.settings import Settings

UNENDED: Final = frozenset({RunOutcome.RUNNING, RunOutcome.NEEDS_ATTENTION})
"""Outcomes of runs that somebody still has to do something about."""

DAYS_KEPT: Final = timedelta(days=800)
"""The same sale of the last two years, and a month on top."""

LATEST_KEPT: Final = 20
"""How many of the latest preparations, and of each service's rehearsals, stay whatever their age: they teach."""

SHORTEST: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=3650)

SHORTEST_DECISIONS: Final = timedelta(days=8)
"""A week is drawn on a service's page, and guards look back a day at most."""

SHORTEST_MOMENTS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old runs have to be to go, and what is forgotten sooner than they."""

    runs: timedelta
    decisions: timedelta = KEPT_FOR
    moments: timedelta = LONGEST

    @classmethod
    def of(cls, settings: Settings, runs: str | None = None) -> Self:
        """Return what the environment asks for; `runs`, where it is given, is the age of an option `older_than`.

        Raises:
            InputError: one of them is no such age (`age_invalid`).
        """
        asked, field = (settings.keep_runs, variable_name("keep_runs")) if runs is None else (runs, "older_than")
        decisions = parse_age(
            settings.keep_decisions, variable_name("keep_decisions"), least=SHORTEST_DECISIONS, most=KEPT_FOR
        )
        moments = parse_age(settings.keep_moments, variable_name("keep_moments"), least=SHORTEST_MOMENTS)
        return cls(runs=parse_age(asked, field), decisions=decisions, moments=moments)

    def before(self, now: datetime) -> datetime:
        """Return the moment before which a run is old at `now`."""
        return now - self.runs

    def decided_before(self, now: datetime) -> datetime:
        """Return the moment before which a decision is old at `now`."""
        return now - min(self.runs, self.decisions)

    def seen_before(self, now: datetime) -> datetime:
        """Return the moment before which a moment of a run is old at `now`."""
        return now - min(self.runs, self.moments)


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


def parse_age(text: str, field: str, *, least: timedelta = SHORTEST, most: timedelta = LONGEST) -> timedelta:
    """Return an age such as `180d`; `field` is what it was written for.

    Raises:
        InputError: it is no number of days from `least` to `most` (`age_invalid`).
    """
    age = timedelta(days=int(text[:-1])) if re.fullmatch(r"[0-9]{1,4}d", text) else timedelta(0)
    if least <= age <= most:
        return age
    raise InputError(
        f"{field}: {text[:60]!r} is not an age from {least.days}d to {most.days}d, such as "
        f"{min(most, max(least, timedelta(days=180))).days}d. What is younger is planned by.",
        code="age_invalid",
        field=field,
    )
