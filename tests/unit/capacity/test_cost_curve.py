"""What can be reached at which cost: the best of all settings at every cost, and its two answers in words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from springtide.capacity.cost_curve import CurvePoint, cost_curve, curve_in_words

SETTINGS = st.lists(st.tuples(st.floats(0.1, 20), st.floats(0, 100)), min_size=1, max_size=40)


def curve(*settings: tuple[float, float]) -> tuple[CurvePoint, ...]:
    cost, violated = np.array(settings, np.float64).T
    return cost_curve(cost, violated)


@given(SETTINGS)
def test_every_setting_is_matched_by_one_of_the_curve_that_is_no_dearer(settings: list[tuple[float, float]]) -> None:
    points = curve(*settings)

    assert all(
        any(point.cost_ratio <= cost and point.violated_percent <= violated for point in points)
        for cost, violated in settings
    )
    assert {(point.cost_ratio, point.violated_percent) for point in points} <= set(settings)


@given(SETTINGS)
def test_what_costs_more_violates_less(settings: list[tuple[float, float]]) -> None:
    points = curve(*settings)

    assert [point.cost_ratio for point in points] == sorted(point.cost_ratio for point in points)
    assert len({point.violated_percent for point in points}) == len(points)
    assert points[-1].violated_percent == min(violated for _, violated in settings)


def test_it_says_what_the_autoscalers_cost_reaches_and_what_the_promise_costs() -> None:
    assert curve_in_words(curve((0.5, 3.0), (0.9, 1.57), (1.35, 0.08), (2.0, 0.0))) == (
        "at the autoscaler's cost at least 1.57 % of minutes are violated; 0.1 % is reached from 1.35 of that cost on"
    )


def test_it_says_what_cannot_be_reached() -> None:
    assert curve_in_words(curve((1.2, 5.0), (2.1, 0.4))) == (
        "nothing is as cheap as the autoscaler: the cheapest costs 1.20 times as much; "
        "0.1 % is out of reach: the least is 0.40 %, at 2.10 of that cost"
    )
