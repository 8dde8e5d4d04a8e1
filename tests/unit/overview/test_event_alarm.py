"""What cries before an event that cannot be met, and what is said of what nobody gives back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import PermanentError
from springtide.overview.event_alarm import alarms, never_given_back, red_events, require_ready
from springtide.overview.event_surroundings import AirflowSight
from support.event_scene import ALL_ON, START, EventScene, sale, sales, web_policy
from unit.events.calendars import occurrence

SMALL = {"web": web_policy(replicas={"min": 2, "max": 10})}


def test_a_red_event_of_the_next_two_days_fails_with_all_that_stands_in_its_way() -> None:
    red = red_events(EventScene(policies=dict(SMALL)).around)

    assert list(alarms(red)) == ["sales.sale.20261112T120000Z"]
    with pytest.raises(PermanentError, match=r"asks for 12, replicas\.max is 10, so it gets 10\. Raise replicas\.max"):
        require_ready(red)


@pytest.mark.parametrize(
    "scene",
    [
        EventScene(),
        EventScene(policies=dict(SMALL), now=START - timedelta(days=3)),
        EventScene(policies=dict(SMALL), now=START + timedelta(minutes=1)),
    ],
    ids=["not red", "far ahead", "has begun"],
)
def test_nothing_else_fails(scene: EventScene) -> None:
    red = red_events(scene.around)

    assert red == ()
    require_ready(red)


def test_what_nobody_will_give_back_is_said_for_each_event() -> None:
    assert ALL_ON.paused is not None
    paused = replace(ALL_ON, paused={**ALL_ON.paused, "adjust_capacity": True})
    event = occurrence("flash", "2026-11-11T10:00", web=9)
    policies = EventScene(calendars=(sales(sale()),)).around.policies

    assert never_given_back([event], policies, ALL_ON) == []
    assert never_given_back([event], policies, paused) == [
        "sales.flash: adjust_capacity is paused: nobody will give back web at all"
    ]
    assert never_given_back([event], policies, AirflowSight(why_not="Airflow did not say")) == [
        "whether adjust_capacity is on, and gives anything back, is not known: Airflow did not say"
    ]
