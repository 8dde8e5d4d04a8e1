"""A statistical forecast with its prediction interval.

Source: MSTL, which takes several seasons out by STL one after another and forecasts the rest (K. Bandara,
R. J. Hyndman, C. Bergmeir, "MSTL: a seasonal-trend decomposition algorithm for time series with multiple seasonal
patterns", 2021), with exponential smoothing (AutoETS) for the rest, as statsforecast has both. Fitted on the logarithm
of 15-minute maxima: demand is never negative, and its noise grows with it. Seasons are those of the customers' clocks:
a slot that their day does not have is filled in between its neighbours, and of one that it has twice the larger counts.

Fitting takes about a second, and importing the library two: `fit` is called by the daily history run, `answer` looks
its result up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.learned import Forecast
from springtide.capacity.minutes import DAY, MINUTE, WEEK, Minutes
from springtide.capacity.model import ModelAnswer, abstaining
from springtide.demand.local_time import STEADY, LocalClock
from springtide.errors import DemandUnusable
from springtide.extras import requires_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

SLOT = 15
"""Minutes. Shorter slots cost time and say no more about the seasons."""

AHEAD = 2 * DAY
"""Minutes that a fit reaches: its own day, and one more should the next history run be late."""

_LEAST_SHARE = 1e-3
"""Of the largest demand: less is idle, and its logarithm would be the largest thing in the series."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """How a forecast is made: its longest season in minutes, the upper quantile, and whose clocks the seasons go by."""

    season: int = DAY
    quantile: float = 0.95
    clock: LocalClock = STEADY

    def fit(self, seen: Minutes, known: Forecast | None = None) -> Forecast:
        """Return the forecast from the end of `seen` on; `known` itself where it was fitted on the very same data.

        Raises:
            DemandUnusable: `seen` is shorter than two seasons (`demand_too_short`), or all zero (`demand_empty`).
        """
        slots = slot_maxima(seen)  # pods have to carry the busiest minute of a quarter of an hour, not its mean
        start = seen.end - seen.end % (SLOT * MINUTE)
        fingerprint = self.fingerprint(slots, start)
        if known is not None and known.fingerprint == fingerprint:
            return known
        if len(slots) < 2 * self.season // SLOT:
            raise DemandUnusable(
                f"forecast needs two seasons, {2 * self.season} min of demand; got {len(slots) * SLOT}. Make "
                "demand.lookback longer, or wait.",
                code="demand_too_short",
                field="demand.lookback",
            )
        number = np.arange(-len(slots), AHEAD // SLOT, dtype=np.float64)
        shown = self._shown(start + SLOT * MINUTE * number)
        past, ahead = np.split(shown, [len(slots)])
        ahead -= past.max() + 1
        # Where clocks were just put back, the first slots ahead are some that the day has had already.
        bound = self._upper(_by_the_clock(slots, past), int(ahead.max()) + 1)[np.maximum(ahead, 0)]
        upper = tuple(float(value) for value in bound)
        return Forecast(start=start, step=SLOT * MINUTE, upper=upper, fingerprint=fingerprint)

    def fingerprint(self, slots: NDArray[np.float64], start: float) -> str:
        """Return a hash of the data and the settings."""
        what = hashlib.sha256(slots.astype("<f8").tobytes())
        zone = "" if self.clock == STEADY else f" {self.clock.zone}"
        what.update(f"{self.season} {self.quantile} {start}{zone}".encode())
        return what.hexdigest()[:32]

    def _shown(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the numbers of the slots that the clocks show at `times`."""
        return (self.clock.shown(times) // (SLOT * MINUTE)).astype(np.int64)

    def _upper(self, slots: NDArray[np.float64], ahead: int) -> NDArray[np.float64]:
        with requires_extra("forecast"):
            from statsforecast.models import MSTL

        level = round(100 * (2 * self.quantile - 1), 6)  # of the interval whose upper end is the quantile
        least = float(slots.max()) * _LEAST_SHARE
        if not least:
            raise DemandUnusable(
                "forecast: all demand was zero, there is nothing to learn.", code="demand_empty", field="demand"
            )
        # On the logarithm seasons multiply with the level, as they do with customers, and no forecast is negative.
        seasons = [length // SLOT for length in (DAY, WEEK) if length <= self.season]
        logs = np.log(np.maximum(slots, least))
        forecast = MSTL(season_length=seasons).forecast(logs, ahead, level=[abs(level)])
        # A quantile below one half is the lower end of an interval.
        bound: NDArray[np.float64] = np.exp(forecast[f"{'hi' if level >= 0 else 'lo'}-{abs(level)}"])
        return np.minimum(bound, np.float64(100 * slots.max()))  # an exploding trend is no forecast


def _by_the_clock(slots: NDArray[np.float64], shown: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return `slots` by what the clocks showed: one for each slot of a day that has all of its hours once."""
    local = np.full(shown.max() - shown[0] + 1, -np.inf)
    np.maximum.at(local, np.maximum(shown - shown[0], 0), slots)
    known = np.flatnonzero(np.isfinite(local))
    return np.interp(np.arange(len(local)), known, local[known])


def slot_maxima(seen: Minutes) -> NDArray[np.float64]:
    """Return the maxima of the whole slots of `seen`, on the clock's quarters of an hour."""
    lead = int((-seen.start // MINUTE) % SLOT)
    whole = (len(seen) - lead) // SLOT
    slots: NDArray[np.float64] = seen.values[lead : lead + max(0, whole) * SLOT].reshape(-1, SLOT).max(axis=1)
    return slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasting:
    """Replicas for the largest upper bound until the next plan's pods are ready; `fit` is what was learned, if any."""

    per_replica: float
    fit: Forecast | None
    quantile: float = 0.95
    interval: int = 15
    startup_seconds: float = 60.0

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas that the forecast asks for; abstains where nothing was fitted for `now`."""
        del replicas
        fit = self.fit
        moment = now.timestamp()
        horizon = horizon_minutes(self.interval, self.startup_seconds)
        if fit is None:
            return abstaining("forecast", "nothing was fitted yet; the DAG capacity_history does, once a day")
        end = moment + horizon * MINUTE
        if not fit.start <= moment or end > fit.end:
            fitted_at = datetime.fromtimestamp(fit.start, now.tzinfo).isoformat(timespec="minutes")
            return abstaining("forecast", f"its fit of {fitted_at} says nothing about the next {horizon} min")
        first = int((moment - fit.start) // fit.step)
        last = int(-(-(end - fit.start) // fit.step))
        # Every slot that the horizon touches counts whole: the busiest minute may be at its edge.
        upper = max(fit.upper[first:last])
        return ModelAnswer(
            model="forecast",
            replicas=upper / self.per_replica,
            inputs={
                "upper": upper,
                "unit": demand.unit,
                "quantile": self.quantile,
                "horizon_minutes": horizon,
                "fitted_hours_ago": round((moment - fit.start) / 3600, 2),
                "fingerprint": fit.fingerprint,
            },
            reason=f"forecast to stay below {upper:.4g} {demand.unit} for {horizon} min, {self.quantile:.4g} sure",
        )
