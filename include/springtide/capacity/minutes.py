"""Demand on an even grid of one minute, which is what the time-of-day models and the simulator reason on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.errors import DemandUnusable

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

MINUTE = 60.0
HOUR = 60
DAY = 1440
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Minutes:
    """`values[i]` is the demand in the minute that starts at POSIX second `start` + 60·i."""

    start: float
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> float:
        """POSIX second at which the last minute is over."""
        return self.start + MINUTE * len(self.values)


def on_grid(times: NDArray[np.float64], values: NDArray[np.float64]) -> Minutes:
    """Return samples as minutes: a coarser series by straight lines, a finer one averaged within each minute.

    Raises:
        DemandUnusable: there is no sample.
    """
    if not len(times):
        raise DemandUnusable("demand has no sample: at least one is needed", code="demand_empty", field="demand")
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else MINUTE
    # The median: one gap or one late scrape says nothing about how often is measured.
    if spacing < MINUTE:
        minute = np.floor(times / MINUTE)
        first, which = np.unique(minute, return_inverse=True)
        times = first * MINUTE
        values = np.bincount(which, weights=values) / np.bincount(which)
    # Up to the last sample and no further: the line between two known samples is not carried on into the future.
    grid = np.arange(times[0], times[-1] + 1.0, MINUTE)
    return Minutes(float(times[0]), np.interp(grid, times, values))


def seen_minutes(demand: DemandSeries, now: datetime, *, most: int = 5 * WEEK) -> Minutes:
    """Return the last `most` whole minutes of `demand` that were over at `now`: nothing later is looked at.

    Raises:
        DemandUnusable: no sample lies before `now`.
    """
    moment = now.timestamp()
    last = int(np.searchsorted(demand.times, moment, side="left"))
    if last == 0:
        raise DemandUnusable(
            f"demand from {demand.source} has no sample before {now.isoformat()}: look back further",
            code="demand_empty",
            field="demand",
        )
    first = int(np.searchsorted(demand.times, moment - most * MINUTE, side="left"))
    first = min(first, last - 1)  # an old sample is better than none here: its age is the quality gate's business
    return on_grid(demand.times[first:last], demand.values[first:last])
