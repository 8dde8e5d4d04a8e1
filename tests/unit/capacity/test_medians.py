"""The median of a week of days, and windows that are kept sorted: the same numbers as by the plain way."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.capacity.predictors import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES = st.floats(0, 1e9) | st.sampled_from([0.0, 1.0, 2.0])
DAYS = 7


def columns(rows: list[tuple[float, ...]]) -> list[NDArray[np.float64]]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def test_the_median_of_seven_is_right_in_every_order_of_ones_and_noughts() -> None:
    """Whoever compares pairs in a fixed order sorts all numbers where he sorts all noughts and ones."""
    rows = list(product((0.0, 1.0), repeat=DAYS))

    assert median(columns(rows)).tolist() == [sorted(row)[DAYS // 2] for row in rows]


def test_one_unknown_value_makes_the_median_unknown_wherever_it_stands() -> None:
    rows = [tuple(row) for row in permutations([np.nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])]

    assert np.isnan(median(columns(rows))).all()


@given(st.lists(st.lists(VALUES, min_size=5, max_size=5), min_size=1, max_size=DAYS))
def test_the_median_of_any_number_of_days_is_numpys(days: list[list[float]]) -> None:
    rows = [np.array(day) for day in days]

    np.testing.assert_array_equal(median(rows), np.median(np.stack(rows), axis=0))


@settings(deadline=None)  # the first one compiles
@given(st.lists(VALUES, min_size=1, max_size=30), VALUES, st.data())
def test_a_window_that_moves_stays_sorted(values: list[float], coming: float, data: st.DataObject) -> None:
    from springtide.capacity.calibration import move

    going = data.draw(st.sampled_from(values))
    window = np.array([*sorted(values), np.inf])

    count = move(window, len(values), coming, going)

    left = list(values)
    left.remove(going)
    assert (count, window[:count].tolist()) == (len(values), sorted([*left, coming]))


@settings(deadline=None)  # the first one compiles
@given(st.lists(VALUES, min_size=1, max_size=30), VALUES)
def test_what_is_not_known_neither_comes_nor_goes(values: list[float], value: float) -> None:
    from springtide.capacity.calibration import move

    window = np.array([*sorted(values), np.inf])

    assert move(window, len(values), np.nan, np.nan) == len(values)
    assert move(window, len(values), value, np.nan) == len(values) + 1
    assert window.tolist() == sorted([*values, value])
    assert move(window, len(values) + 1, np.nan, value) == len(values)
    assert window[: len(values)].tolist() == sorted(values)
