"""Seasons, forecasts and the bound: what they learn, and that they learn it from the past."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from springtide.capacity.conformal import Conformal
from springtide.capacity.forecast import Fitting, Forecasting, slot_maxima
from springtide.capacity.learned import Forecast, Learned
from springtide.capacity.minutes import DAY, WEEK, Minutes, seen_minutes
from springtide.capacity.seasonal import Seasonal, earlier_peaks
from springtide.errors import DemandUnusable
from unit.capacity.histories import NOW, minutes, wave, with_future


class TestSeasonal:
    @pytest.mark.parametrize("season", [DAY, WEEK])
    def test_it_is_the_quantile_of_the_same_stretch(self, season: int) -> None:
        values = wave(29, noise=8)

        answer = Seasonal(per_replica=10.0, season=season, quantile=0.9).answer(minutes(values), replicas=1, now=NOW)

        peaks = []  # again, minute by minute
        for back in range(1, 29 * 1440 // season + 1):
            first = len(values) - back * season
            stretch = [values[i] for i in range(max(0, first - 15), min(len(values), first + 17 + 15))]
            peaks.append(max(stretch))
        peaks = sorted(peaks[: int(answer.inputs["seasons"])])
        level = peaks[int(np.ceil(0.9 * (len(peaks) - 1)))]
        assert answer.replicas == pytest.approx(level / 10)

    def test_it_knows_the_coming_peak_before_it_comes(self) -> None:
        """At six in the morning the next quarter of an hour is higher than the last one."""
        morning = NOW - timedelta(hours=6)
        values = wave(8)[: -6 * 60]

        answer = Seasonal(per_replica=1.0, season=DAY).answer(minutes(values, end=morning), replicas=1, now=morning)

        assert answer.replicas > values[-1] * 1.05

    def test_before_a_whole_season_it_steps_aside(self) -> None:
        answer = Seasonal(per_replica=1.0, season=WEEK).answer(minutes(wave(3)), replicas=1, now=NOW)

        assert (answer.abstains, answer.replicas) == (True, 0)
        assert answer.reason == "abstains: no whole week of demand was seen yet: 4320 min were"

    def test_a_season_on_the_edge_counts(self) -> None:
        assert len(earlier_peaks(Minutes(0.0, np.ones(DAY)), 17, DAY)) == 1
        assert len(earlier_peaks(Minutes(0.0, np.ones(DAY - 1)), 17, DAY)) == 0


@pytest.fixture(scope="module")
def fit() -> Forecast:
    """Return what ten days teach."""
    return Fitting(DAY, 0.95).fit(seen_minutes(minutes(wave(10, noise=4)), NOW))


class TestForecast:
    def test_it_covers_what_comes_as_often_as_it_says(self, fit: Forecast) -> None:
        ahead = Minutes(NOW.timestamp(), wave(12, noise=4, seed=2)[: 2 * DAY])  # the same wave, other noise

        covered = np.mean(slot_maxima(ahead) <= np.array(fit.upper))

        assert (fit.start, fit.step, len(fit.upper)) == (NOW.timestamp(), 900.0, 192)
        assert 0.85 <= covered <= 1
        assert max(fit.upper) < 250

    def test_the_answer_is_the_largest_bound_of_the_horizon(self, fit: Forecast) -> None:
        moment = NOW + timedelta(hours=5)

        answer = Forecasting(per_replica=10.0, fit=fit).answer(minutes([1.0]), replicas=1, now=moment)

        assert answer.replicas == pytest.approx(max(fit.upper[20:22]) / 10)
        assert answer.inputs["fitted_hours_ago"] == 5.0

    def test_what_was_fitted_on_the_same_data_is_not_fitted_again(self, fit: Forecast) -> None:
        seen = seen_minutes(minutes(wave(10, noise=4)), NOW)

        assert Fitting(DAY, 0.95).fit(seen, fit) is fit
        assert Fitting(DAY, 0.9).fit(seen, fit).fingerprint != fit.fingerprint

    def test_it_sees_nothing_after_now(self, fit: Forecast) -> None:
        seen = seen_minutes(with_future(minutes(wave(10, noise=4))), NOW)

        assert Fitting(DAY, 0.95).fit(seen) == fit

    @pytest.mark.parametrize("moment", [NOW - timedelta(minutes=1), NOW + timedelta(hours=47, minutes=50)])
    def test_outside_of_its_time_it_steps_aside(self, fit: Forecast, moment: datetime) -> None:
        answer = Forecasting(per_replica=10.0, fit=fit).answer(minutes([1.0]), replicas=1, now=moment)

        assert answer.abstains
        assert "its fit of 2026-11-11T12:00+00:00 says nothing about the next 17 min" in answer.reason

    def test_without_a_fit_it_steps_aside_and_says_who_makes_one(self) -> None:
        answer = Forecasting(per_replica=10.0, fit=None).answer(minutes([1.0]), replicas=1, now=NOW)

        assert answer.abstains
        assert "capacity_history" in answer.reason

    def test_too_little_is_refused(self) -> None:
        with pytest.raises(DemandUnusable, match="needs two seasons, 2880 min of demand; got 2865"):
            Fitting().fit(seen_minutes(minutes(wave(2)[8:]), NOW))

    def test_nothing_but_zero_teaches_nothing(self) -> None:
        with pytest.raises(DemandUnusable, match="all demand was zero"):
            Fitting().fit(seen_minutes(minutes(np.zeros(3 * DAY)), NOW))

    def test_what_was_learned_survives_its_stored_form(self, fit: Forecast) -> None:
        learned = Learned(forecasts={"a": fit}, errors={"b": 0.25})

        assert Learned.from_record(learned.to_record()) == learned


def test_the_conformal_bound_is_right_as_often_as_it_says() -> None:
    """Replayed over a day: the bound of each quarter of an hour against what came."""
    values = wave(9, noise=6)
    held = []
    for back in range(96, 2, -1):
        moment = NOW - timedelta(minutes=15 * back)
        answer = Conformal(per_replica=1.0, quantile=0.9).answer(with_future(minutes(values)), replicas=1, now=moment)
        first = len(values) - 15 * back
        held.append(values[first : first + 17].max() <= answer.replicas)

    assert 0.8 <= np.mean(held) <= 1
