"""What a known event will ask for: an uplift learned from past events of its kind, or what the calendar says of it.

Method: uplift(τ) = demand τ minutes after the start ÷ mean demand of the hour before the start, the q-quantile over
the last n past events of that kind (those that began at the same time of day ± 90 min, if there are any), applied to
the hour before the coming event. From one horizon before the start to the end: being early is free, being late is
not.

A kind whose past events are nothing alike teaches nothing: each of them is predicted from the others, and where that
asked for far too much on average, the model steps aside for this kind. Too little is no reason: without the model there
would be less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import DAY, HOUR, MINUTE, Minutes, seen_minutes
from springtide.capacity.model import ModelAnswer, stepping_aside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

_SAME_CLOCK = 90
_LEAST_LEVEL = 1e-9
_LEAST_JUDGED = 3
"""Fewer past events do not say how much alike they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    coming = near(seen, occasions, horizon)
    asked = [(_asked(seen, one, occasions, horizon, uplift or Uplift()), one) for one in coming]
    return max(((demand, one) for demand, one in asked if demand > 0), key=lambda pair: pair[0], default=(0.0, None))


def near(seen: Minutes, occasions: Sequence[Occasion], horizon: int) -> list[Occasion]:
    """Return the known events that are on, or begin within `horizon` minutes."""
    ahead = seen.end + horizon * MINUTE
    return [one for one in occasions if one.known_at <= seen.end < one.end and one.start < ahead]


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
    if window.start >= window.stop:
        return 0.0
    return level * _largest([profile[window] for profile in _profiles(seen, one, occasions, uplift)], uplift)


def _profiles(seen: Minutes, one: Occasion, occasions: Sequence[Occasion], uplift: Uplift) -> list[NDArray[np.float64]]:
    """Return what past events teach about `one`, each as long as it."""
    length = math.ceil((one.end - one.start) / MINUTE)
    if one.like is not None:
        starts = [one.like]
    else:
        starts = _alike(one, [past.start for past in _learned_from(one, occasions)], seen.end, uplift.last)
    return [profile for start in starts if (profile := _profile(seen, start, length)) is not None]


def _largest(profiles: list[NDArray[np.float64]], uplift: Uplift) -> float:
    """Return the largest uplift that is asked for after `profiles`; 0 where they say nothing."""
    if not profiles:
        return 0.0
    with_past = np.stack(profiles)
    known = ~np.isnan(with_past).all(axis=0)
    if not known.any():
        return 0.0
    beyond = 1 + uplift.beyond / (len(profiles) + 1)
    return beyond * float(np.nanquantile(with_past[:, known], uplift.quantile, axis=0).max())


def _is_learned(one: Occasion) -> bool:
    return (one.multiply, one.demand, one.like) == (None, None, None)


@dataclass(frozen=True, slots=True)
class Overshoot:
    """What would have been asked for in vain, 0 to 1, on average over `events` past events of `kind`."""

    kind: str
    share: float
    events: int


def overshoot(
    seen: Minutes, one: Occasion, occasions: Sequence[Occasion], uplift: Uplift | None = None
) -> Overshoot | None:
    """Return the mean of (asked - needed) ÷ asked over the past events that `one` is learned from, each left out once.

    None where nothing is learned for it, or from fewer than three events that are over.
    """
    if not _is_learned(one):
        return None
    whole = [profile for profile in _profiles(seen, one, occasions, uplift or Uplift()) if not np.isnan(profile).any()]
    if len(whole) < _LEAST_JUDGED:
        return None
    shares = []
    for index, profile in enumerate(whole):
        asked = _largest([*whole[:index], *whole[index + 1 :]], uplift or Uplift())
        shares.append(max(0.0, 1 - float(profile.max()) / asked) if asked > 0 else 0.0)
    return Overshoot(one.kind, float(np.mean(shares)), len(whole))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Replicas for the events of a calendar; 0 where none is near, so it belongs under `combine: max`."""

    per_replica: float
    occasions: tuple[Occasion, ...]
    interval: int = 15
    startup_seconds: float = 60.0
    uplift: Uplift = Uplift()
    max_error: float = 1.0

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas that known events ask for until the next plan's pods are Ready.

        Raises:
            DemandUnusable: no sample lies before `now`.
        """
        del replicas
        horizon = horizon_minutes(self.interval, self.startup_seconds)
        seen = seen_minutes(demand, now, most=400 * DAY)
        coming = near(seen, self.occasions, horizon)
        judged = [found for one in coming if (found := overshoot(seen, one, self.occasions, self.uplift)) is not None]
        wrong = {one.kind: self._words(one) for one in judged if one.share > self.max_error}
        asked, cause = expected_demand(seen, self._but(coming, wrong), horizon, self.uplift)
        inputs = {"demand": asked, "horizon_minutes": horizon, "occasions": len(self.occasions)}
        inputs |= {f"error of {one.kind}": one.share for one in judged}
        if wrong and cause is None:
            return stepping_aside("event", "; ".join(wrong.values()))
        reason = (
            f"no known event within {horizon} min" if cause is None else f"{cause.kind} is known to ask for {asked:.4g}"
        )
        reason = "; ".join([reason, *(f"left out: {words}" for words in wrong.values())])
        return ModelAnswer(
            model="event",
            replicas=asked / self.per_replica,
            inputs=inputs,
            reason=reason,
        )

    def _but(self, coming: Sequence[Occasion], wrong: Mapping[str, str]) -> list[Occasion]:
        """Return the occasions without those that are `coming` and learned from a kind that is `wrong`."""
        left_out = {one for one in coming if one.kind in wrong and _is_learned(one)}
        return [one for one in self.occasions if one not in left_out]

    def _words(self, found: Overshoot) -> str:
        return (
            f"its error over {found.events} past events of kind {found.kind} is {found.share:.1%}, asked for in vain; "
            f"max_error allows {self.max_error:.1%}"
        )
