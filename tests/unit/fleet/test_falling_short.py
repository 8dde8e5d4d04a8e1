"""A preparation that gets less than its events ask for is no success: both numbers stand in its report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import PermanentError
from springtide.events.calendars import Calendars
from springtide.events.sweep import Inspection, with_floors
from springtide.events.waves import ServicePlan, TurnDecision
from springtide.fleet.due import Due
from springtide.fleet.orders import decided_orders
from springtide.fleet.report import FleetReport
from support.fleet import Fleet
from unit.events.calendars import calendar, calendars_of, occurrence, utc

NOW = utc("2026-11-11T09:00")


def found(service: str = "web", most: int = 10, **more: object) -> Inspection:
    """Return a service of two replicas that may have at most ten."""
    values = {"service": service, "current": 2, "planned": 2, "expected": 2, "most": most}
    return Inspection(**(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asks", "calendars", "asked", "floor"),
    [
        (8, Calendars(), 8, 8),
        (80, Calendars(), 80, 10),
        ("40x", Calendars(), 80, 10),
        (8, calendars_of(calendar(cap={"pods": 5}), now=NOW), 8, 5),
        (1, Calendars(), 1, 1),
    ],
)
def test_what_was_asked_for_is_known_beside_what_is_given(
    asks: int | str, calendars: Calendars, asked: int, floor: int
) -> None:
    event = occurrence("flash", "2026-11-11T10:00", web=asks)

    seen = with_floors({"web": found()}, [event], calendars, noted={}, now=NOW)["web"]

    assert (seen.asked, seen.floor) == (asked, floor)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (ServicePlan(service="web", current=2, steps=(6, 10), asked=10), None),
        (ServicePlan(service="web", current=12, steps=(), asked=10), None),
        (
            ServicePlan(service="web", current=2, steps=(6, 10), asked=80, cut="80 is above replicas.max 10, so 10"),
            "80 are asked for and 10 stand: 80 is above replicas.max 10, so 10",
        ),
        (
            ServicePlan(service="web", current=2, steps=(), asked=9, reason="web is frozen until noon"),
            "9 are asked for and 2 stand: web is frozen until noon",
        ),
        (ServicePlan(service="web", current=2, steps=(), asked=9, advised=9), None),
        (ServicePlan(service="web", current=2, steps=(), asked=9, unmet="it is paused"), None),
        (ServicePlan(service="web", current=2, steps=()), None),
    ],
)
def test_an_order_says_why_it_falls_short(order: ServicePlan, why: str | None) -> None:
    assert order.shortfall == why


def test_a_report_of_less_than_was_asked_for_is_not_good() -> None:
    short = ServicePlan(service="web", current=2, steps=(10,), asked=80, cut="80 is above replicas.max 10, so 10")
    good = ServicePlan(service="db", current=2, steps=(5,), asked=5, reason="flash asks for 5")

    report = FleetReport.of([short, good], TurnDecision(), late=None)

    assert report.standing == {"db": 5}
    with pytest.raises(PermanentError, match=r"web: 80 are asked for and 10 stand: 80 is above replicas\.max 10"):
        report.require_good()


def test_only_what_the_preparation_is_about_counts() -> None:
    fleet = Fleet({"web": (), "mail": ()})
    start = fleet.now + timedelta(minutes=10)
    asks = {"web": 80}
    event = occurrence("flash", f"{start:%Y-%m-%dT%H:%M}", **asks)
    sweep = Due(services=("web", "mail"), began_at=fleet.now, planned_at=fleet.now)
    seen = {name: found(name) for name in ("web", "mail")}

    prepared = decided_orders(fleet.fleet_ports(), replace(sweep, events=(event,)), seen)
    swept = decided_orders(fleet.fleet_ports(), sweep, seen)

    assert {order.service: order.asked for order in prepared} == {"web": 80, "mail": None}
    assert {order.service: order.asked for order in swept} == {"web": None, "mail": None}


def test_an_order_that_falls_short_comes_back_as_it_was_stored() -> None:
    order = ServicePlan(service="web", current=2, steps=(10,), asked=80, cut="80 is above replicas.max 10, so 10")

    assert ServicePlan.from_record(order.to_record()) == order
