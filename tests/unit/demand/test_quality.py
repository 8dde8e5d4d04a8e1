"""The gate: what passes, what does not, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.demand.local_time import LocalClock
from springtide.demand.model import DemandSeries
from springtide.demand.quality import check_quality
from springtide.demand.recent import recent_peak
from springtide.demand.verdict import QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.policy.scaling.demand import PrometheusDemand

NOW = datetime(2026, 11, 11, tzinfo=UTC)


def spec(**changes: object) -> PrometheusDemand:
    """Return a demand of one hour of minutes."""
    return PrometheusDemand.model_validate({"source": "prometheus", "query": "x", "unit": "requests/s", **changes})


def series(ages: list[float], values: list[float] | None = None) -> DemandSeries:
    """Return samples of these ages in seconds, oldest first, all 5 unless said otherwise."""
    times = NOW.timestamp() - np.array(ages, np.float64)
    return DemandSeries(
        times=times, values=np.array(values or [5.0] * len(ages), np.float64), unit="requests/s", source="test"
    )


def minutes(*, newest: int = 0, oldest: int = 60) -> list[float]:
    """Return the ages of samples a minute apart."""
    return [60.0 * age for age in range(oldest, newest - 1, -1)]


def problem(demand: DemandSeries, of: PrometheusDemand | None = None) -> str:
    """Return why `demand` is refused."""
    with pytest.raises(DemandUnusable) as caught:
        check_quality(demand, of or spec(), now=NOW)
    assert (caught.value.code, caught.value.field) == ("capacity_unusable", "demand")
    return caught.value.message


def hold(demand: DemandSeries, of: PrometheusDemand | None = None, expected: float | None = None) -> str:
    """Return why a run on `demand` holds what runs."""
    verdict = check_quality(demand, of or spec(), now=NOW, expected=expected)
    assert verdict.outcome is QualityOutcome.HOLD
    return verdict.message


def passes(demand: DemandSeries, of: PrometheusDemand | None = None, expected: float | None = None) -> bool:
    """Return whether `demand` may be acted on without reserve."""
    return check_quality(demand, of or spec(), now=NOW, expected=expected) == QualityVerdict()


def test_a_whole_hour_passes() -> None:
    assert passes(series(minutes()))


def test_zero_demand_is_demand() -> None:
    assert passes(series(minutes(), [0.0] * 61))


def test_nothing_is_not_zero() -> None:
    assert "there is no sample" in problem(series([]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_absurd_values_are_named_with_their_time(value: float) -> None:
    message = problem(series(minutes(), [5.0] * 60 + [value]))

    assert f"1 of 61 samples are NaN, infinite or negative, first {value} at 2026-11-11T00:00:00Z" in message


def test_one_time_stands_once() -> None:
    assert "not in order of time" in problem(series([60, 60]))


def test_old_demand_is_told_with_value_and_age() -> None:
    message = hold(series(minutes(newest=6)))

    assert "the newest sample, 5 requests/s at 2026-11-10T23:54:00Z, is 360 s old; quality.max_age allows 5m" in message
    assert passes(series(minutes(newest=6)), spec(quality={"max_age": "6m", "max_missing": "10%"}))


def test_demand_of_the_future_is_a_clock_that_is_wrong() -> None:
    assert "lies 61 s in the future" in problem(series([*minutes(), -61]))
    assert passes(series([*minutes(), -59]))


def test_holes_are_told_with_the_longest() -> None:
    ages = [age for age in minutes() if not 600 < age < 1200]

    message = hold(series(ages))

    assert "8 of 60 samples are missing (13.3%), quality.max_missing allows 5%" in message
    assert "the longest gap is from 2026-11-10T23:40:00Z to 2026-11-10T23:50:00Z" in message
    assert passes(series(ages), spec(quality={"max_missing": "14%"}))


def test_a_young_service_is_told_what_to_do() -> None:
    message = hold(series(minutes(oldest=20)))

    assert "the longest gap is from 2026-11-10T23:00:00Z to 2026-11-10T23:40:00Z" in message
    assert "shorter demand.lookback" in message


def test_a_coarser_file_is_told_its_own_spacing() -> None:
    assert "Samples are 300 s apart: set demand.step to that" in hold(
        series([300.0 * age for age in range(12, -1, -1)])
    )


def test_one_sample_may_be_enough_where_the_policy_says_so() -> None:
    assert passes(series([30]), spec(quality={"max_missing": "100%"}))


@given(st.floats(0, 0.5), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_is_missing_is_exactly_what_is_judged(share: float, random: object) -> None:
    everything = minutes(oldest=59)
    count = round(share * 58)
    gone = set(random.sample(everything[1:-1], count))  # type: ignore[attr-defined]  # hypothesis' own Random
    demand = series([age for age in everything if age not in gone])

    if count <= 3:  # 5% of 60
        assert passes(demand)
    else:
        assert f"{count} of 60 samples are missing" in hold(demand)


def test_what_is_beyond_belief_is_refused() -> None:
    message = problem(series(minutes(), [5.0] * 60 + [60.0]), spec(quality={"at_most": 50}))

    assert "60 requests/s at 2026-11-11T00:00:00Z is more than quality.at_most 50" in message


class TestSuddenFall:
    @pytest.mark.parametrize("ago", [5, 12, 29])
    @pytest.mark.parametrize("left", [0.0, 9.0])
    def test_demand_that_vanished_is_held(self, ago: int, left: float) -> None:
        message = hold(series(minutes(), [100.0] * (61 - ago) + [left] * ago))

        assert f"demand fell from 100 requests/s before to {left:g}, by more than quality.sudden_fall 90%" in message

    def test_a_little_left_is_demand(self) -> None:
        assert passes(series(minutes(), [100.0] * 50 + [11.0] * 11))

    def test_back_again_is_no_fall(self) -> None:
        assert passes(series(minutes(), [100.0] * 30 + [0.0] * 10 + [100.0] * 21))

    def test_a_spike_that_is_over_is_no_fall(self) -> None:
        assert passes(series(minutes(), [5.0] * 30 + [900.0] * 10 + [5.0] * 21))

    def test_who_leaves_one_by_one_is_no_outage(self) -> None:
        assert passes(series(minutes(), [1000.0 * 0.93**age for age in range(61)]))

    def test_what_is_as_low_every_day_is_usual(self) -> None:
        """A batch that ends sharply at midnight: yesterday's midnight says so."""
        day = [100.0] * 1420 + [0.0] * 20
        ages = [60.0 * age for age in range(2 * 1440 - 1, -1, -1)]
        read = spec(lookback="2d", quality={"max_missing": "1%"})

        assert passes(series(ages, day + day), read)
        assert "demand fell" in hold(series(ages, [100.0] * 1440 + day), read)

    @pytest.mark.parametrize(("zone", "is_usual"), [("America/New_York", True), (None, False)])
    def test_who_closes_at_six_by_the_clocks_is_usual(self, zone: str | None, *, is_usual: bool) -> None:
        """New York's clocks went forward on 8 March: it closed at 23:00 in UTC before, and at 22:00 on that day."""
        now = datetime(2026, 3, 8, 22, 20, tzinfo=UTC)
        times = now.timestamp() - 60.0 * np.arange(4 * 1440, -1, -1, dtype=np.float64)
        of_day = (LocalClock("America/New_York").shown(times) % 86400) // 3600
        shop = DemandSeries(
            times=times, values=np.where((of_day >= 9) & (of_day < 18), 100.0, 2.0), unit="x", source="x"
        )

        verdict = check_quality(shop, spec(lookback="4d", timezone=zone), now=now)

        assert (verdict.outcome is QualityOutcome.PASS) is is_usual

    def test_an_outage_longer_than_the_lookback_is_known_by_the_days_that_were_kept(self) -> None:
        gone = series(minutes(), [0.0] * 61)

        assert passes(gone)
        assert "demand fell from 80 requests/s at this time of the days before to 0" in hold(gone, expected=80.0)
        assert passes(gone, expected=0.0)

    def test_it_can_be_switched_off(self) -> None:
        demand = series(minutes(), [100.0] * 50 + [0.0] * 11)

        assert passes(demand, spec(quality={"sudden_fall": "100%"}))

    @given(st.lists(st.floats(50, 200), min_size=61, max_size=61))
    @settings(deadline=None)
    def test_demand_that_stays_within_its_range_never_falls(self, values: list[float]) -> None:
        assert passes(series(minutes(), values))


