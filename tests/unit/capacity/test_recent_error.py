"""How wrong a model has been lately is the same whether its answers are worked out together or one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from springtide.capacity.conformal import Conformal
from springtide.capacity.gates import ScoringWindow, recent_error
from springtide.capacity.model import AnswersTogether, CapacityModel, ModelAnswer
from springtide.demand.local_time import LocalClock
from springtide.demand.model import DemandSeries

MINUTE = 60
DAY = 1440 * MINUTE
NOW = datetime(2026, 11, 3, 9, 30, 17, tzinfo=UTC)
LOOKED = ScoringWindow(10.0)


@dataclass(frozen=True)
class OneByOne:
    """The same model, which can only be asked for one answer."""

    model: CapacityModel

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        return self.model.answer(demand, replicas=replicas, now=now)


def demand(days: float, step: int = MINUTE) -> DemandSeries:
    """Return noisy days that end a minute before `NOW`."""
    end = NOW.timestamp() // MINUTE * MINUTE
    times = np.arange(end - days * DAY // step * step, end + 1, step)
    noise = np.random.default_rng(7).random(len(times))
    values = 100 + 60 * np.sin(times / DAY * 2 * np.pi) + 25 * noise * (1 + 3 * (noise > 0.99))
    return DemandSeries(times=times, values=values, unit="requests/s", source="test")


MODELS: dict[str, CapacityModel] = {
    "conformal": Conformal(per_replica=10.0),
    "conformal every 5 minutes": Conformal(per_replica=10.0, interval=5, quantile=0.4),
    "conformal by clocks that are put": Conformal(per_replica=10.0, clock=LocalClock("America/New_York")),
}


@pytest.mark.parametrize("days", [0.1, 0.6, 14.3, 21])
@pytest.mark.parametrize("name", MODELS)
def test_answers_together_are_those_one_by_one(name: str, days: float) -> None:
    model = MODELS[name]
    seen = demand(days)
    assert isinstance(model, AnswersTogether)

    together = recent_error(model, seen, LOOKED, now=NOW)

    assert together == pytest.approx(recent_error(OneByOne(model), seen, LOOKED, now=NOW), rel=1e-9)


def test_with_more_past_than_one_answer_looks_at_they_are_the_same() -> None:
    model = MODELS["conformal"]
    seen = demand(35)

    together = recent_error(model, seen, LOOKED, now=NOW)

    assert together == pytest.approx(recent_error(OneByOne(model), seen, LOOKED, now=NOW), rel=1e-6)


@pytest.mark.parametrize("step", [30, 300])
def test_samples_that_are_not_by_the_minute_are_asked_about_one_by_one(step: int) -> None:
    model = Refusing(MODELS["conformal"])

    assert recent_error(model, demand(9, step), LOOKED, now=NOW) is not None


def test_a_gap_before_a_moment_is_not_bridged_by_what_came_after_it() -> None:
    seen = demand(9)
    hidden = (seen.times > NOW.timestamp() - 5 * 3600) & (seen.times < NOW.timestamp() - 3 * 3600)
    gap = replace(seen, times=seen.times[~hidden], values=seen.values[~hidden])

    assert recent_error(Refusing(MODELS["conformal"]), gap, LOOKED, now=NOW) is not None


class Refusing(OneByOne):
    """The same model, which must not be asked for all answers at once."""

    def answers(self, *_: object) -> list[ModelAnswer | None]:
        raise AssertionError("a later sample would be seen")
