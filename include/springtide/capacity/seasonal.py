"""What the same stretch of earlier seasons asked for.

Source: the seasonal naive method over several seasons, as quantiles (R. J. Hyndman and G. Athanasopoulos,
"Forecasting: Principles and Practice", 3rd edition, sections 5.2 and 5.5). It knows no level: where demand grows by a
tenth a week it is a tenth too low, so it belongs under `combine: max` with a model of recent demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from springtide.capacity.clock_grid import ClockGrid
from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import DAY, MINUTE, WEEK, Minutes, seen_minutes
from springtide.capacity.model import ModelAnswer, abstaining
from springtide.demand.local_time import STEADY, LocalClock
from springtide.demand.model import DemandSeries

MOST_SEASONS = 28
"""Four weeks of days, or half a year of weeks: before that, it was another service."""
SLACK = 15
"""Minutes that a season may come earlier or later than the last one did."""


def earlier_peaks(seen: Minutes, horizon: int, season: int, clock: LocalClock = STEADY) -> list[float]:
    """Return the largest demand of the same `horizon` minutes (± 15 min) in each earlier season, newest first.

    `season` is in minutes, a whole number of days by `clock`.
    """
    grid = ClockGrid(seen.start, clock)
    window = len(seen) + np.arange(-SLACK, horizon + SLACK)
    peaks = []
    for back in range(season, min(len(seen), MOST_SEASONS * season) + 1, season):
        both = grid.indices_before(window, back // DAY)
        if both[0][SLACK] < 0:
            break  # by the clocks it lies before what was seen
        at = np.concatenate(both)
        known = at[(at >= 0) & (at < len(seen))]
        peaks.append(float(seen.values[known].max()))
    return peaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonal:
    """Replicas for a quantile over the earlier seasons; `interval` in minutes, `season` `DAY` or `WEEK` of `clock`."""

    per_replica: float
    season: int = WEEK
    quantile: float = 0.95
    interval: int = 15
    startup_seconds: float = 60.0
    clock: LocalClock = STEADY

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas until the next plan's pods are ready; abstains before a whole season was seen.

        Raises:
            DemandUnusable: no sample lies before `now`.
        """
        del replicas
        horizon = horizon_minutes(self.interval, self.startup_seconds)
        seen = seen_minutes(demand, now, most=MOST_SEASONS * self.season + SLACK)
        ahead = round((now.timestamp() - seen.end) / MINUTE)  # samples may end a little before now
        peaks = earlier_peaks(seen, horizon + max(0, ahead), self.season, self.clock)
        name = {DAY: "day", WEEK: "week"}.get(self.season, f"{self.season} min")
        if not peaks:
            return abstaining("seasonal", f"no whole {name} of demand was seen yet: {len(seen)} min were")
        # "higher": a peak that occurred; with fewer than twenty seasons 95 % is the largest of them.
        level = float(np.quantile(peaks, self.quantile, method="higher"))
        return ModelAnswer(
            model="seasonal",
            replicas=level / self.per_replica,
            inputs={
                "level": level,
                "unit": demand.unit,
                "seasons": len(peaks),
                "quantile": self.quantile,
                "horizon_minutes": horizon,
                "per_replica": self.per_replica,
            },
            reason=f"the same {horizon} min of {len(peaks)} earlier {name}s asked for at most {level:g} {demand.unit} "
            f"({self.quantile:.4g} of them)",
        )
