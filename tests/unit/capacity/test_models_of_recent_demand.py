"""Square-root headroom and percentiles, against independent values."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.capacity.percentile import Percentile
from springtide.capacity.queueing import servers_for
from springtide.capacity.sqrt_headroom import SqrtHeadroom
from unit.capacity.histories import NOW, minutes, wave


def replicas(load: float, target: float = 0.9, headroom: float = 1.5) -> float:
    """Return what square-root headroom answers to `load` fully used replicas."""
    return (
        SqrtHeadroom(per_replica=1.0, target=target, headroom=headroom)
        .answer(minutes([load] * 10), replicas=1, now=NOW)
        .replicas
    )


class TestSqrtHeadroom:
    def test_it_is_the_formula(self) -> None:
        assert replicas(100, target=0.8, headroom=2) == pytest.approx(100 / 0.8 + 2 * 10)

    @pytest.mark.parametrize(("headroom", "late"), [(1.74, 0.05), (2.38, 0.01)])
    @pytest.mark.parametrize("load", [1, 4, 40, 400, 1000])
    def test_with_target_one_it_is_erlang_within_one_server(self, load: int, headroom: float, late: float) -> None:
        exact = servers_for(load, 0.0, late)

        assert abs(math.ceil(replicas(load, target=1, headroom=headroom)) - exact) <= 1

    @given(st.floats(0.1, 1e4), st.floats(0.1, 1e4))
    @settings(deadline=None)
    def test_the_headroom_s_share_falls_with_size(self, first: float, other: float) -> None:
        small, large = sorted((first, other))

        assert replicas(small) / small >= replicas(large) / large * (1 - 1e-9)
        assert replicas(large) >= replicas(small)

    def test_nothing_needs_nothing(self) -> None:
        assert replicas(0) == 0


class TestPercentile:
    @pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
    def test_it_is_what_pandas_says(self, quantile: float) -> None:
        import pandas as pd

        values = wave(1, noise=10)

        answer = Percentile(per_replica=7.0, quantile=quantile, margin=1.2).answer(minutes(values), replicas=1, now=NOW)

        expected = pd.Series(values[-60:]).quantile(quantile, interpolation="higher")
        # the minute of `now` itself holds nothing yet: 59 whole minutes and the one that began an hour ago are seen
        assert answer.replicas == pytest.approx(expected * 1.2 / 7, rel=0.05)
        assert answer.inputs["minutes"] in {59, 60}

    def test_one_busy_minute_does_not_count_until_it_is_among_the_few(self) -> None:
        values = [10.0] * 30 + [1000.0] + [10.0] * 28

        few, most = (
            Percentile(per_replica=10, quantile=quantile, margin=1.0).answer(minutes(values), replicas=1, now=NOW)
            for quantile in (0.95, 0.999)
        )

        assert (few.replicas, most.replicas) == (1, 100)

    def test_only_the_window_counts(self) -> None:
        answer = Percentile(per_replica=1, quantile=0.99, margin=1.0, window=timedelta(minutes=5)).answer(
            minutes([900.0] * 60 + [5.0] * 5), replicas=1, now=NOW
        )

        assert answer.replicas == 5