class TestRecentPeak:
    def test_it_is_the_largest_minute_not_the_largest_sample(self) -> None:
        demand = series([110, 90, 70, 50, 30, 10], [10, 10, 10, 0, 0, 24])

        assert recent_peak(demand, now=NOW, window=timedelta(minutes=5)) == 10

    def test_older_demand_and_the_future_do_not_count(self) -> None:
        demand = series([301, 300, 299, -1], [100, 100, 7, 100])

        assert recent_peak(demand, now=NOW, window=timedelta(minutes=5)) == 7

    def test_minutes_are_counted_back_from_now(self) -> None:
        demand = series([60, 59.9, 0], [9, 1, 3])

        assert recent_peak(demand, now=NOW, window=timedelta(minutes=5)) == 9
        assert recent_peak(demand, now=NOW, window=timedelta(minutes=1)) == 2

    def test_where_samples_are_far_apart_it_is_the_largest(self) -> None:
        assert recent_peak(series([1700, 800, 10], [3, 9, 5]), now=NOW, window=timedelta(minutes=30)) == 9

    def test_a_window_without_samples_is_told(self) -> None:
        with pytest.raises(DemandUnusable, match="none of its 1 samples lies in the last 0:05:00"):
            recent_peak(series([400]), now=NOW, window=timedelta(minutes=5))

    @given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40), st.integers(1, 30))
    @settings(deadline=None)
    def test_it_lies_between_mean_and_maximum(self, values: list[float], spacing: int) -> None:
        demand = series([spacing * age for age in range(len(values) - 1, -1, -1)], values)
        window = timedelta(seconds=spacing * len(values) + 60)

        peak = recent_peak(demand, now=NOW, window=window)

        assert peak <= max(values) * (1 + 1e-12)
        assert peak >= min(values) * (1 - 1e-12)
        assert peak >= recent_peak(demand, now=NOW, window=timedelta(minutes=1)) * (1 - 1e-12)
