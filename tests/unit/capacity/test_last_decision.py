"""What one plan needs of the conformal bounds is a part of all of them, and the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from springtide.capacity.conformal import LIKELY, bounds
from springtide.capacity.predictors import PredictorWindow

DAY = 1440
WINDOW = PredictorWindow(15, 21, 10.0)
QUANTILES = (0.95, LIKELY)


def demand(kind: str, minutes: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(minutes)
    wave = 100 + 50 * np.sin(np.arange(minutes) / DAY * 2 * np.pi) + 20 * rng.random(minutes)
    if kind == "steady":
        return np.full(minutes, 120.0)
    if kind == "spikes":
        return wave * (1 + 3 * (rng.random(minutes) < 0.01))
    wave[rng.random(minutes) < 0.1] = np.nan if kind == "gaps" else 0.0
    return wave


@pytest.mark.parametrize("kind", ["steady", "spikes", "gaps", "zeros"])
@pytest.mark.parametrize("days", [0.2, 1, 6.9, 8, 14, 21])
def test_the_last_bound_and_its_base_are_those_of_the_whole(kind: str, days: float) -> None:
    values = demand(kind, round(days * DAY) // 15 * 15)

    whole = bounds(values, WINDOW, QUANTILES)
    last = bounds(values, WINDOW, QUANTILES, latest=1)

    assert np.array_equal(whole.demand[:, -1], last.demand[:, -1], equal_nan=True)
    assert np.array_equal(whole.base[:, -1], last.base[:, -1])
