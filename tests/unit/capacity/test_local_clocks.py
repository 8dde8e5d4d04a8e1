"""Seasons by the clocks of the customers: the Monday after a change of clocks is a Monday like the one before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import TypeAdapter

from springtide.capacity.clock_grid import ClockGrid
from springtide.capacity.conformal import bounds
from springtide.capacity.learned import Learned, fingerprint_of
from springtide.capacity.minutes import seen_minutes
from springtide.capacity.predictors import PredictorWindow, predictors
from springtide.capacity.registry import build_model, fitting_of
from springtide.capacity.seasonal import earlier_peaks
from springtide.demand.local_time import STEADY, LocalClock
from springtide.demand.model import DemandSeries
from springtide.errors import InputError
from springtide.policy.scaling.capacity import ModelSpec
from springtide.policy.scaling.capacity_ahead import ForecastSpec

NEW_YORK = LocalClock("America/New_York")
LORD_HOWE = LocalClock("Australia/Lord_Howe")
BEFORE = date(2026, 3, 2)
AFTER = date(2026, 3, 9)
"""Two Mondays; New York's clocks went forward on the Sunday between them."""

PER_REPLICA = 100.0
BUSY = 10.0
"""Replicas that an open office fills."""

MODELS = (
    {"model": "seasonal"},
    {"model": "seasonal", "season": "day", "quantile": "50%"},
    {"model": "conformal"},
    {"model": "auto"},
    {"model": "forecast"},
)


def local(clock: LocalClock, day: date, clock_time: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock_time), ZoneInfo(clock.zone))


