"""When to begin: the services' own measured runs, in their order and at their pace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.events.calendars import Pace
from springtide.events.leads import MeasuredRuns, expected_orders, lateness, lead_time, p95, preparation_time
from springtide.events.preparations import EventSize, Preparation
from springtide.events.waves import ChildRunState, ServicePlan, Started
from springtide.policy.calendar.model import LearnSpec
from unit.events.calendars import occurrence, utc

EVENT = occurrence("flash", "2026-11-11T10:00", web=20, db=10)
ORDERS = (
    ServicePlan(service="web", current=10, steps=(20,), after=("db",)),
    ServicePlan(service="db", current=5, steps=(10,)),
)
PACE = Pace(100, 4)
LEARN = LearnSpec()
MEASURED = {"web": [60.0] * 18 + [90.0, 600.0], "db": [120.0] * 5}


def test_the_lead_is_p95_of_each_in_their_order_and_a_margin() -> None:
    lead = lead_time(EVENT, ORDERS, MEASURED, PACE, LEARN)

    assert lead.length == timedelta(seconds=120 + 90) + timedelta(minutes=5)  # db first, then web
    assert lead.reason == "p95 of the measured runs in their order, and 5m of margin"


def test_a_service_that_was_seldom_measured_counts_with_the_default() -> None:
    lead = lead_time(EVENT, ORDERS, {"web": [60.0] * 4} | {"db": [120.0] * 5}, PACE, LEARN)

    assert lead.length == timedelta(minutes=2 + 30 + 5)
    assert "30m for web: fewer than 5 measured runs" in lead.reason


def test_a_learned_lead_has_an_end() -> None:
    slow = {"web": [86_400.0] * 5, "db": [120.0] * 5}

    assert lead_time(EVENT, ORDERS, slow, PACE, LEARN).length == timedelta(hours=12)


def test_a_written_lead_is_taken_as_it_is() -> None:
    assert lead_time(replace(EVENT, lead=timedelta(minutes=45)), ORDERS, {}, PACE, LEARN).length == timedelta(
        minutes=45
    )


@pytest.mark.parametrize(("step_up", "runs"), [({}, 1), ({"web": 10.0}, 1), ({"web": 3.0}, 2), ({"web": 1.5}, 4)])
def test_a_service_that_may_only_grow_in_steps_takes_a_run_for_each(step_up: dict[str, float], runs: int) -> None:
    flash = occurrence("flash", "2026-11-11T10:00", web=20)
    measured = MeasuredRuns(runs={"web": [60.0] * 5}, expected={"web": 5}, after={}, step_up=step_up)

    orders = expected_orders(flash, MeasuredRuns.from_record(measured.to_record()))

    assert lead_time(flash, orders, measured.runs, PACE, LEARN).length == timedelta(minutes=runs + 5)


def test_the_pace_is_part_of_it() -> None:
    orders = [ServicePlan(service=f"s{at}", current=0, steps=(50,)) for at in range(4)]
    times = {order.service: timedelta(seconds=30) for order in orders}

    assert preparation_time(orders, times, Pace(100, 4)) == timedelta(seconds=90 + 30)
    assert preparation_time(orders, times, Pace(float("inf"), 4)) == timedelta(seconds=30)
    assert preparation_time(orders, times, Pace(float("inf"), 2)) == timedelta(seconds=60)


@pytest.mark.parametrize(("seconds", "percentile"), [([7.0], 7.0), ([*map(float, range(1, 101))], 95.0)])
def test_p95_is_a_number_that_was_measured(seconds: list[float], percentile: float) -> None:
    assert p95(seconds) == percentile


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_p95_is_beaten_by_at_most_one_in_twenty(seconds: list[float]) -> None:
    assert sum(measured > p95(seconds) for measured in seconds) <= len(seconds) / 20


class TestLateness:
    NOW = utc("2026-11-11T09:50")

    def late(self, *, ahead: float, started: tuple[Started, ...] = (), after: float = 0.0) -> str | None:
        now = self.NOW + timedelta(seconds=after)
        start = self.NOW + timedelta(seconds=ahead)
        return lateness(ORDERS, started, MEASURED, PACE, start=start, now=now)

    def test_it_is_known_before_the_start(self) -> None:
        assert self.late(ahead=210) is None  # 120 for db, then 90 for web
        assert self.late(ahead=209) == (
            "everything stands at 09:53:30 UTC at the earliest, 1 s after the start, by the p95 of the measured runs "
            "in their order and at their pace"
        )

    def test_what_is_done_or_goes_on_counts_only_with_what_is_left(self) -> None:
        going = (Started(service="db", step=0, at=self.NOW),)
        assert self.late(ahead=211, started=going, after=60) is None
        done = (replace(going[0], state=ChildRunState.SUCCEEDED),)
        assert self.late(ahead=211, started=done, after=121) is None
        assert self.late(ahead=211, started=done, after=122) is not None

    def test_a_run_that_takes_longer_than_ever_delays_what_comes_after_it(self) -> None:
        slow = (Started(service="db", step=0, at=self.NOW),)

        assert self.late(ahead=240, started=slow, after=150) is None
        assert self.late(ahead=240, started=slow, after=151) is not None

    def test_the_pace_counts(self) -> None:
        slowly = Pace(5, 4)  # the 5 pods of db take a minute, but web waits for db anyway
        pair = (ServicePlan(service="web", current=10, steps=(20,)), ServicePlan(service="db", current=5, steps=(10,)))
        at = self.NOW + timedelta(seconds=239)
        assert lateness(pair, (), MEASURED, PACE, start=at, now=self.NOW) is None
        assert lateness(pair, (), MEASURED, slowly, start=at, now=self.NOW) is not None

    def test_what_was_never_measured_is_not_guessed_at_and_is_named(self) -> None:
        measured = {"web": [90.0]}
        assert lateness(ORDERS, (), {}, PACE, start=self.NOW + timedelta(seconds=10), now=self.NOW) is None
        message = lateness(ORDERS, (), measured, PACE, start=self.NOW + timedelta(seconds=10), now=self.NOW)
        assert message is not None
        assert message.endswith("; no run of db was ever measured, so it is later still")

    def test_once_the_events_begin_the_deadline_speaks(self) -> None:
        assert self.late(ahead=100, after=100) is None


class TestWholePreparations:
    SIZE = EventSize.of(ORDERS)

    def lead(self, *preparations: Preparation) -> timedelta:
        return lead_time(EVENT, ORDERS, MEASURED, PACE, LEARN, preparations=preparations).length - timedelta(minutes=5)

    def taken(self, seconds: float, size: EventSize | None = None) -> Preparation:
        return Preparation(run_id="r", began_at=EVENT.start, seconds=seconds, size=size or self.SIZE)

    def test_they_make_the_lead_longer_than_their_runs_say(self) -> None:
        assert EventSize(runs=2, pods=15) == self.SIZE
        assert self.lead(self.taken(540.0)) == timedelta(seconds=540)

    def test_they_never_make_it_shorter(self) -> None:
        assert self.lead(self.taken(20.0)) == timedelta(seconds=120 + 90)

    def test_the_reason_says_what_it_was_learned_from(self) -> None:
        lead = lead_time(EVENT, ORDERS, MEASURED, PACE, LEARN, preparations=[self.taken(540.0), self.taken(500.0)])

        assert lead.reason == "p95 of the 2 measured preparations of about this size, and 5m of margin"

    @pytest.mark.parametrize(
        ("size", "seconds"),
        [
            (EventSize(2, 15), 540), (EventSize(4, 30), 540), (EventSize(1, 15), 1080), (EventSize(2, 10), 810),
            (EventSize(5, 15), 210), (EventSize(2, 31), 210), (EventSize(2, 7), 210), (EventSize(2, 0), 210),
        ],
    )  # fmt: skip
    def test_only_those_of_about_its_size_say_something_and_smaller_ones_in_proportion(
        self, size: EventSize, seconds: int
    ) -> None:
        assert self.lead(self.taken(540.0, size)) == timedelta(seconds=seconds)

    def test_the_end_of_a_learned_lead_holds_for_them_too(self) -> None:
        assert self.lead(self.taken(90_000.0)) == timedelta(hours=12) - timedelta(minutes=5)

    def test_they_are_kept_as_they_were(self) -> None:
        measured = MeasuredRuns(runs={"web": [60.0]}, preparations=(self.taken(540.0),))

        assert MeasuredRuns.from_record(measured.to_record()) == measured
