"""What a known event will ask for: an uplift learned from past events of its kind, or what the calendar says of it.

Method: uplift(τ) = demand τ minutes after the start ÷ mean demand of the hour before the start, the q-quantile over
the last n past events of that kind (those that began at the same time of day ± 90 min, if there are any), applied to
the hour before the coming event. From one horizon before the start to the end: being early is free, being late is
not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import DAY, HOUR, MINUTE, Minutes, seen_minutes
from springtide.capacity.model import ModelAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

_SAME_CLOCK = 90
_LEAST_LEVEL = 1e-9


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event as the calendar knows it: its kind, and POSIX seconds of its start, its end, and when it became known.

    At most one of `multiply` (times the level before), `demand` (in the demand's unit) and `like` (POSIX second at
    which the past occasion that it resembles started) says what to expect; without any, the past of its kind does.
    """

    kind: str
    start: float
    end: float
    known_at: float
    multiply: float | None = None
    demand: float | None = None
    like: float | None = None


@dataclass(frozen=True, slots=True)
class Uplift:
    """How the past is read: the `quantile` over the last `last` events of the kind. The largest of ten measured best.

    `beyond` asks for 1/(n + 1) more than n past events showed: that is how often the next one breaks their record.
    """

    quantile: float = 1.0
    last: int = 10
    beyond: bool = True


def expected_demand(
    seen: Minutes, occasions: Sequence[Occasion], horizon: int, uplift: Uplift | None = None
) -> tuple[float, Occasion | None]:
    """Return the most that known events ask for in the `horizon` minutes after `seen`, and the event that does.

    (0, None) where none does: no event is near, or nothing is known about its kind yet.
    """
    ahead = seen.end + horizon * MINUTE
    coming = [one for one in occasions if one.known_at <= seen.end < one.end and one.start < ahead]
    asked = [(_asked(seen, one, occasions, horizon, uplift or Uplift()), one) for one in coming]
    return max(((demand, one) for demand, one in asked if demand > 0), key=lambda pair: pair[0], default=(0.0, None))


def event_floor(
    seen: Minutes, occasions: Sequence[Occasion], interval: int, horizon: int, uplift: Uplift | None = None
) -> NDArray[np.float64]:
    """Return the demand that events ask for at every decision over `seen`; each sees what lies before it only."""
    found = np.zeros(len(seen) // interval + 1)
    for one in occasions:
        first = math.floor((one.start - seen.start) / MINUTE / interval) - horizon // interval - 1
        last = math.ceil((one.end - seen.start) / MINUTE / interval)
        for k in range(max(1, first), min(last + 1, len(found))):
            past = Minutes(seen.start, seen.values[: k * interval])
            found[k] = max(found[k], expected_demand(past, [*_learned_from(one, occasions), one], horizon, uplift)[0])
    return found


def _learned_from(one: Occasion, occasions: Sequence[Occasion]) -> list[Occasion]:
    return [other for other in occasions if other.kind == one.kind and other.start < one.start]


def _asked(seen: Minutes, one: Occasion, occasions: Sequence[Occasion], horizon: int, uplift: Uplift) -> float:
    if one.demand is not None:
        return one.demand
    level = _level(seen, min(one.start, seen.end))
    if one.multiply is not None or math.isnan(level):
        return 0.0 if math.isnan(level) else level * (one.multiply or 0.0)
    first = round((seen.end - one.start) / MINUTE)
    length = math.ceil((one.end - one.start) / MINUTE)
    window = slice(max(0, first), min(length, first + horizon))
    if one.like is not None:
        starts = [one.like]
    else:
        starts = _alike(one, [past.start for past in _learned_from(one, occasions)], seen.end, uplift.last)
    profiles = [
        profile[window] for profile in (_profile(seen, start, length) for start in starts) if profile is not None
    ]
    if not profiles or window.start >= window.stop:
        return 0.0
    with_past = np.stack(profiles)
    known = ~np.isnan(with_past).all(axis=0)
    if not known.any():
        return 0.0
    beyond = 1 + uplift.beyond / (len(profiles) + 1)
    return level * beyond * float(np.nanquantile(with_past[:, known], uplift.quantile, axis=0).max())


def _alike(one: Occasion, starts: list[float], now: float, last: int) -> list[float]:
    """Return the starts of the last past events, those at the same time of day if there are any."""
    over = sorted(start for start in starts if start < now)

    def apart(start: float) -> float:
        minutes = (start - one.start) / MINUTE % DAY
        return min(minutes, DAY - minutes)

    return ([start for start in over if apart(start) <= _SAME_CLOCK] or over)[-last:]


def _level(seen: Minutes, moment: float) -> float:
    """Return mean demand of the hour before `moment`; NaN where `seen` does not reach back to it."""
    end = min(len(seen), int((moment - seen.start) // MINUTE))
    return float(np.mean(seen.values[end - HOUR : end])) if end >= HOUR else math.nan


def _profile(seen: Minutes, start: float, length: int) -> NDArray[np.float64] | None:
    """Return demand over `length` minutes from `start`, relative to the hour before; NaN where it is not known yet."""
    level = _level(seen, start)
    if not level > _LEAST_LEVEL:
        return None
    first = int((start - seen.start) // MINUTE)
    known = seen.values[first : first + length] / level
    return np.concatenate((known, np.full(length - len(known), np.nan)))


@dataclass(frozen=True, slots=True)
class Event:
    """Replicas for the events of a calendar; 0 where none is near, so it belongs under `combine: max`."""

    per_replica: float
    occasions: tuple[Occasion, ...]
    interval: int = 15
    startup_seconds: float = 60.0
    uplift: Uplift = Uplift()

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas that known events ask for until the next plan's pods are Ready.

        Raises:
            DemandUnusable: no sample lies before `now`.
        """
        del replicas
        horizon = horizon_minutes(self.interval, self.startup_seconds)
        seen = seen_minutes(demand, now, most=400 * DAY)
        asked, cause = expected_demand(seen, self.occasions, horizon, self.uplift)
        reason = (
            f"no known event within {horizon} min" if cause is None else f"{cause.kind} is known to ask for {asked:.4g}"
        )
        return ModelAnswer(
            model="event",
            replicas=asked / self.per_replica,
            inputs={"demand": asked, "horizon_minutes": horizon, "occasions": len(self.occasions)},
            reason=reason,
        )
