"""A model that abstains while it has been wrong too often lately, and how wrong it has been.

The error of one answer is |answer - needed| ÷ the larger of both: 0 is exact, ½ is twice too much or half of it, and 1
is no relation at all. `needed` is the largest demand of the time that the answer had to cover, in fully used replicas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import HOUR, MINUTE, on_grid
from springtide.capacity.model import AnswersTogether, CapacityModel, ModelAnswer, abstaining
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGate:
    """`model`, as long as its recent `error` is at most `max_error`; None: it was not measured yet."""

    name: str
    model: CapacityModel
    error: float | None
    max_error: float

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the model's answer, or why it has none."""
        if self.error is not None and self.error > self.max_error:
            return abstaining(
                self.name, f"its error of the last days is {self.error:.1%}, max_error allows {self.max_error:.1%}"
            )
        return self.model.answer(demand, replicas=replicas, now=now)


@dataclass(frozen=True, slots=True)
class AbstainOnError:
    """`model`, but where demand does not hold what it needs it abstains instead of failing."""

    name: str
    model: CapacityModel

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the model's answer, or why it has none."""
        try:
            return self.model.answer(demand, replicas=replicas, now=now)
        except DemandUnusable as error:
            return abstaining(self.name, error.message)


@dataclass(frozen=True, slots=True)
class ScoringWindow:
    """How a model is judged: what one replica serves, and the time that an answer covers."""

    per_replica: float
    interval: int = 15
    startup_seconds: float = 60.0


def recent_error(model: CapacityModel, demand: DemandSeries, looked: ScoringWindow, *, now: datetime) -> float | None:
    """Return the mean error of the answers that `model` would have given hourly over the day before `now`.

    None where it would have given fewer than six: it is too young to be judged.
    """
    errors = list(_errors(model, demand, looked, now.timestamp()))
    return float(np.mean(errors)) if len(errors) >= 6 else None  # noqa: PLR2004


def _errors(model: CapacityModel, demand: DemandSeries, looked: ScoringWindow, end: float) -> Iterator[float]:
    horizon = horizon_minutes(looked.interval, looked.startup_seconds)
    if not len(demand):
        return
    grid = on_grid(demand.times, demand.values)
    # The model is asked about moments of which all is known by now: it sees nothing after them (`CapacityModel`).
    moments: list[float] = []
    needed: list[float] = []
    for back in range(24, 0, -1):
        moment = end - (back * HOUR + horizon) * MINUTE
        first = int((moment - grid.start) // MINUTE)
        if first >= 0 and first + horizon <= len(grid):
            moments.append(moment)
            needed.append(float(grid.values[first : first + horizon].max()) / looked.per_replica)
    for answer, need in zip(_answers(model, demand, moments), needed, strict=True):
        # No answer is no wrong answer: only answers are judged.
        if answer is not None and not answer.abstains:
            # Over the larger of both, so that twice too much and half of it are the same error.
            yield abs(answer.replicas - need) / max(answer.replicas, need, 1e-9)


def _answers(model: CapacityModel, demand: DemandSeries, moments: Sequence[float]) -> Sequence[ModelAnswer | None]:
    """Return what the model answers at each of `moments`, in POSIX seconds; None where it raises."""
    times = [datetime.fromtimestamp(moment, UTC) for moment in moments]
    if not isinstance(model, AnswersTogether) or not _is_whole(demand.times, np.asarray(moments)):
        return [_answer(model, demand, time) for time in times]
    try:
        return model.answers(demand, times)
    except DemandUnusable:
        return [None for _ in times]


def _answer(model: CapacityModel, demand: DemandSeries, now: datetime) -> ModelAnswer | None:
    try:
        return model.answer(demand, replicas=1, now=now)
    except DemandUnusable:
        return None


def _is_whole(times: NDArray[np.float64], moments: NDArray[np.float64]) -> bool:
    """Say whether demand is there by the minute, and up to each of `moments`: else a later sample would be seen."""
    apart = np.diff(times)
    if not len(moments) or not len(apart) or np.median(apart) != MINUTE or (apart % MINUTE).any():
        return False
    last = np.searchsorted(times, moments, side="left") - 1
    return bool((last >= 0).all() and (moments - times[last] <= MINUTE).all())
