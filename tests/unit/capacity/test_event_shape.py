"""The shape of an event: learned from past ones of any size, followed while demand does, and held where it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from springtide.capacity.event_shape import EventShape, past_rises, shape_of
from springtide.demand.model import DemandSeries

START = datetime(2026, 11, 20, 20, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
Rises = NDArray[np.float64]


def demand(values: Rises | list[float], *, before: int = 60) -> DemandSeries:
    """Return one value a minute, the first `before` minutes before `START`."""
    times = START.timestamp() + 60.0 * (np.arange(len(values), dtype=np.float64) - before)
    return DemandSeries(times=times, values=np.asarray(values, np.float64), unit="requests/s", source="test")


def sale(height: float, *, decay: float = 4.0, steps: int = 24) -> Rises:
    """Return what a sale rises by: at once to its height, and less with every step."""
    return height * np.exp(-np.arange(steps) / decay)


def shape(*heights: float) -> EventShape:
    learned = shape_of([sale(height) for height in heights or (2.0, 3.0, 4.0)])
    assert learned is not None
    return learned


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_rise_is_the_most_of_each_five_minutes_over_the_hour_before() -> None:
    rises = past_rises(demand([100.0] * 60 + [200, 300, 250, 200, 200] + [150] * 5), START.timestamp(), minutes(10))

    assert rises is not None
    assert rises.tolist() == [2.0, 0.5]


def test_a_step_without_samples_is_not_known() -> None:
    rises = past_rises(demand([100.0] * 60 + [300] * 5), START.timestamp(), minutes(10))

    assert rises is not None
    assert np.isnan(rises).tolist() == [False, True]


@pytest.mark.parametrize("values", [[0.0] * 60 + [5.0] * 60, [100.0] * 20 + [300.0] * 60])
def test_without_an_hour_of_demand_before_nothing_can_be_measured(values: list[float]) -> None:
    begins = 60 if len(values) == 120 else 20

    assert past_rises(demand(values, before=begins), START.timestamp(), HOUR) is None


def test_events_of_one_course_have_one_shape_whatever_their_size() -> None:
    assert shape(2.0, 3.0, 4.0).shares == pytest.approx(shape(20.0, 30.0, 40.0).shares)


def test_the_longest_of_past_events_counts_and_a_bit_more() -> None:
    learned = shape_of([sale(3.0, decay=2.0), sale(3.0, decay=2.0), sale(3.0, decay=8.0)])

    assert learned is not None
    assert learned.shares[8] == pytest.approx(1.25 * np.exp(-1))


def test_a_step_that_was_not_measured_counts_with_the_whole_height() -> None:
    holed = sale(3.0)
    holed[10] = np.nan
    learned = shape_of([sale(3.0), holed, sale(3.0)])

    assert learned is not None
    assert (learned.shares[10], learned.least[10]) == (1.0, 0.0)


@pytest.mark.parametrize("past", [[], [sale(3.0)] * 2, [sale(3.0), sale(3.0), sale(0.1)]])
def test_fewer_than_three_events_that_rose_teach_nothing(past: list[Rises]) -> None:
    assert shape_of(past) is None


def test_before_the_start_the_height_is_held() -> None:
    assert shape().share(minutes(-30), rise=0.0) == 1.0


def test_it_decays_with_past_events() -> None:
    shares = [shape().share(minutes(minute), rise=5.0) for minute in (0, 15, 30, 45, 60)]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.1


def test_a_rise_is_held_an_hour_before_it_comes() -> None:
    late = shape_of([np.concatenate((np.full(24, 0.1), np.full(6, 3.0)))] * 3)

    assert late is not None
    assert [late.share(minutes(minute), rise=0.1) == 1.0 for minute in (30, 65, 120)] == [False, True, True]


def test_an_event_that_has_not_come_is_held_at_its_height() -> None:
    assert shape().share(minutes(25), rise=0.0) == 1.0
    assert shape().share(minutes(25), rise=1.0) < 0.5


def test_beyond_what_past_events_show_the_height_is_held() -> None:
    assert shape().share(minutes(24 * 5), rise=3.0) == 1.0


@given(st.integers(-36_000, 36_000), st.floats(-1, 100))
def test_a_share_is_never_less_than_what_past_events_needed_then(second: int, rise: float) -> None:
    learned = shape()
    share = learned.share(timedelta(seconds=second), rise)
    step = max(0, second // 300)

    assert 0 <= share <= 1
    if step < len(learned.shares):
        assert share >= learned.shares[step]


def test_what_is_stored_is_read_back() -> None:
    assert EventShape.from_record(shape().to_record()) == shape()
