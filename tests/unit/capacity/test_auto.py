"""The shipped default: what it answers before tuning, with it, and when it is too old."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from springtide.capacity.auto import Auto
from springtide.capacity.combine import Combine, estimate
from springtide.capacity.conformal import Conformal
from springtide.capacity.cost_curve import CurvePoint
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.setting import UNTUNED, Setting, Tuned
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable

NOW = datetime(2026, 11, 11, tzinfo=UTC)
DAY = 1440


def demand(minutes: int) -> DemandSeries:
    """Return a daily rhythm with noise, one value a minute, that ends at `NOW`."""
    minute = np.arange(minutes, dtype=np.float64)
    values = (10 + 6 * np.sin(2 * np.pi * minute / DAY)) * np.random.default_rng(1).gamma(100, 0.01, minutes)
    return DemandSeries(
        times=NOW.timestamp() - 60.0 * (minutes - minute), values=values, unit="requests/s", source="test"
    )


def tuned(setting: Setting, *, age: timedelta = timedelta(hours=3)) -> Tuned:
    return Tuned(setting=setting, fingerprint="f", decided_at=NOW - age, days=7, violated_percent=0.05, cost_ratio=0.6)


def test_without_tuning_it_is_the_setting_that_needs_none() -> None:
    assert UNTUNED.quantile is not None

    answer = Auto(per_replica=0.5).answer(demand(2 * DAY), replicas=3, now=NOW)
    expected = Conformal(per_replica=0.5, quantile=UNTUNED.quantile).answer(demand(2 * DAY), replicas=3, now=NOW)

    assert answer.replicas == expected.replicas
    assert answer.inputs["source"] == "not tuned yet"


def test_with_tuning_it_is_as_careful_as_tuning_says_and_says_so() -> None:
    bold, careful = (
        Auto(per_replica=0.5, tuned=tuned(Setting(quantile=quantile, target=0.8))) for quantile in (0.5, 0.995)
    )

    low, high = (model.answer(demand(3 * DAY), replicas=3, now=NOW) for model in (bold, careful))

    assert low.replicas < high.replicas
    assert high.inputs["quantile"] == 0.995
    assert high.reason.endswith(
        "tuned on 2026-11-10 21:00 over 7 days: 0.05 % of minutes violated at 0.60 of the autoscaler's cost"
    )


def test_it_says_what_can_be_reached_at_which_cost() -> None:
    curve = (CurvePoint(cost_ratio=0.6, violated_percent=0.05),)
    known = replace(tuned(Setting(quantile=0.9, target=0.8)), curve=curve)
    answers = [
        Auto(per_replica=0.5, tuned=each).answer(demand(3 * DAY), replicas=3, now=NOW).inputs
        for each in (known, replace(known, curve=()))
    ]

    assert str(answers[0]["reach"]).endswith("0.1 % is reached from 0.60 of that cost on")
    assert "reach" not in answers[1]


def test_a_floor_that_tuning_does_without_asks_for_nothing() -> None:
    answer = Auto(per_replica=0.5, autoscaler="tuned", tuned=tuned(Setting(quantile=None, target=0.7))).answer(
        demand(DAY), replicas=3, now=NOW
    )

    assert answer.replicas == 0
    assert answer.reason.startswith("the autoscaler needs no floor under it")


@pytest.mark.parametrize("combine", ["max", "sum"])
def test_what_an_event_multiplies_is_what_demand_most_likely_needs(combine: Combine) -> None:
    without, planned = (
        estimate(
            [Auto(per_replica=0.5, autoscaler="tuned", tuned=tuned(Setting(quantile=quantile, target=0.7)))],
            demand(DAY),
            combine=combine,
            replicas=3,
            now=NOW,
        )
        for quantile in (None, UNTUNED.quantile)
    )

    assert without.replicas == 0
    assert 1 < without.expected == planned.expected < planned.replicas  # neither the plan nor its caution
    assert CapacityEstimate.from_record(without.to_record()).expected == without.expected


def test_a_setting_that_outlived_its_week_is_not_used() -> None:
    old = tuned(Setting(quantile=0.5, target=0.8), age=timedelta(days=8))

    answer = Auto(per_replica=0.5, tuned=old).answer(demand(DAY), replicas=3, now=NOW)

    assert answer.inputs["quantile"] == UNTUNED.quantile
    assert answer.inputs["source"] == "tuned on 2026-11-03 00:00, too long ago"


def test_slower_pods_are_planned_for_earlier() -> None:
    fast, slow = (Auto(per_replica=0.5, startup_seconds=seconds) for seconds in (30, 1200))

    near, far = (model.answer(demand(3 * DAY), replicas=3, now=NOW) for model in (fast, slow))

    assert near.inputs["horizon_minutes"] == 16
    assert far.inputs["horizon_minutes"] == 36
    assert far.replicas >= near.replicas


def test_it_sees_nothing_after_now() -> None:
    known = demand(2 * DAY)
    later = DemandSeries(
        times=np.append(known.times, NOW.timestamp()),
        values=np.append(known.values, 1e6),
        unit=known.unit,
        source=known.source,
    )

    answers = [Auto(per_replica=0.5).answer(series, replicas=3, now=NOW) for series in (known, later)]

    assert answers[0] == answers[1]


def test_an_hour_of_demand_is_too_little_to_know_how_wrong_it_is() -> None:
    with pytest.raises(DemandUnusable, match="two hours"):
        Auto(per_replica=0.5).answer(demand(60), replicas=3, now=NOW)


def test_what_was_tuned_survives_its_stored_form() -> None:
    setting = tuned(Setting(quantile=0.9, target=None, headroom=1.0, trend=1.0))

    assert Tuned.from_record(setting.to_record()) == setting