@cache
def office(clock: LocalClock, last: date, days: int = 36) -> DemandSeries:
    """Return office traffic by `clock`: 10/s at night, 1,000/s from 09:10 to 18:00 on weekdays."""
    first = local(clock, last - timedelta(days=days), "00:00").timestamp()
    times = np.arange(first, local(clock, last + timedelta(days=2), "00:00").timestamp(), 60.0)
    shown = clock.shown(times)
    weekday = (shown // 86400 + 3) % 7  # the first of January 1970 was a Thursday
    minute = shown % 86400 // 60
    is_open = (weekday < 5) & (minute >= 9 * 60 + 10) & (minute < 18 * 60)
    return DemandSeries(times=times, values=np.where(is_open, 1000.0, 10.0), unit="requests/s", source="office")


def known_at(demand: DemandSeries, now: datetime) -> DemandSeries:
    """Return the four weeks before `now`: on every day as much is known."""
    known = (demand.times < now.timestamp()) & (demand.times >= (now - timedelta(days=28)).timestamp())
    return replace(demand, times=demand.times[known], values=demand.values[known])


def planned(wanted: dict[str, Any], clock: LocalClock, day: date, clock_time: str) -> float:
    """Return the replicas that a model asks for in New York, on `day` at that time."""
    spec = TypeAdapter[ModelSpec](ModelSpec).validate_python({"per_replica": PER_REPLICA} | wanted)
    now = local(NEW_YORK, day, clock_time)
    demand = office(NEW_YORK, AFTER)
    learned = Learned()
    if isinstance(spec, ForecastSpec):
        night = local(NEW_YORK, day, "00:30")
        fit = fitting_of(spec, clock).fit(seen_minutes(known_at(demand, night), night))
        learned = Learned(forecasts={fingerprint_of(spec): fit})
    return build_model(spec, learned, clock=clock).answer(known_at(demand, now), replicas=1, now=now).replicas


@pytest.mark.parametrize("wanted", MODELS, ids=lambda wanted: "-".join(wanted.values()))
class TestOfficeTrafficOfNewYork:
    @pytest.mark.parametrize("clock_time", ["08:45", "09:00", "09:15"])
    def test_is_planned_alike_on_the_mondays_before_and_after(self, wanted: dict[str, Any], clock_time: str) -> None:
        before, after = (planned(wanted, NEW_YORK, day, clock_time) for day in (BEFORE, AFTER))

        assert after == pytest.approx(before, rel=0.02)

    def test_has_what_it_needs_when_the_office_opens(self, wanted: dict[str, Any]) -> None:
        assert planned(wanted, NEW_YORK, AFTER, "09:00") >= 0.99 * BUSY


@pytest.mark.parametrize("wanted", [MODELS[0], MODELS[4]], ids=["seasonal", "forecast"])
def test_in_utc_the_monday_after_is_an_hour_late(wanted: dict[str, Any]) -> None:
    assert planned(wanted, STEADY, BEFORE, "09:00") >= 0.99 * BUSY
    assert planned(wanted, STEADY, AFTER, "09:00") < 0.5 * BUSY


class TestTheSameTime:
    @staticmethod
    def of(clock: LocalClock, moment: str, days: int = 1) -> list[str]:
        found = clock.same_time(datetime.fromisoformat(moment).timestamp(), days=days)
        return [f"{datetime.fromtimestamp(second, UTC):%m-%d %H:%M}" for second in found]

    def test_is_an_hour_further_or_less_far_over_a_change(self) -> None:
        assert self.of(NEW_YORK, "2026-03-09T13:00Z", 7) == ["03-02 14:00"] * 2
        assert self.of(NEW_YORK, "2026-11-02T14:00Z", 7) == ["10-26 13:00"] * 2

    def test_is_half_an_hour_further_or_less_far_on_lord_howe(self) -> None:
        assert self.of(LORD_HOWE, "2026-10-05T00:00Z") == ["10-04 00:00"] * 2
        assert self.of(LORD_HOWE, "2026-10-04T00:00Z") == ["10-03 00:30"] * 2
        assert self.of(LORD_HOWE, "2026-04-05T00:00Z") == ["04-03 23:30"] * 2

    def test_that_came_twice_is_both(self) -> None:
        assert self.of(NEW_YORK, "2026-11-02T06:30Z") == ["11-01 05:30", "11-01 06:30"]

    def test_that_did_not_exist_lies_to_both_sides(self) -> None:
        assert self.of(NEW_YORK, "2026-03-09T06:30Z") == ["03-08 06:30", "03-08 07:30"]

    def test_where_a_day_was_left_out_is_as_time_passes(self) -> None:
        assert self.of(LocalClock("Pacific/Apia"), "2011-12-30T20:00Z") == ["12-29 20:00"] * 2

    def test_in_utc_is_as_time_passes(self) -> None:
        assert self.of(STEADY, "2026-03-09T13:00Z", 7) == ["03-02 13:00"] * 2

    @pytest.mark.parametrize("days", [1, 7])
    @pytest.mark.parametrize(
        "clock", [NEW_YORK, LORD_HOWE, LocalClock("Antarctica/Troll")], ids=lambda clock: clock.zone
    )
    def test_is_what_the_clocks_showed(self, clock: LocalClock, days: int) -> None:
        times = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + 900.0 * np.arange(365 * 96, dtype=np.float64)

        first, last = clock.same_times(times, days)

        wanted = clock.shown(times) - days * 86400
        agrees = (clock.shown(first) == wanted) & (clock.shown(last) == wanted)
        # Once a year there is an hour, or two, that the day before did not have.
        assert np.count_nonzero(~agrees) <= 8
        assert np.all(last <= times - days * 86400 + 7200)


class TestAGridOfMinutes:
    VALUES = np.arange(3 * 1440, dtype=np.float64)

    def test_is_shifted_by_whole_days_where_no_clock_is_put(self) -> None:
        earlier = ClockGrid(0.0).days_before(self.VALUES, 1, 3 * 1440 + 30)

        assert np.isnan(earlier[:1440]).all()
        assert np.array_equal(earlier[1440:], self.VALUES[: 2 * 1440 + 30])

    def test_takes_the_larger_of_a_time_that_came_twice(self) -> None:
        saturday = datetime(2026, 10, 31, 4, tzinfo=UTC).timestamp()  # midnight of New York
        grid = ClockGrid(saturday, NEW_YORK)

        monday_0130 = (2 * 24 + 1) * 60 + 90  # Sunday had 25 hours

        assert grid.days_before(self.VALUES, 1, monday_0130 + 1)[monday_0130] == 24 * 60 + 90 + 60

    def test_counts_time_as_it_passed_before_its_first_minute(self) -> None:
        start = datetime(2026, 11, 1, 4, 30, tzinfo=UTC).timestamp()
        grid = ClockGrid(start, NEW_YORK)

        assert grid.days_before(self.VALUES, 1, 1441)[1440] == 0.0

    def test_names_the_decisions_of_the_same_time(self) -> None:
        grid = ClockGrid(datetime(2026, 3, 7, 5, tzinfo=UTC).timestamp(), NEW_YORK)

        before = grid.decisions_before(3 * 96, 15)

        assert before[0, 96] == 0
        assert before[0, 2 * 96] == 96 + 4  # Monday 01:00 is the 49th hour; Sunday 01:00 was the 25th


def test_seasonal_looks_at_a_season_of_clocks() -> None:
    now = local(NEW_YORK, AFTER, "09:00")
    seen = seen_minutes(known_at(office(NEW_YORK, AFTER), now), now)

    assert earlier_peaks(seen, 17, 7 * 1440, NEW_YORK)[0] == 1000.0
    assert earlier_peaks(seen, 17, 7 * 1440)[0] == 10.0


def test_a_season_that_lies_before_what_was_seen_by_the_clocks_is_none() -> None:
    monday = date(2026, 11, 2)  # clocks went back the day before: a week of them is an hour longer
    now = local(NEW_YORK, monday, "09:00")
    whole = known_at(office(NEW_YORK, monday), now)
    week = seen_minutes(replace(whole, times=whole.times[-7 * 1440 :], values=whole.values[-7 * 1440 :]), now)

    assert len(earlier_peaks(week, 17, 7 * 1440)) == 1
    assert earlier_peaks(week, 17, 7 * 1440, NEW_YORK) == []


class TestNoFutureIsSeen:
    """Over both changes of a zone whose clocks are put by two hours, the furthest that is followed."""

    CLOCK = LocalClock("Antarctica/Troll")
    CHANGES = (date(2026, 3, 29), date(2026, 10, 25))

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("horizon", [21, 1200])
    def test_by_any_decision_around_a_change(self, change: date, horizon: int) -> None:
        start = local(self.CLOCK, change - timedelta(days=9), "00:00").timestamp()
        random = np.random.default_rng(3)
        demand = random.uniform(50, 150, 12 * 1440)
        window = PredictorWindow(15, horizon, 0.1)
        grid = ClockGrid(start, self.CLOCK)
        for decided in (8 * 96 + 20, 9 * 96 + 20, 10 * 96 + 20):
            other = demand.copy()
            other[decided * 15 :] = random.uniform(5000, 9000, len(demand) - decided * 15)
            known, unknown = (predictors(each, window, grid)[:, : decided + 1] for each in (demand, other))
            bound, other_bound = (
                bounds(each, window, (0.9,), grid).demand[:, : decided + 1] for each in (demand, other)
            )

            assert np.array_equal(known, unknown, equal_nan=True)
            assert np.array_equal(bound, other_bound, equal_nan=True)
            assert np.isfinite(bound[0, -1])

    def test_a_window_that_may_reach_a_day_that_is_not_over_is_refused(self) -> None:
        with pytest.raises(InputError, match="horizon 1201 must be at most 1200 minutes"):
            bounds(np.ones(2000), PredictorWindow(15, 1201, 0.1), (0.9,), ClockGrid(0.0, self.CLOCK))


SALE = {"kind": "sale", "start": "2026-03-09T13:00Z", "end": "2026-03-09T14:00Z"}  # from 09:00 on
SALE_AT_NINE = {"kind": "sale", "start": "2026-03-02T14:00Z", "end": "2026-03-02T15:00Z"}
EARLIER_SALE = {"kind": "sale", "start": "2026-03-03T12:20Z", "end": "2026-03-03T13:20Z"}
"""From 07:20 on: by the clocks it began 100 minutes earlier than 09:00, in UTC 40 minutes before 13:00."""


class TestEvents:
    def test_are_like_those_that_began_at_the_same_time_of_day(self) -> None:
        spec = {"model": "event", "events": [SALE_AT_NINE, EARLIER_SALE, SALE], "last": 1}

        assert planned(spec, NEW_YORK, AFTER, "09:00") >= BUSY
        assert planned(spec, STEADY, AFTER, "09:00") < 0.5 * BUSY

    def test_like_a_day_begin_at_its_time_by_the_clocks(self) -> None:
        spec = {"model": "event", "events": [{**SALE, "like": "2026-03-02"}]}

        assert planned(spec, NEW_YORK, AFTER, "09:00") >= BUSY
        assert planned(spec, STEADY, AFTER, "09:00") < 0.5 * BUSY
