"""What the conformal bound starts from: simple predictors of the largest demand of a window, from earlier demand only.

Each base is cheap, wrong in its own way, and corrected by its own residuals (`calibration`), so a base that
does not suit a service costs nothing but its computation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.clock_grid import LONGEST_HORIZON, PLAIN, ClockGrid
from springtide.capacity.minutes import DAY, HOUR, WEEK
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PREDICTORS = (
    *("mean 3 min", "mean 5 min", "mean 15 min", "mean 1 h", "max 5 min", "max 15 min", "max 1 h", "trend"),
    *("mean 7 d", "yesterday", "last week", "profile"),
    *("yesterday x 15 min", "yesterday x 1 h", "last week x 15 min", "last week x 1 h"),
    *("profile x 15 min", "profile x 1 h"),
)
LEVEL_RATIO = (0.2, 5.0)
"""How far a base may be moved to today's level: beyond it one of the two levels is noise of a nearly idle service."""
TREND_RATIO = (0.5, 2.0)
"""How far the trend is believed: three minutes of a flash crowd are not carried on for a quarter of an hour."""
_SMOOTHING = 7
"""Minutes to each side: a median over seven days still has the noise of single minutes."""
_PROFILE_DAYS = 7
"""One of each weekday. The median of them is not moved by a single odd day."""

_PAIRS = (
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)
"""Seven values compared pair by pair in this order, the smaller one first, have their median in the middle."""


@dataclass(frozen=True, slots=True)
class PredictorWindow:
    """When decisions are made and what each has to cover: minutes [m, m + horizon) for m = 0, interval, 2·interval, ...

    `least` is the demand below which differences do not matter (a tenth of a pod); it keeps logarithms finite.
    """

    interval: int
    horizon: int
    least: float

    def __post_init__(self) -> None:
        if HOUR % self.interval or not 0 < self.horizon <= LONGEST_HORIZON:
            raise InputError(
                f"interval {self.interval} must divide 60 and horizon {self.horizon} be 1 to {LONGEST_HORIZON} minutes",
                code="out_of_range",
                field="interval",
            )


def decisions(length: int, window: PredictorWindow) -> NDArray[np.int64]:
    """Return the minutes of the decisions over `length` minutes of demand, the one at its very end included."""
    return np.arange(0, length + 1, window.interval)


def targets(demand: Array, window: PredictorWindow) -> Array:
    """Return the largest demand of each decision's window, NaN where the window is not over yet."""
    at = decisions(len(demand), window)
    whole = at + window.horizon <= len(demand)
    largest = np.full(len(at), np.nan)
    largest[whole] = _maxima(demand, window.horizon)[at[whole]]
    largest[whole] = np.maximum(largest[whole], window.least)
    return largest


