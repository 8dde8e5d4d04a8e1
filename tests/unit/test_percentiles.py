"""The percentile by nearest rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.percentiles import nearest_rank

HUNDRED = [float(number) for number in range(1, 101)]


@pytest.mark.parametrize(
    ("numbers", "share", "expected"),
    [
        ([], 0.95, None),
        ([7.0], 0.01, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([3.0, 1.0, 2.0], 1.0, 3.0),
        (HUNDRED, 0.5, 50.0),
        (HUNDRED, 0.95, 95.0),
        (HUNDRED, 0.07, 7.0),  # 0.07 · 100 is 7.000000000000001 in floats
        (HUNDRED, 0.99, 99.0),
        (HUNDRED[:19], 0.95, 19.0),
        (HUNDRED[:20], 0.95, 19.0),
    ],
)
def test_it_is_a_number_that_was_measured(numbers: list[float], share: float, expected: float | None) -> None:
    assert nearest_rank(numbers, share) == expected


@given(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=50), st.sampled_from([0.01, 0.25, 0.5, 0.95, 0.99, 1.0])
)
def test_so_many_do_not_exceed_it_and_of_every_smaller_one_too_few(numbers: list[float], share: float) -> None:
    percentile = nearest_rank(numbers, share)

    assert percentile is not None
    assert sum(number <= percentile for number in numbers) >= share * len(numbers) - 1e-9
    assert sum(number < percentile for number in numbers) < share * len(numbers)
