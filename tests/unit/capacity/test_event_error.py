"""A kind of event whose past ones are nothing alike teaches nothing: its model says so and steps aside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from springtide.capacity.combine import estimate
from springtide.capacity.model import ModelAnswer
from springtide.capacity.registry import build_model
from springtide.policy.scaling.capacity import ModelSpec
from unit.capacity.histories import DAY, NOW, minutes, with_future

LEVEL = 100.0
RECENT = {"model": "target_utilization", "per_replica": 10, "target": 1.0}


def history(uplifts: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return steady demand with an hour of each of these uplifts, a day apart, the last one a day ago."""
    values = np.full((len(uplifts) + 1) * DAY, LEVEL)
    for back, uplift in enumerate(reversed(uplifts), 1):
        values[len(values) - back * DAY : len(values) - back * DAY + 60] = LEVEL * uplift
    return values


def at(days: float, kind: str = "sale", **expectation: Any) -> dict[str, Any]:
    """Return an event of an hour, so many days after `NOW`."""
    start = NOW.timestamp() + days * 86400
    moments = [np.datetime_as_string(np.datetime64(int(second), "s")) + "Z" for second in (start, start + 3600)]
    return {"kind": kind, "start": moments[0], "end": moments[1], **expectation}


def spec(uplifts: list[float], *more: dict[str, Any], **fields: Any) -> ModelSpec:
    """Return the model that knows of the past events and of one that begins now."""
    past = [at(-back) for back in range(len(uplifts), 0, -1)]
    document = {"model": "event", "per_replica": 10, "events": [*past, at(0), *more], **fields}
    parsed: ModelSpec = TypeAdapter(ModelSpec).validate_python(document)
    return parsed


def answer(uplifts: list[float], *more: dict[str, Any], **fields: Any) -> ModelAnswer:
    model = build_model(spec(uplifts, *more, **fields))
    return model.answer(minutes(history(uplifts)), replicas=1, now=NOW)


def test_events_that_are_alike_are_believed_and_their_error_is_told() -> None:
    answered = answer([3.0, 3.0, 3.0], max_error="34%")

    assert answered.replicas == pytest.approx(3 * 10 * (1 + 1 / 4))
    # each is predicted from two: 3 · (1 + 1/3) asked for, 3 needed
    assert answered.inputs["error of sale"] == pytest.approx(1 - 3 / 4)


def test_events_that_are_nothing_alike_are_not_and_the_others_decide() -> None:
    uplifts = [1.0, 1.0, 1.0, 1.0, 20.0]
    events = build_model(spec(uplifts, max_error="70%"))
    recent = build_model(TypeAdapter(ModelSpec).validate_python(RECENT))

    estimated = estimate([events, recent], minutes(history(uplifts)), combine="max", replicas=1, now=NOW)

    assert estimated.largest.model == "target_utilization"
    assert estimated.answers[0].reason == (
        "abstains: over 5 past events of kind sale it overestimated by 76.7% on average; max_error allows 70.0%"
    )


def test_by_default_one_event_in_ten_that_really_came_keeps_it_in() -> None:
    answered = answer([0.01] * 9 + [50.0])

    assert not answered.abstains
    assert 0.89 < float(answered.inputs["error of sale"]) < 0.9


def test_asking_for_too_little_is_no_error() -> None:
    """The last brought more than the others tell: aside, the model would ask for nothing at all."""
    answered = answer([4.0, 4.0, 8.0], max_error="50%")

    assert not answered.abstains
    assert float(answered.inputs["error of sale"]) == pytest.approx((2 * (1 - 4 / (8 * 4 / 3)) + 0) / 3)


@pytest.mark.parametrize("uplifts", [[], [1.0], [1.0, 20.0]], ids=len)
def test_fewer_than_three_say_nothing(uplifts: list[float]) -> None:
    answered = answer(uplifts, max_error="10%")

    assert not answered.abstains
    assert "error of sale" not in answered.inputs


def test_what_is_told_of_an_event_stays() -> None:
    uplifts = [1.0, 1.0, 1.0, 1.0, 20.0]
    answered = answer(uplifts, at(0, multiply="2x"), max_error="70%")
    another = answer(uplifts, at(0, kind="launch", replicas=33), max_error="70%")

    assert answered.replicas == pytest.approx(20)
    assert another.replicas == pytest.approx(33)
    assert "left out: over 5 past events of kind sale" in answered.reason


def test_the_error_is_that_of_what_lies_before_now() -> None:
    uplifts = [1.0, 1.0, 20.0]
    model = build_model(spec(uplifts))
    known = minutes(history(uplifts))

    assert model.answer(known, replicas=1, now=NOW) == model.answer(with_future(known), replicas=1, now=NOW)
