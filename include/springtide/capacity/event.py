"""What a known event will ask for: an uplift learned from past events of its kind, or what the calendar says of it.

Method: uplift(τ) = demand τ minutes after the start ÷ mean demand of the hour before the start, the q-quantile over
the last n past events of that kind (those that began at the same time of day ± 90 min, if there are any), applied to
the hour before the coming event. From one horizon before the start to the end: being early is free, being late is
not.

A kind whose past events are nothing alike teaches nothing: each of them is predicted from the others, and where that
asked for far too much on average, the model abstains for this kind. Too little is no reason: without the model there
would be less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import DAY, HOUR, MINUTE, Minutes, seen_minutes
from springtide.capacity.model import ModelAnswer, abstaining
from springtide.demand.local_time import STEADY, LocalClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

_SAME_CLOCK = 90
"""Minutes of the day that two events may begin apart and still have the same customers awake."""

_LEAST_LEVEL = 1e-9
"""Demand of an hour below which nothing can be measured relative to it."""

_LEAST_JUDGED = 3
"""Fewer past events do not say how much alike they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOccurrence:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """How the past is read: the `quantile` over the last `last` events of the kind. The largest of ten measured best.

    `beyond` asks for 1/(n + 1) more than n past events showed: that is how often the next one breaks their record.
    The time of day at which an event begins is that of `clock`.
    """

    quantile: float = 1.0
    last: int = 10
    beyond: bool = True
    clock: LocalClock = STEADY


def expected_demand(
    seen: Minutes, occasions: Sequence[KnownOccurrence], horizon: int, uplift: Uplift | None = None
) -> tuple[float, KnownOccurrence | None]:
    """Return the most that known events ask for in the `horizon` minutes after `seen`, and the event that does.

    (0, None) where none does: no event is near, or nothing is known about its kind yet.
    """
    largest: tuple[float, KnownOccurrence | None] = (0.0, None)
    # Events that overlap are not added up: what is learned of each is relative to the same hour before it.
    for event in near(seen, occasions, horizon):
        demand = _asked(seen, event, occasions, horizon, uplift or Uplift())
        if demand > largest[0]:
            largest = (demand, event)
    return largest


def near(seen: Minutes, occasions: Sequence[KnownOccurrence], horizon: int) -> list[KnownOccurrence]:
    """Return the known events that are on, or begin within `horizon` minutes."""
    ahead = seen.end + horizon * MINUTE
    return [event for event in occasions if event.known_at <= seen.end < event.end and event.start < ahead]


def _learned_from(event: KnownOccurrence, occasions: Sequence[KnownOccurrence]) -> list[KnownOccurrence]:
    return [other for other in occasions if other.kind == event.kind and other.start < event.start]


def _asked(
    seen: Minutes, event: KnownOccurrence, occasions: Sequence[KnownOccurrence], horizon: int, uplift: Uplift
) -> float:
    if event.demand is not None:
        return event.demand
    # Once the event is on, the level stays that of the hour before it: the uplift is not to be applied to itself.
    level = _level(seen, min(event.start, seen.end))
    if math.isnan(level):
        return 0.0  # less than an hour of history: the other models answer, this one cannot
    if event.multiply is not None:
        return level * event.multiply
    first = round((seen.end - event.start) / MINUTE)
    length = math.ceil((event.end - event.start) / MINUTE)
    # Of the event's course only the stretch that the next plan has to carry: an early peak does not hold to its end.
    window = slice(max(0, first), min(length, first + horizon))
    if window.start >= window.stop:
        return 0.0
    profiles = _profiles(seen, event, occasions, uplift)
    return level * _largest([profile[window] for profile in profiles], uplift)


def _profiles(
    seen: Minutes, event: KnownOccurrence, occasions: Sequence[KnownOccurrence], uplift: Uplift
) -> list[NDArray[np.float64]]:
    """Return what past events teach about `event`, each as long as it."""
    length = math.ceil((event.end - event.start) / MINUTE)
    if event.like is not None:
        starts = [event.like]
    else:
        starts = _alike(event, [past.start for past in _learned_from(event, occasions)], seen.end, uplift)
    return [profile for start in starts if (profile := _profile(seen, start, length)) is not None]


def _largest(profiles: list[NDArray[np.float64]], uplift: Uplift) -> float:
    """Return the largest uplift that is asked for after `profiles`; 0 where they say nothing."""
    if not profiles:
        return 0.0
    with_past = np.stack(profiles)
    # Past events were shorter, or are not over: a minute that none of them reached has no quantile.
    known = ~np.isnan(with_past).all(axis=0)
    if not known.any():
        return 0.0
    # Of n exchangeable events the next one is the largest with probability 1/(n + 1).
    beyond = 1 + uplift.beyond / (len(profiles) + 1)
    return beyond * float(np.nanquantile(with_past[:, known], uplift.quantile, axis=0).max())


def _is_learned(event: KnownOccurrence) -> bool:
    return (event.multiply, event.demand, event.like) == (None, None, None)


