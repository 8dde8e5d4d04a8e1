"""Local clock time: what customers go by. Twice a year a day of theirs is an hour shorter or longer, or half an hour.

Seasons are in days by these clocks: what was asked for "a day earlier" was asked for when they showed the same time.

    a time that came twice that day     both count: whoever compares takes the larger demand
    a time that did not exist that day  what lies to both sides of it counts
    clocks that were put by more than two hours, as where a whole day was left out: the time as it passes

>>> new_york = LocalClock("America/New_York")
>>> monday = datetime(2026, 3, 9, 13, 0, tzinfo=UTC).timestamp()  # 09:00, the day after clocks went forward
>>> [datetime.fromtimestamp(second, UTC).isoformat() for second in new_york.same_time(monday, days=7)]
['2026-03-02T14:00:00+00:00', '2026-03-02T14:00:00+00:00']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

    Array = NDArray[np.float64]

FURTHEST: Final = timedelta(hours=2)
"""How far clocks are put at most, forward and back. Where they jump further, a day is taken as 24 hours."""

_DAY: Final = 86400
_AROUND: Final = 4 * 3600.0
"""Seconds to both sides of a moment between which its own change of clocks lies, if there is one."""


@dataclass(frozen=True, slots=True)
class LocalClock:
    """The clocks of `zone`, an IANA name."""

    zone: str = "UTC"

    def offsets(self, times: Array) -> Array:
        """Return how many seconds the clocks are ahead of UTC at `times` (POSIX seconds)."""
        if self.zone == "UTC" or not len(times):
            return np.zeros(len(times))
        changes, offsets = _changes(self.zone, int(times.min() // _DAY), int(times.max() // _DAY) + 1)
        return offsets[np.searchsorted(changes, times, side="right")]

    def shown(self, times: Array) -> Array:
        """Return what the clocks show at `times`, as POSIX seconds of a clock in UTC that shows the same."""
        return times + self.offsets(times)

    def same_times(self, times: Array, days: int) -> tuple[Array, Array]:
        """Return when the clocks showed the same, `days` days before each of `times`: the first and the last time."""
        steady = times - float(days * _DAY)
        if self.zone == "UTC" or not len(times):
            return steady, steady
        shown = self.shown(times) - float(days * _DAY)
        by_then = shown - self.offsets(steady)
        by_then = np.where(np.abs(by_then - steady) > FURTHEST.total_seconds(), steady, by_then)
        offsets = [self.offsets(by_then + side) for side in (-_AROUND, _AROUND)]
        found = [shown - offset for offset in offsets]
        right = [self.offsets(moment) == offset for moment, offset in zip(found, offsets, strict=True)]
        # Neither is right for a time that did not exist: then both count, as they do for one that came twice.
        both = right[0] == right[1]
        first = np.where(both, np.minimum(*found), np.where(right[0], *found))
        last = np.where(both, np.maximum(*found), first)
        jumped = np.maximum(np.abs(first - steady), np.abs(last - steady)) > FURTHEST.total_seconds()
        return np.where(jumped, steady, first), np.where(jumped, steady, last)

    def same_time(self, moment: float, *, days: int) -> tuple[float, float]:
        """Return when the clocks showed the same `days` days before `moment`: see `same_times`."""
        first, last = self.same_times(np.array([moment]), days)
        return float(first[0]), float(last[0])


STEADY: Final = LocalClock()
"""Clocks that are never put: seasons in UTC."""


def clock_of(spec: PrometheusDemand | FileDemand | None) -> LocalClock:
    """Return the clocks that the customers of a service go by; UTC where nobody says whose they are."""
    zone = None if spec is None else spec.timezone
    return STEADY if zone is None else LocalClock(zone)


@lru_cache(maxsize=256)
def _changes(zone: str, first: int, last: int) -> tuple[Array, Array]:
    """Return when the offset changes from day number `first` to `last`, and the offsets: one more than the changes."""
    clock = ZoneInfo(zone)
    days = range(first, last + 1)
    offsets = [_offset(clock, day * _DAY) for day in days]
    steps = [(day * _DAY, old, new) for day, (old, new) in zip(days, pairwise(offsets), strict=False) if old != new]
    changes = [_change(clock, second, old) for second, old, _ in steps]
    between = [new for _, _, new in steps]
    return np.array(changes, np.float64), np.array([offsets[0], *between], np.float64)


def _offset(clock: ZoneInfo, second: int) -> float:
    offset = datetime.fromtimestamp(second, UTC).astimezone(clock).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def _change(clock: ZoneInfo, before: int, old: float) -> int:
    """Return the second of the day after `before` from which on the offset is not `old` any more."""
    after = before + _DAY
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(clock, middle) == old:
            before = middle
        else:
            after = middle
    return after
