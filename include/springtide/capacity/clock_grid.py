"""Minutes that know which clocks their customers go by: what was asked for at the same time of earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from springtide.capacity.minutes import DAY, HOUR, MINUTE
from springtide.demand.local_time import FURTHEST, STEADY, LocalClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClockGrid:
    """Minute i begins at POSIX second `start` + 60·i; `clock` is that of the customers."""

    start: float = 0.0
    clock: LocalClock = STEADY

    @property
    def furthest(self) -> int:
        """Minutes by which a day may be shorter or longer than 24 hours."""
        return 0 if self.clock == STEADY else int(FURTHEST.total_seconds() // MINUTE)

    def indices_before(self, at: Indices, days: int) -> tuple[Indices, Indices]:
        """Return the minutes in which the clocks showed the same `days` days before `at`: the first and the last."""
        times = self.start + MINUTE * at.astype(np.float64)
        first, last = self.clock.same_times(times, days)
        return _index(first - self.start), _index(last - self.start)

    def days_before(self, values: Array, days: int, length: int) -> Array:
        """Return, for `length` minutes from the start on, `values` at the same time `days` days before.

        Of a time that came twice it is the larger one. NaN before there were so many days; at their very beginning,
        where the clocks ask for a minute before the first one, the time as it passed counts.
        """
        lag = days * DAY
        steady = np.full(length, np.nan)
        known = values[: max(0, min(len(values), length - lag))]
        steady[lag : lag + len(known)] = known
        if self.clock == STEADY or length <= lag:
            return steady
        at = np.arange(lag, length)
        first, last = self.indices_before(at, days)
        earlier = np.fmax(_taken(values, first), _taken(values, last))
        steady[lag:] = np.where(first < 0, steady[lag:], earlier)
        return steady

    def decisions_before(self, count: int, interval: int) -> Indices:
        """Return, for each of 1 to 7 days and each of `count` decisions every `interval` minutes, the decision of then.

        It is negative before the first one.
        """
        at = interval * np.arange(count)
        rows = [self.indices_before(at, days)[0] for days in range(1, 8)]
        return np.stack([np.floor_divide(row + interval // 2, interval) for row in rows])


PLAIN: Final = ClockGrid()
"""Minutes of a service whose customers' clocks are not known: seasons in UTC."""

LONGEST_HORIZON: Final = DAY - 2 * HOUR
"""Minutes. A day before the end of a longer one is not over when it is decided."""


def _index(seconds: Array) -> Indices:
    return np.floor_divide(seconds, MINUTE).astype(np.int64)


def _taken(values: Array, at: Indices) -> Array:
    taken = np.full(len(at), np.nan)
    inside = (at >= 0) & (at < len(values))
    taken[inside] = values[at[inside]]
    return taken
