"""From several answers to one number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.capacity.combine import estimate, requested
from springtide.capacity.fixed import Fixed
from springtide.capacity.model import CapacityEstimate, ModelAnswer
from springtide.capacity.target_utilization import TargetUtilization
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable

NOW = datetime(2026, 11, 11, tzinfo=UTC)
DEMAND = DemandSeries(
    times=NOW.timestamp() - np.array([60.0, 0.0]), values=np.array([400.0, 350.0]), unit="requests/s", source="test"
)


@dataclass(frozen=True)
class Saying:
    """A model that answers with what it is told."""

    replicas: float

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:  # noqa: ARG002  # Protocol
        return ModelAnswer(model="saying", replicas=self.replicas, inputs={}, reason="it was told so")


def combined(*numbers: float, combine: str = "max") -> int:
    """Return the estimate of models that say these numbers."""
    models = [Saying(number) for number in numbers]
    return estimate(models, None, combine="max" if combine == "max" else "sum", replicas=1, now=NOW).replicas


@pytest.mark.parametrize(
    ("numbers", "combine", "replicas"),
    [
        ([2.2, 3.1], "max", 4),
        ([2.2, 3.1], "sum", 6),
        ([0.5, 0.5], "sum", 1),
        ([3.0000000001], "max", 3),
        ([2.9999999999], "max", 3),
        ([0.1] * 30, "sum", 3),
        ([0.0], "max", 0),
        ([1e-12], "max", 0),
        ([1e12], "max", 10**12),
    ],
)
def test_answers_are_combined_and_rounded_up_once(numbers: list[float], combine: str, replicas: int) -> None:
    assert combined(*numbers, combine=combine) == replicas


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0])
def test_an_answer_that_is_no_number_is_refused_by_its_model(wrong: float) -> None:
    with pytest.raises(DemandUnusable, match="capacity model saying answers") as caught:
        combined(3, wrong)

    assert caught.value.code == "capacity_unusable"


def test_the_estimate_carries_the_newest_demand_and_every_answer() -> None:
    answered = estimate([TargetUtilization(50, 0.7), Fixed(3)], DEMAND, combine="max", replicas=1, now=NOW)

    assert (answered.demand, answered.unit, answered.combine) == (350.0, "requests/s", "max")
    assert [answer.model for answer in answered.answers] == ["target_utilization", "fixed"]
    assert answered.replicas == 12
    assert CapacityEstimate.from_record(answered.to_record()) == answered


def test_fixed_numbers_need_no_demand_and_the_others_do() -> None:
    assert estimate([Fixed(3)], None, combine="max", replicas=1, now=NOW).demand is None
    with pytest.raises(DemandUnusable, match="no demand"):
        estimate([TargetUtilization(50, 0.7)], None, combine="max", replicas=1, now=NOW)


def test_a_person_s_number_is_an_estimate_of_its_own() -> None:
    answered = requested(9, now=NOW)

    assert (answered.replicas, answered.demand, answered.unit) == (9, None, None)
    assert answered.answers[0].reason == "the number that was asked for"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=10))
@settings(deadline=None)
def test_the_sum_is_never_below_the_largest(numbers: list[float]) -> None:
    largest = combined(*numbers)
    together = combined(*numbers, combine="sum")

    assert together >= largest
    assert largest >= max(numbers) - 1e-3
    assert together <= sum(numbers) + 1
