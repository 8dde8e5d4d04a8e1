"""The shape of events of a kind: how much of its height each five minutes of an event need, from past ones. Pure.

Method: rise(τ) = the most demand in a step of past event i ÷ the mean of the hour before it - 1. Divided by the event's
own largest rise, it is a shape between 0 and 1 whatever the event's size; the largest of all past events counts, and
1/(n + 1) more, because that is how often the next one breaks the record of n.

The shape is followed only while demand does: an event that comes late, or not at all, is held at its height.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np

from springtide.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

STEP: Final = timedelta(minutes=5)
"""How finely a shape is known. Sweeps come every quarter of an hour, at any minute of an event."""

AHEAD: Final = timedelta(hours=1)
"""How long before it is needed a rise is held: longer than the time to the next sweep and its run. Late is not free."""

LEAST_EVENTS: Final = 3
"""Fewer past events do not say what they have in common."""

MOST_EVENTS: Final = 10
"""How many past events are looked at: the last ones."""

LEVEL: Final = timedelta(hours=1)
"""The time before an event that its demand is measured against."""

_LEAST_RISE: Final = 0.2
"""A past event that rose less brought so little that its shape is noise."""

_LEAST_KNOWN: Final = 0.75
"""The share of the hour before an event that has to be known."""

_SHOWS: Final = 0.1
"""A rise of demand below which nothing says whether an event has come."""

_LAGS: Final = 3
"""Steps that measured demand may lie behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventShape(Stored):
    """What each step of `STEP` from the start of an event on needs, learned from so many past `events`.

    `shares` is the part of what the event asks for beyond what is usual, 0 to 1. `least` is the smallest rise of demand
    that a past event showed, as a share of the demand before it: less than half of it means that this one has not come.
    """

    shares: tuple[float, ...]
    least: tuple[float, ...]
    events: int

    def share(self, since: timedelta, rise: float) -> float:
        """Return the share that is held `since` the start (negative: before it), for what comes within `AHEAD`.

        `rise` is how far demand stands above that of before the event: 1.0 is twice as much. The share is 1 where past
        events had risen and this one has not, and beyond what past events show.
        """
        step = max(0, int(since / STEP))
        if step >= len(self.shares):
            return 1.0
        if since >= timedelta() and not self._has_come(step, rise):
            return 1.0
        # To the end of the step in which the time ahead ends: a rise that begins there is not cut off.
        end = ceil(max(timedelta(), since) / STEP + AHEAD / STEP)
        return max(self.shares[step:end])

    def _has_come(self, step: int, rise: float) -> bool:
        usual = min(self.least[max(0, step - _LAGS) : step + 1])
        return usual < _SHOWS or rise >= usual / 2


def past_rises(demand: DemandSeries, start: float, length: timedelta) -> NDArray[np.float64] | None:
    """Return how far `demand` rose above the hour before `start` (POSIX second), the most of each step of `length`.

    1.0 means twice as much; NaN means a step without a sample. None where the hour before is not known, or empty.
    """
    width = STEP.total_seconds()
    steps = np.floor((demand.times - start) / width).astype(np.int64)
    before = np.arange(-round(LEVEL / STEP), 0)
    known = np.isin(before, steps)
    if known.mean() < _LEAST_KNOWN:
        return None
    level = float(demand.values[np.isin(steps, before)].mean())
    if level <= 0:
        return None
    rises = np.full(ceil(length / STEP), np.nan)
    inside = (steps >= 0) & (steps < len(rises))
    np.fmax.at(rises, steps[inside], demand.values[inside] / level - 1)
    return rises


def shape_of(past: Sequence[NDArray[np.float64]]) -> EventShape | None:
    """Return the shape of events that rose as `past` did, all of one length; None where too few of them rose.

    A step that was not measured counts with the whole height.
    """
    risen = [rises for rises in past if not np.isnan(rises).all() and float(np.nanmax(rises)) >= _LEAST_RISE]
    if len(risen) < LEAST_EVENTS:
        return None
    together = np.stack(risen)
    relative = together / np.nanmax(together, axis=1, keepdims=True)
    beyond = 1 + 1 / (len(risen) + 1)
    shares = np.clip(beyond * np.where(np.isnan(relative), 1.0, relative).max(axis=0), 0.0, 1.0)
    least = np.where(np.isnan(together), 0.0, together).min(axis=0).clip(0.0)
    return EventShape(shares=tuple(shares.tolist()), least=tuple(least.tolist()), events=len(risen))
