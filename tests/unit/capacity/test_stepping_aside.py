"""A model that has been wrong too often says so and has no say; the others decide."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from springtide.capacity.combine import estimate
from springtide.capacity.gates import recent_error
from springtide.capacity.learned import Learned, fingerprint_of
from springtide.capacity.registry import build_model, scoring_of, untrusted
from springtide.errors import DemandUnusable
from springtide.policy.language.units import Percent
from springtide.policy.scaling.capacity import ModelSpec
from springtide.policy.scaling.capacity_ahead import SeasonalSpec
from unit.capacity.histories import NOW, minutes, wave

SEASONAL = SeasonalSpec(per_replica=10, season="day", max_error=Percent("20%"))
RECENT: ModelSpec = TypeAdapter(ModelSpec).validate_python({"model": "target_utilization", "per_replica": 10})
DEMAND = minutes(wave(9, noise=2))


def learned(error: float) -> Learned:
    """Return that the seasonal model was `error` wrong lately."""
    return Learned(errors={fingerprint_of(SEASONAL): error})


def test_within_its_threshold_it_decides() -> None:
    models = [build_model(SEASONAL, learned(0.2)), build_model(RECENT)]

    estimated = estimate(models, DEMAND, combine="max", replicas=1, now=NOW)

    assert [answer.abstains for answer in estimated.answers] == [False, False]
    assert estimated.answers[0] == untrusted(SEASONAL).answer(DEMAND, replicas=1, now=NOW)


def test_above_it_the_others_decide_and_the_estimate_tells_why() -> None:
    models = [build_model(SEASONAL, learned(0.203)), build_model(RECENT)]

    estimated = estimate(models, DEMAND, combine="max", replicas=1, now=NOW)

    assert estimated.largest.model == "target_utilization"
    assert estimated.answers[0].abstains
    assert estimated.answers[0].reason == "abstains: its error of the last days is 20.3%, max_error allows 20.0%"


@pytest.mark.parametrize("combine", ["max", "sum"])
def test_nobody_left_is_no_answer(combine: str) -> None:
    with pytest.raises(DemandUnusable, match=r"no model has an answer|share of the sum is missing") as caught:
        estimate(
            [build_model(SEASONAL, learned(0.9))],
            DEMAND,
            combine="max" if combine == "max" else "sum",
            replicas=1,
            now=NOW,
        )

    assert caught.value.code == "capacity_unusable"


def test_a_sum_without_one_of_its_parts_is_no_answer() -> None:
    models = [build_model(SEASONAL, learned(0.9)), build_model(RECENT)]

    with pytest.raises(DemandUnusable, match="a share of the sum is missing: seasonal abstains"):
        estimate(models, DEMAND, combine="sum", replicas=1, now=NOW)


def test_another_setting_was_not_judged_yet() -> None:
    changed = SEASONAL.model_copy(update={"quantile": Percent("90%")})

    assert not build_model(changed, learned(0.9)).answer(DEMAND, replicas=1, now=NOW).abstains


def test_the_error_is_small_where_demand_repeats_and_large_where_it_does_not() -> None:
    repeats = recent_error(untrusted(SEASONAL), DEMAND, scoring_of(SEASONAL), now=NOW)
    values = wave(9)
    values[-1440:] *= 8
    differs = recent_error(untrusted(SEASONAL), minutes(values), scoring_of(SEASONAL), now=NOW)

    assert repeats is not None
    assert differs is not None
    assert repeats < 0.1
    assert differs > 0.8


def test_a_model_that_is_too_young_is_not_judged() -> None:
    assert recent_error(untrusted(SEASONAL), minutes(wave(1)), scoring_of(SEASONAL), now=NOW) is None
