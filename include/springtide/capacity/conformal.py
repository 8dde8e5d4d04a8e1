"""A calibrated upper bound of the coming window's largest demand: right with the probability that it says.

Method: split conformal prediction on the logarithm, over several simple `predictors`, the best of which is used
(`calibration`). Nothing is assumed about the distribution; what is assumed is that the last 7 days are like the next
hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.clock_grid import LONGEST_HORIZON, PLAIN, ClockGrid
from springtide.capacity.minutes import DAY, HOUR, MINUTE, WEEK, seen_minutes
from springtide.capacity.model import ModelAnswer
from springtide.capacity.predictors import PREDICTORS, PredictorWindow, predictors, targets
from springtide.demand.local_time import STEADY, LocalClock
from springtide.errors import DemandUnusable, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from springtide.capacity.calibration import Span
    from springtide.demand.model import DemandSeries

    Array = NDArray[np.float64]

LOOKBACK = 3 * WEEK
"""Bases look a week back, residuals another, losses a third; more history changes nothing."""
LIKELY = 0.5
"""What an event multiplies is as likely too much as too little: the caution for it stands in the calendar's number."""
_SETTLING = 30
"""Seconds that a run takes from its decision to its first pod."""


@dataclass(frozen=True, slots=True)
class DemandBounds:
    """`demand[a, k]` bounds the window of decision k at quantile a; `base[a, k]` indexes `PREDICTORS`, -1: unknown."""

    demand: Array
    base: NDArray[np.int8]


def horizon_minutes(interval: int, startup_seconds: float) -> int:
    """Return what a plan must cover: until the next plan's pods are Ready. A run takes 30 s to act."""
    return interval + math.ceil((_SETTLING + startup_seconds) / 60)


def bounds(
    demand: Array,
    window: PredictorWindow,
    quantiles: Sequence[float],
    grid: ClockGrid = PLAIN,
    *,
    latest: int | None = None,
) -> DemandBounds:
    """Return the bounds of every decision over per-minute `demand`; decision k sees demand[: k·interval] only.

    With `latest` only what the last so many decisions need is worked out: their own bounds, and those by which their
    bases are compared. Those of earlier decisions are NaN then.

    Raises:
        InputError: the day before a window, by the clocks of `grid`, may not be over when it is decided.
    """
    from springtide.capacity.calibration import bounds_of, losses_of

    if window.horizon > LONGEST_HORIZON - grid.furthest:
        raise InputError(
            f"horizon {window.horizon} must be at most {LONGEST_HORIZON - grid.furthest} minutes where clocks are put",
            code="out_of_range",
            field="interval",
        )
    wanted = np.asarray(quantiles, dtype=np.float64)
    table = predictors(demand, window, grid)
    target = targets(demand, window)
    same_time = grid.decisions_before(table.shape[1], window.interval)
    span = _span(window, decisions=table.shape[1], latest=latest)
    size = (len(wanted), table.shape[1])
    best = np.full(size, np.nan)
    least = np.full(size, np.inf)
    chosen = np.full(size, -1, np.int8)
    # Base after base, keeping the best so far: all bounds of a month at once would be eighteen times the memory.
    for index, base in enumerate(table):
        bound = bounds_of(base, np.log(target) - np.log(base), wanted, span, same_time)
        for a, quantile in enumerate(wanted):
            loss = losses_of(bound[a], target, float(quantile), span)
            # A base that cannot be compared yet has an infinite loss, and is still better than none.
            better = (loss < least[a]) | (np.isnan(best[a]) & ~np.isnan(bound[a]))
            best[a, better] = bound[a, better]
            least[a, better] = loss[better]
            chosen[a, better] = index
    return DemandBounds(best, chosen)


def _span(window: PredictorWindow, *, decisions: int, latest: int | None) -> Span:
    from springtide.capacity.calibration import Span

    span = Span(DAY // window.interval, HOUR // window.interval, math.ceil(window.horizon / window.interval))
    if latest is None:
        return span
    return span._replace(first=max(0, decisions - latest - span.wait - 7 * span.day))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Replicas that carry the bound; `interval` is the pipeline's period, `startup_seconds` a pod's way to Ready.

    Days are those of `clock`.
    """

    per_replica: float
    quantile: float = 0.95
    interval: int = 15
    startup_seconds: float = 60.0
    clock: LocalClock = STEADY

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas that carry the largest demand until the next plan's pods are Ready.

        Raises:
            DemandUnusable: less than two hours of demand lie before `now`.
        """
        del replicas
        (answer,) = self.answers(demand, [now])
        if answer is None:
            seen = seen_minutes(demand, now, most=LOOKBACK)
            raise DemandUnusable(
                f"conformal needs two hours of demand before it can say how wrong it is; got {len(seen)} minutes",
                code="demand_too_short",
                field="demand.lookback",
            )
        return answer

    def answers(self, demand: DemandSeries, moments: Sequence[datetime]) -> list[ModelAnswer | None]:
        """Return what it answers at each of `moments`, worked out together; None where it knows too little.

        They are ascending and whole intervals apart, and demand was measured up to each of them.

        Raises:
            DemandUnusable: no sample lies before the last of them.
        """
        earlier = [round((moments[-1] - moment).total_seconds() / MINUTE) for moment in moments]
        seen = seen_minutes(demand, moments[-1], most=LOOKBACK + earlier[0])
        cut = len(seen) % self.interval  # a decision falls on the very end of what was seen
        grid = ClockGrid(seen.start + cut * MINUTE, self.clock)
        # Who plans below the median does not want more than that for an event.
        wanted = (self.quantile, min(self.quantile, LIKELY))
        latest = 1 + earlier[0] // self.interval
        calibrated = bounds(seen.values[cut:], self._window, wanted, grid, latest=latest)
        return [self._answer(calibrated, minutes // self.interval) for minutes in earlier]

    @property
    def _window(self) -> PredictorWindow:
        horizon = horizon_minutes(self.interval, self.startup_seconds)
        return PredictorWindow(self.interval, horizon, self.per_replica / 10)

    def _answer(self, calibrated: DemandBounds, back: int) -> ModelAnswer | None:
        """Return what the bounds of the decision so many before the last one answer."""
        at = calibrated.demand.shape[1] - 1 - back
        if at < 0 or math.isnan(calibrated.demand[0, at]):
            return None
        bound, likely = map(float, calibrated.demand[:, at])
        base = PREDICTORS[calibrated.base[0, at]]
        horizon = self._window.horizon
        return ModelAnswer(
            model="conformal",
            replicas=bound / self.per_replica,
            inputs={
                "bound": bound,
                "base": base,
                "quantile": self.quantile,
                "horizon_minutes": horizon,
                "per_replica": self.per_replica,
            },
            reason=f"demand stays below {bound:.4g} for {horizon} min, {self.quantile:.1%} sure ({base})",
            expected=likely / self.per_replica,
        )
