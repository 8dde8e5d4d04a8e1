"""What each day was like for a service, as the daily history run found it; and what it learned from the days.

A day is kept once: kept again it is written over, so that a backfill can be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any, Protocol

from springtide.capacity.learned import NOTHING_LEARNED, Learned
from springtide.capacity.rehearsed import MeasuredLoad
from springtide.demand.local_time import STEADY, LocalClock
from springtide.errors import SpringtideError
from springtide.events.rehearsed import RehearsalOutcome, measured_of
from springtide.stored import Stored

SLOTS = 288
"""Five-minute maxima of a day."""

USUAL_DAYS = 7
LOOKED_BACK = 4 * USUAL_DAYS
"""Days: what is usual on this day of the week."""

_AROUND = 6  # slots: half an hour
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDay(Stored):
    """One UTC day of one service.

    `profile` are its five-minute maxima of demand in `unit`, None where nothing was measured. `required` is the most
    replicas that demand would have filled completely, `actual` the most that ran, `saturation` the largest share of
    theirs that demand took; None where the policy or the metrics do not say. `quality` is the verdict's stored form,
    `pages` where its pages are.
    """

    policy: str
    day: date
    unit: str
    profile: tuple[float | None, ...]
    peak: float | None = None
    peak_at: datetime | None = None
    mean: float | None = None
    required: int | None = None
    actual: float | None = None
    saturation: float | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    pages: str | None = None


class HistoryStore(Protocol):
    """Keeps days and what was learned from them. Raises `TemporaryError` when it does not answer."""

    def save_day(self, day: HistoryDay) -> None:
        """Keep the day in the place of what was kept of it before."""
        ...

    def days(self, policy: str, first: date, last: date) -> tuple[HistoryDay, ...]:
        """Return the days from `first` to `last`, both included, oldest first."""
        ...

    def save_learned(self, policy: str, learned: Learned) -> None:
        """Keep what was learned in the place of what was kept before."""
        ...

    def learned(self, policy: str) -> Learned:
        """Return what was learned about the service; nothing, if nothing was."""
        ...

    def save_rehearsed(self, outcome: RehearsalOutcome) -> None:
        """Keep what a rehearsal came to for one service, in the place of what was kept of it before."""
        ...

    def rehearsals(self, policy: str, *, limit: int = 20) -> tuple[RehearsalOutcome, ...]:
        """Return what the latest rehearsals of the service came to, newest first.

        Raises:
            InputError: `limit` is not between 1 and 1000 (`limit_invalid`).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a run looks up: what was learned, the demand that is expected at this time, and the latest day's pages.

    `measured` is what one replica served at a rehearsal, None where none says.
    """

    learned: Learned = NOTHING_LEARNED
    expected: float | None = None
    pages: str | None = None
    measured: MeasuredLoad | None = None


def past_of(store: HistoryStore, policy: str, now: datetime, clock: LocalClock = STEADY) -> Past:
    """Return what the store knows of the service's past; a store that does not answer knows nothing.

    What is expected is by the time of day of `clock`.
    """
    today = now.astimezone(UTC).date()
    try:
        # One more than is looked at: where clocks were put forward, the same time of a week ago is a day further back.
        days = store.days(policy, today - timedelta(days=USUAL_DAYS + 1), today - timedelta(days=1))
        learned = store.learned(policy)
        measured = measured_of(store.rehearsals(policy), now)
    except SpringtideError:
        return Past()  # a run is poorer without its past, not less safe: it reads demand again
    expected = expected_at(days, now, clock)
    return Past(learned=learned, expected=expected, pages=days[-1].pages if days else None, measured=measured)


def usual_at(days: Sequence[HistoryDay], now: datetime, clock: LocalClock = STEADY) -> float | None:
    """Return the demand that is usual at this time of day of `clock`, within an hour: None where no day says.

    It is the median of the days' maxima, of the last week or of this day of the week in the last four, whichever is
    larger: one sale of last week is not what is usual, and a Friday is no Sunday.
    """
    by_back = {back: _maximum_back(days, now, clock, back) for back in range(1, LOOKED_BACK + 1)}
    week = [value for back, value in by_back.items() if value is not None and back <= USUAL_DAYS]
    weekday = [value for back, value in by_back.items() if value is not None and back % USUAL_DAYS == 0]
    medians = [median(values) for values in (week, weekday) if values]
    return max(medians, default=None)


def _maximum_back(days: Sequence[HistoryDay], now: datetime, clock: LocalClock, back: int) -> float | None:
    """Return the largest maximum around the same time so many days ago; an hour that came twice counts as both."""
    moments = (datetime.fromtimestamp(second, UTC) for second in clock.same_time(now.timestamp(), days=back))
    values = [value for moment in moments if (value := _maximum_around(days, moment)) is not None]
    return max(values, default=None)


def _maximum_around(days: Sequence[HistoryDay], moment: datetime) -> float | None:
    """Return the largest maximum that was kept of the hour before `moment` and the hour after it."""
    first = moment - _HOUR
    slots = (first + number * timedelta(days=1) / SLOTS for number in range(2 * _HOUR // (timedelta(days=1) / SLOTS)))
    profiles = {day.day: day.profile for day in days if day.quality.get("outcome") != "refuse"}
    values = (
        profiles[at.date()][(at.hour * 60 + at.minute) * SLOTS // (24 * 60)] for at in slots if at.date() in profiles
    )
    return max((value for value in values if value is not None), default=None)


def expected_at(days: tuple[HistoryDay, ...], now: datetime, clock: LocalClock = STEADY) -> float | None:
    """Return the lowest demand at this time of day (± 30 min) on the days that passed; None with fewer than three.

    The time of day is that of `clock`, on the seven days before.
    """
    passed = {day.day: day for day in days if day.quality.get("outcome") == "pass"}
    good = 0
    around: list[float] = []
    for back in range(1, USUAL_DAYS + 1):
        moments = {datetime.fromtimestamp(second, UTC) for second in clock.same_time(now.timestamp(), days=back)}
        seen = [(passed[moment.date()], moment) for moment in moments if moment.date() in passed]
        good += bool(seen)
        around += [value for day, moment in seen for value in _around(day, moment)]
    return min(around) if good >= 3 and around else None  # noqa: PLR2004


def _around(day: HistoryDay, moment: datetime) -> list[float]:
    slot = (moment.hour * 60 + moment.minute) // 5
    return [value for value in day.profile[max(0, slot - _AROUND) : slot + _AROUND + 1] if value is not None]
