"""Nothing is given back without proof, and a floor is never undercut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.events.release import Health, release_step
from springtide.events.sweep import Inspection, order_for, orders_for, steps_up
from unit.events.calendars import calendar, calendars_of, utc

WELL = Health(None, demand=90.0, before=100.0)
WEB = Inspection(service="web", current=32, planned=10, health=WELL)


def reason(**changes: object) -> str:
    return order_for(replace(WEB, **changes), {}).reason  # type: ignore[arg-type]


def test_a_service_that_is_well_is_released_step_by_step() -> None:
    sizes = []
    inspection = WEB
    while (order := order_for(inspection, {})).steps:
        sizes.append(order.steps[-1])
        inspection = replace(inspection, current=sizes[-1])

    assert sizes == [16, 10]
    assert order_for(WEB, {}).reason == "released from 32 to 16 of the 10 that demand asks for"


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (Health("promql errors: 0.2 is not below 0.01"), "held at 32: promql errors: 0.2 is not below 0.01"),
        (Health("no Prometheus is configured"), "held at 32: no Prometheus is configured"),
        (
            Health(None, demand=3.0, before=100.0),
            "held at 32: its demand is 3, less than 20% of the 100 before the event: that looks like an outage",
        ),
    ],
)
def test_a_service_that_is_not_well_is_held(health: Health, said: str) -> None:
    assert reason(health=health) == said


def test_a_sick_dependency_holds_what_needs_it() -> None:
    others = {"db": Inspection(service="db", current=5, planned=5, health=Health("connections: 99 is not below 90"))}

    order = order_for(replace(WEB, after=("db",)), others)

    assert order.steps == ()
    assert order.reason == "held at 32: db, which it needs: connections: 99 is not below 90"


def test_demand_that_cannot_be_judged_holds_but_the_floor_still_rises() -> None:
    blind = replace(WEB, planned=None, problem="its newest sample is 9 minutes old")

    assert order_for(blind, {}).steps == ()
    assert "its newest sample is 9 minutes old" in order_for(blind, {}).reason
    assert order_for(replace(blind, floor=50), {}).steps == (50,)


def test_a_floor_is_held_while_it_lasts_and_raised_again_when_somebody_lowered_it() -> None:
    assert order_for(replace(WEB, floor=32, floor_reason="flash"), {}).steps == ()
    lowered = order_for(replace(WEB, current=12, floor=32, floor_reason="flash"), {})
    assert (lowered.steps, lowered.reason) == ((32,), "flash")


def test_a_freeze_keeps_everything_as_it_is() -> None:
    assert order_for(replace(WEB, floor=99, frozen="year-end"), {}).steps == ()
    assert reason(frozen="web is frozen by year-end") == "web is frozen by year-end"


def test_a_service_is_made_smaller_before_what_it_needs() -> None:
    inspections = {"web": replace(WEB, after=("db",)), "db": replace(WEB, service="db")}

    orders = {order.service: order for order in orders_for(inspections)}

    assert (orders["web"].after, orders["db"].after) == ((), ("web",))


@given(st.integers(1, 500), st.integers(1, 500), st.floats(1.0, 10.0))
def test_a_climb_gets_there_in_steps_that_the_guards_allow(current: int, wanted: int, step_up: float) -> None:
    steps = steps_up(current, wanted, step_up)

    for before, after in zip((current, *steps), steps, strict=False):
        assert before < after <= max(before + 1, before * step_up + 1e-6)
    assert (steps[-1] if steps else max(current, wanted)) == max(current, wanted)


@given(
    st.integers(1, 300), st.integers(1, 300) | st.none(), st.integers(1, 300) | st.none(), st.sampled_from(["", "sick"])
)
def test_no_order_goes_below_the_floor_or_below_what_is_needed(
    current: int, planned: int | None, floor: int | None, problem: str
) -> None:
    order = order_for(
        Inspection(service="web", current=current, planned=planned, floor=floor, health=Health(problem or None)), {}
    )
    target = order.steps[-1] if order.steps else current

    assert target >= min(current, max(planned or current, floor or 0))
    assert target <= max(current, planned or 0, floor or 0)
    if problem or planned is None:
        assert target >= current


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1000), st.floats(0, 1000))
def test_load_that_vanished_gives_nothing_back(
    current: int, wanted: int, step_down: float, demand: float, before: float
) -> None:
    release = release_step(
        current=current, wanted=wanted, step_down=step_down, service=Health(None, demand, before), dependencies={}
    )

    if demand < 0.2 * before:
        assert release.replicas >= current
    assert min(current, wanted) <= release.replicas <= current


class TestFreezes:
    NOW = utc("2026-12-24T12:00")
    FREEZE: ClassVar = {
        "name": "year-end",
        "start": "2026-12-20T00:00",
        "end": "2027-01-03T00:00",
        "reason": "nobody is here",
    }
    OVERRIDE: ClassVar = {
        "name": "xmas", "freeze": "year-end", "events": ["event-0"], "owner": "Ada", "reason": "announced",
        "expires": "2026-12-26T00:00",
    }  # fmt: skip
    EVENT: ClassVar = {"start": "2026-12-24T18:00", "duration": "2h"}

    def frozen(self, event: str | None, now: str = "2026-12-24T12:00", **spec: Any) -> str | None:
        moment = utc(now)
        known = calendars_of(calendar("UTC", self.EVENT, freezes=[self.FREEZE], **spec), now=moment)
        return known.frozen("web", moment, event)

    def test_a_freeze_refuses_and_says_how_it_is_lifted(self) -> None:
        assert self.frozen("event-0") == (
            "web is frozen until 2027-01-03 00:00 UTC by year-end (nobody is here); "
            "an override of calendar sales that names event event-0 would lift it"
        )
        assert self.frozen(None) == "web is frozen until 2027-01-03 00:00 UTC by year-end (nobody is here)"

    def test_a_named_override_lifts_it_for_its_events_only(self) -> None:
        assert self.frozen("event-0", overrides=[self.OVERRIDE]) is None
        assert self.frozen(None, overrides=[self.OVERRIDE]) is not None

    def test_an_override_that_expired_counts_no_more(self) -> None:
        said = self.frozen("event-0", "2026-12-26T00:00", overrides=[self.OVERRIDE])

        assert said is not None
        assert said.endswith("override xmas of Ada expired at 2026-12-26T00:00")

    def test_outside_of_it_nothing_is_frozen(self) -> None:
        assert self.frozen("event-0", "2027-01-03T00:00") is None
        assert self.frozen("event-0", "2026-12-19T23:59") is None