def predictors(demand: Array, window: PredictorWindow, grid: ClockGrid = PLAIN) -> Array:
    """Return one row per name in `PREDICTORS`, one column per decision; NaN where history is too short.

    What is of yesterday, of last week or of several days is so by the clocks of `grid`.
    """
    at = decisions(len(demand), window)
    table = dict(zip(PREDICTORS, np.full((len(PREDICTORS), len(at)), np.nan), strict=True))
    _recent(table, demand, at, window.least)
    for name, lag in (("yesterday", DAY), ("last week", WEEK)):
        known = at >= lag + HOUR
        earlier = grid.days_before(demand, lag // DAY, len(demand) + window.horizon)
        seen = np.maximum(_maxima(earlier, window.horizon)[at[known]], window.least)
        _levelled(table, name, known, seen, _Means(demand, window.least).ratios(at[known], earlier))
    # The profile of a minute is made of earlier days only, so it may be read ahead of the decision.
    profile = _daily_median(demand, window.horizon, grid)
    known = at >= DAY + HOUR + _SMOOTHING + 1
    seen = np.maximum(_maxima(_smooth(profile), window.horizon)[at[known]], window.least)
    _levelled(table, "profile", known, seen, _Means(demand, window.least).ratios(at[known], profile))
    stacked = np.stack([table[name] for name in PREDICTORS])
    # Residuals are differences of logarithms: a base of 0 would make every residual infinite. NaN stays NaN.
    stacked[stacked < window.least] = window.least
    return stacked


class _Means:
    """Means over any stretch of a series, by differences of its running sum."""

    def __init__(self, series: Array, least: float) -> None:
        # Only stretches that are known are asked for; NaN in front of them must not reach into every later sum.
        self.total = np.concatenate(([0.0], np.cumsum(np.nan_to_num(series))))
        self.least = least

    def before(self, at: NDArray[np.int64], length: int) -> Array:
        """Return the mean of the `length` minutes before each of `at`."""
        return (self.total[at] - self.total[at - length]) / length

    def ratios(self, at: NDArray[np.int64], other: Array) -> dict[str, Array]:
        """Return how this series' level before `at` compares with `other`'s, over 15 min and 1 h, clipped."""
        past = _Means(other, self.least)
        return {
            label: np.clip(
                np.maximum(self.before(at, length), self.least) / np.maximum(past.before(at, length), self.least),
                *LEVEL_RATIO,
            )
            for label, length in (("15 min", 15), ("1 h", HOUR))
        }


def _recent(table: dict[str, Array], demand: Array, at: NDArray[np.int64], least: float) -> None:
    known = at >= HOUR
    now = at[known]
    means = _Means(demand, least)
    for label, length in (("3 min", 3), ("5 min", 5), ("15 min", 15), ("1 h", HOUR)):
        table[f"mean {label}"][known] = means.before(now, length)
    for label, length in (("5 min", 5), ("15 min", 15), ("1 h", HOUR)):
        table[f"max {label}"][known] = _maxima(demand, length)[now - length]
    last = table["mean 3 min"][known]
    expected = np.maximum(table["mean 15 min"][known], least)
    # The square root halves the trend on the logarithm: whole trends overshoot when demand turns.
    table["trend"][known] = last * np.sqrt(np.clip(last / expected, *TREND_RATIO))
    week = np.minimum(now, WEEK)  # a younger service has the mean of all that it has
    table["mean 7 d"][known] = (means.total[now] - means.total[now - week]) / week


def _levelled(
    table: dict[str, Array], name: str, known: NDArray[np.bool_], seen: Array, ratios: dict[str, Array]
) -> None:
    table[name][known] = seen
    for label, ratio in ratios.items():
        table[f"{name} x {label}"][known] = seen * ratio


def _maxima(series: Array, length: int) -> Array:
    """Return, for each minute, the largest value of the `length` minutes from it on; NaN if the end is nearer."""
    maxima = np.full(len(series) + 1, np.nan)
    if len(series) >= length:
        # Twice as long a window is the larger of two that lie behind each other; the last two overlap.
        ahead = series
        width = 1
        while width < length:
            step = min(width, length - width)
            ahead = np.maximum(ahead[:-step], ahead[step:])
            width += step
        maxima[: len(ahead)] = ahead
    return maxima


def _daily_median(demand: Array, ahead: int, grid: ClockGrid) -> Array:
    """Return, for each minute up to `ahead` past the end, the median of the same minute on the 7 days before it."""
    length = len(demand) + ahead + _SMOOTHING + 1
    medians = np.full(length, np.nan)
    past = [grid.days_before(demand, days, length) for days in range(1, _PROFILE_DAYS + 1)]
    for days in range(1, _PROFILE_DAYS + 1):
        first = days * DAY
        last = length if days == _PROFILE_DAYS else min((days + 1) * DAY, length)
        if first < last:
            medians[first:last] = median([day[first:last] for day in past[:days]])
    return medians


def median(rows: Sequence[Array]) -> Array:
    """Return the median of each column, NaN where one of its values is."""
    if len(rows) != _PROFILE_DAYS:
        return np.asarray(np.median(np.stack(rows), axis=0))
    # Of a week of days, nearly always: by comparing pairs of whole rows, a tenth of the time of sorting each column.
    sorted_rows = list(rows)
    for low, high in _PAIRS:
        one = sorted_rows[low]
        other = sorted_rows[high]
        sorted_rows[low] = np.minimum(one, other)
        sorted_rows[high] = np.maximum(one, other)
    return sorted_rows[_PROFILE_DAYS // 2]


def _smooth(profile: Array) -> Array:
    """Return the mean over ±7 min, NaN at the ends."""
    width = 2 * _SMOOTHING + 1
    smoothed = np.full(len(profile), np.nan)
    known = profile[DAY:]
    if len(known) >= width:
        total = np.concatenate(([0.0], np.cumsum(known)))
        smoothed[DAY + _SMOOTHING : len(profile) - _SMOOTHING] = (total[width:] - total[:-width]) / width
    return smoothed
