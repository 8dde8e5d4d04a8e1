"""A model that abstains while it has been wrong too often lately, and how wrong it has been.

The error of one answer is |answer - needed| ÷ the larger of both: 0 is exact, ½ is twice too much or half of it, and 1
is no relation at all. `needed` is the largest demand of the time that the answer had to cover, in fully used replicas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from springtide.capacity.conformal import horizon_minutes
from springtide.capacity.minutes import HOUR, MINUTE, on_grid
from springtide.capacity.model import CapacityModel, ModelAnswer, abstaining
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable


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
    for back in range(24, 0, -1):
        moment = end - (back * HOUR + horizon) * MINUTE
        first = int((moment - grid.start) // MINUTE)
        if first < 0 or first + horizon > len(grid):
            continue
        try:
            answer = model.answer(demand, replicas=1, now=datetime.fromtimestamp(moment, UTC))
        except DemandUnusable:
            continue  # no answer is no wrong answer: only answers are judged
        needed = float(grid.values[first : first + horizon].max()) / looked.per_replica
        if not answer.abstains:
            # Over the larger of both, so that twice too much and half of it are the same error.
            yield abs(answer.replicas - needed) / max(answer.replicas, needed, 1e-9)