@dataclass(frozen=True, slots=True)
class Overshoot:
    """What would have been asked for in vain, 0 to 1, on average over `events` past events of `kind`."""

    kind: str
    share: float
    events: int


def overshoot(
    seen: Minutes, event: KnownOccurrence, occasions: Sequence[KnownOccurrence], uplift: Uplift | None = None
) -> Overshoot | None:
    """Return the mean of (asked - needed) ÷ asked over the past events that `event` is learned from, one left out each.

    None where nothing is learned for it, or from fewer than three events that are over.
    """
    if not _is_learned(event):
        return None
    profiles = _profiles(seen, event, occasions, uplift or Uplift())
    whole = [profile for profile in profiles if not np.isnan(profile).any()]
    if len(whole) < _LEAST_JUDGED:
        return None
    shares = []
    for index, profile in enumerate(whole):
        others = [*whole[:index], *whole[index + 1 :]]
        asked = _largest(others, uplift or Uplift())
        # Asked for too little counts as no error: without this model there would have been less still.
        shares.append(max(0.0, 1 - float(profile.max()) / asked) if asked > 0 else 0.0)
    return Overshoot(event.kind, float(np.mean(shares)), len(whole))


def _alike(event: KnownOccurrence, starts: list[float], now: float, uplift: Uplift) -> list[float]:
    """Return the starts of the last past events, those at the same time of day if there are any."""
    over = sorted(start for start in starts if start < now)
    shown = uplift.clock.shown(np.array([event.start, *over]))
    # The clock is a circle: 23:50 and 00:10 are twenty minutes apart.
    apart = (shown[1:] - shown[0]) / MINUTE % DAY
    near = np.minimum(apart, DAY - apart) <= _SAME_CLOCK
    same_clock = [start for start, is_near in zip(over, near, strict=True) if is_near]
    return (same_clock or over)[-uplift.last :]


def _level(seen: Minutes, moment: float) -> float:
    """Return mean demand of the hour before `moment`; NaN where `seen` does not reach back to it."""
    end = min(len(seen), int((moment - seen.start) // MINUTE))
    return float(np.mean(seen.values[end - HOUR : end])) if end >= HOUR else math.nan


def _profile(seen: Minutes, start: float, length: int) -> NDArray[np.float64] | None:
    """Return demand over `length` minutes from `start`, relative to the hour before; NaN where it is not known yet."""
    level = _level(seen, start)
    if not level > _LEAST_LEVEL:  # written so that NaN is refused, too
        return None
    first = int((start - seen.start) // MINUTE)
    known = seen.values[first : first + length] / level
    return np.concatenate((known, np.full(length - len(known), np.nan)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Replicas for the events of a calendar; 0 where none is near, so it belongs under `combine: max`."""

    per_replica: float
    occasions: tuple[KnownOccurrence, ...]
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
        # A yearly sale must still be there to be learned from, with some days to spare.
        seen = seen_minutes(demand, now, most=400 * DAY)
        coming = near(seen, self.occasions, horizon)
        judged = self._judged(seen, coming)
        unlike = {error.kind: self._why_left_out(error) for error in judged if error.share > self.max_error}
        asked, cause = expected_demand(seen, self._without(coming, unlike), horizon, self.uplift)
        if unlike and cause is None:
            # An answer of 0 would say that no event is near.
            return abstaining("event", "; ".join(unlike.values()))
        return ModelAnswer(
            model="event",
            replicas=asked / self.per_replica,
            inputs={
                "demand": asked,
                "horizon_minutes": horizon,
                "occasions": len(self.occasions),
                **{f"error of {error.kind}": error.share for error in judged},
            },
            reason=_reason(asked, cause, horizon, unlike),
        )

    def _judged(self, seen: Minutes, coming: Sequence[KnownOccurrence]) -> list[Overshoot]:
        errors = (overshoot(seen, event, self.occasions, self.uplift) for event in coming)
        return [error for error in errors if error is not None]

    def _without(self, coming: Sequence[KnownOccurrence], unlike: Mapping[str, str]) -> list[KnownOccurrence]:
        """Return the occasions without those that are `coming` and learned from a kind that is in `unlike`.

        A coming event of such a kind stays where the calendar says what to expect: nothing is learned for it.
        """
        left_out = {event for event in coming if event.kind in unlike and _is_learned(event)}
        return [event for event in self.occasions if event not in left_out]

    def _why_left_out(self, error: Overshoot) -> str:
        return (
            f"over {error.events} past events of kind {error.kind} it overestimated by {error.share:.1%} on average; "
            f"max_error allows {self.max_error:.1%}"
        )


def _reason(asked: float, cause: KnownOccurrence | None, horizon: int, unlike: Mapping[str, str]) -> str:
    if cause is None:
        reason = f"no known event within {horizon} min"
    else:
        reason = f"{cause.kind} is known to ask for {asked:.4g}"
    return "; ".join([reason, *(f"left out: {why}" for why in unlike.values())])
