"""The conformal step: how far each base has been from what came, and which base to believe. Loops, compiled.

Residual e = ln target - ln base. A base's bound at quantile a is base·exp(q), q the larger of the a-quantiles of its
residuals over the last 7 days and of those at the same time of day ± 1 h over the last 7 days, by the clocks of the
customers. Only windows that are over count. Imported inside functions only (`compiled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from springtide.capacity.compiled import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Span(NamedTuple):
    """Lengths in decisions: of a day, of an hour, and of the wait until a decision's window is over.

    Bounds are worked out from the decision `first` on.
    """

    day: int
    hour: int
    wait: int
    first: int = 0


@inlined
def place_of(values: Array, count: int, value: float) -> int:
    """Return how many of the first `count` sorted `values` are less than `value`."""
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def insert(values: Array, count: int, value: float) -> int:
    """Put `value` into the first `count` sorted `values`; return the new count."""
    at = place_of(values, count, value)
    for i in range(count, at, -1):
        values[i] = values[i - 1]
    values[at] = value
    return count + 1


@inlined
def remove(values: Array, count: int, value: float) -> int:
    """Take one `value` out of the first `count` sorted `values`; return the new count."""
    for i in range(place_of(values, count, value), count - 1):
        values[i] = values[i + 1]
    return count - 1


@inlined
def replace(values: Array, count: int, coming: float, going: float) -> None:
    """Put `coming` in the place of one `going`; only what lies between them moves."""
    hole = place_of(values, count, going)
    if coming > going:
        while hole + 1 < count and values[hole + 1] < coming:
            values[hole] = values[hole + 1]
            hole += 1
    else:
        while hole > 0 and values[hole - 1] > coming:
            values[hole] = values[hole - 1]
            hole -= 1
    values[hole] = coming


@compiled
def ranked(values: Array, count: int, quantile: float) -> float:
    """Return the conformal quantile of the first `count` sorted `values`: the ⌈(count + 1)·quantile⌉-th or last."""
    return float(values[min(count, int(np.ceil((count + 1) * quantile))) - 1])


@inlined
def move(values: Array, count: int, coming: float, going: float) -> int:
    """Let `coming` in and `going` out, where they are known; return the new count."""
    if np.isnan(going):
        if not np.isnan(coming):
            count = insert(values, count, coming)
    elif np.isnan(coming):
        count = remove(values, count, going)
    else:
        replace(values, count, coming, going)
    return count


@inlined
def at(values: Array, index: int) -> float:
    """Return `values[index]`, NaN before the beginning."""
    return values[index] if index >= 0 else np.nan


@compiled
def slide(values: Array, count: int, source: Array, edges: NDArray[np.int64], wanted: tuple[int, int]) -> int:
    """Move the window `edges` over `source` to `wanted` (its first, its last), and `values` with it; return the count.

    From one decision to the next it moves by one, and by the hour where clocks were put.
    """
    first, last = wanted
    if edges[0] <= edges[1] and edges[0] + 1 == first and edges[1] + 1 == last:
        count = move(values, count, at(source, last), at(source, edges[0]))
        edges[0] = first
        edges[1] = last
        return count
    while edges[0] <= edges[1] and edges[0] < first:
        count = move(values, count, np.nan, at(source, edges[0]))
        edges[0] += 1
    while edges[0] <= edges[1] and edges[1] > last:
        count = move(values, count, np.nan, at(source, edges[1]))
        edges[1] -= 1
    if edges[0] > edges[1]:
        edges[0] = first
        edges[1] = first - 1
    while edges[1] < last:
        edges[1] += 1
        count = move(values, count, at(source, edges[1]), np.nan)
    while edges[0] > first:
        edges[0] -= 1
        count = move(values, count, at(source, edges[0]), np.nan)
    return count


@compiled
def filled(values: Array, source: Array, first: int, last: int) -> int:
    """Put what is known of `source` from `first` to `last` into `values`, sorted; return the count."""
    count = 0
    for k in range(max(first, 0), last + 1):
        if not np.isnan(source[k]):
            values[count] = source[k]
            count += 1
    values[:count] = np.sort(values[:count])
    return count


@compiled
def bounds_of(base: Array, residual: Array, quantiles: Array, span: Span, same_time: NDArray[np.int64]) -> Array:
    """Return one base's bounds, (quantile, decision); NaN until it has an hour of residuals, and before the first.

    `same_time[day, k]` is the decision at the time of k, `day` + 1 days before it.
    """
    # Both windows are kept sorted while they move, so that a decision costs one look-up instead of one sort.
    week = np.zeros(7 * span.day + 2)
    clock = np.zeros(7 * (2 * span.hour + 1) + 2)
    in_week = filled(week, residual, span.first - span.wait - 7 * span.day, span.first - span.wait - 1)
    in_clock = 0
    edges = np.zeros((7, 2), np.int64)
    edges[:, 1] -= 1  # empty
    bounds = np.full((len(quantiles), len(base)), np.nan)
    for k in range(span.first, len(base)):
        in_week = move(week, in_week, at(residual, k - span.wait), at(residual, k - span.wait - 7 * span.day))
        for day in range(7):
            # A week of such windows is one run of 2 h + 1 decisions on each day.
            around = (same_time[day, k] - span.hour, same_time[day, k] + span.hour)
            in_clock = slide(clock, in_clock, residual, edges[day], around)
        if np.isnan(base[k]) or in_week < span.hour:
            continue  # how wrong a base is must be known before it may be believed
        for a in range(len(quantiles)):
            excess = ranked(week, in_week, quantiles[a])
            # The larger of both: a rush hour is worse than the week says, and a bad week worse than its hour.
            if in_clock >= span.hour:
                excess = max(excess, ranked(clock, in_clock, quantiles[a]))
            bounds[a, k] = base[k] * np.exp(excess)
    return bounds


@compiled
def pinball(target: float, bound: float, quantile: float) -> float:
    """Return the loss that the true quantile minimises; 0 where nothing is known."""
    if np.isnan(target) or np.isnan(bound):
        return 0.0
    missed = target - bound
    return quantile * missed if missed > 0 else (quantile - 1) * missed


@compiled
def losses_of(bounds: Array, target: Array, quantile: float, span: Span) -> Array:
    """Return one base's mean loss over the windows of the last 7 days that are over; infinite where it has no bound.

    A base with less than four fifths of the past that the decision could look back on is not compared yet.
    """
    losses = np.full(len(bounds), np.inf)
    total = 0.0
    count = 0
    for k in range(len(bounds)):
        new = k - span.wait
        old = k - span.wait - 7 * span.day
        if new >= 0 and not np.isnan(bounds[new]):
            total = total + pinball(target[new], bounds[new], quantile)
            count = count + 1
        if old >= 0 and not np.isnan(bounds[old]):
            total = total - pinball(target[old], bounds[old], quantile)
            count = count - 1
        # A base that needs a week of history is not chosen for the few windows in which it happened to be right.
        full = min(new + 1, 7 * span.day)
        if not np.isnan(bounds[k]) and 5 * count >= 4 * (full - 2 * span.hour):
            losses[k] = total / max(count, 1)
    return losses
