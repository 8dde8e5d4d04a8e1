"""Demand that vanished from one moment to the next: more often an outage than customers who all left at once. Pure.

    fallen     since some moment, demand stayed below a tenth (1 - `sudden_fall`) of what it was before
    sudden     it got there within ten minutes
    unusual    it is not that low at this time on other days: not on those that were read, not on those that were kept

A spike that is over is no fall: what counts before it is what demand had in all of half an hour but five minutes.
While demand is fallen a run holds; that ends when demand comes back, when the fall has left the day that is looked at,
or when a person asks for a number. With the days that `capacity_history` kept, an outage of any length is compared with
the days before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from springtide.demand.local_time import STEADY, LocalClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

SLOT = 300.0
"""Seconds. Demand is compared by the maxima of these."""

_BEFORE = 6  # slots: half an hour
_TRANSITION = 2  # slots: ten minutes
_DAY = 86400.0
_AROUND = 6  # slots: the same time of day, half an hour around it


def fallen_from(
    series: DemandSeries, share: float, now: float, expected: float | None = None, clock: LocalClock = STEADY
) -> float | None:
    """Return the level that demand suddenly fell from by more than `share`; None where it did not.

    `expected` is the lowest five-minute maximum at this time on the days that were kept, None where none were. The time
    of other days is that of `clock`.
    """
    slots = _slots(series, now)
    latest = slots[-1] if len(slots) else np.nan
    if np.isnan(latest):
        return None
    least = 1 - share
    # Days that were kept reach back further than what a run reads, so they decide alone where there are any.
    if expected is not None:
        return expected if latest < least * expected else None
    level = _level_before(slots[-int(_DAY // SLOT) :], least)
    if level is None or _is_usual(slots, least * level, now, clock):
        return None
    return level


def _slots(series: DemandSeries, now: float) -> NDArray[np.float64]:
    """Return the maxima of each five minutes up to `now`, NaN where there is no sample; the newest is last."""
    if not len(series):
        return np.empty(0)
    # Slots are counted back from now, not by the clock: the newest one is always a whole five minutes.
    back = np.floor((now - series.times) / SLOT).astype(np.int64)
    known = (back >= 0) & np.isfinite(series.values)
    if not known.any():
        return np.empty(0)
    maxima = np.full(int(back[known].max()) + 1, -np.inf)
    np.maximum.at(maxima, back[known], series.values[known])
    maxima[np.isinf(maxima)] = np.nan
    # the slot that holds `now` may have no sample yet: then the one before it is the newest
    return maxima[::-1] if not np.isnan(maxima[0]) or len(maxima) == 1 else maxima[:0:-1]


def _level_before(slots: NDArray[np.float64], least: float) -> float | None:
    """Return the latest half hour's level such that everything ten minutes after it is below `least` of it."""
    # The largest value from each slot on: "everything after it is below" is then one comparison. fmax skips gaps.
    after = np.fmax.accumulate(slots[::-1])[::-1]
    ends = np.arange(_BEFORE - 1, len(slots) - _TRANSITION)
    if not len(ends):
        return None
    # The second lowest of six: demand had it in all of the half hour but five minutes. So a spike is no level, and a
    # single gap (0 here) is forgiven.
    halves = sliding_window_view(np.nan_to_num(slots), _BEFORE)[: len(ends)]
    levels = np.partition(halves, 1, axis=1)[:, 1]
    is_before = (levels > 0) & (after[ends + _TRANSITION] < least * levels)
    return float(levels[is_before][-1]) if is_before.any() else None


def _is_usual(slots: NDArray[np.float64], low: float, now: float, clock: LocalClock) -> bool:
    """Say whether demand was as low at this time of an earlier day."""
    for days in range(1, len(slots) // int(_DAY // SLOT) + 2):
        # Of a time that came twice that day, and of one that it did not have, both sides are looked at.
        for moment in clock.same_time(now, days=days):
            back = round((now - moment) / SLOT)
            if back >= len(slots):
                continue
            around = slots[max(0, len(slots) - 1 - back - _AROUND) : len(slots) - back + _AROUND]
            known = around[~np.isnan(around)]
            if len(known) and float(known.min()) < low:
                return True
    return False
