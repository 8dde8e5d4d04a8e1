"""What of many services is known without playing every turn: the truth lies between, and is found in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.events import leads, taken_time
from springtide.events.calendars import Pace
from springtide.events.leads import lateness, preparation_time, stands_at
from springtide.events.taken_time import MOST_PLAYED, is_many, time_taken
from springtide.events.waves import ChildRunState, ServicePlan, Started
from unit.events.calendars import utc

NOW = utc("2026-03-02T08:00")
NAMES = [f"s{number}" for number in range(8)]


def order(name: str, pods: int = 1, steps: int = 1, after: tuple[str, ...] = ()) -> ServicePlan:
    return ServicePlan(
        service=name, current=1, steps=tuple(1 + pods * (step + 1) for step in range(steps)), after=after
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[ServicePlan], list[Started], dict[str, timedelta], Pace]:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    orders = [
        order(
            name,
            draw(st.integers(1, 9)),
            draw(st.integers(1, 3)),
            tuple(sorted(draw(st.sets(st.sampled_from(names[:number]), max_size=2)))) if number else (),
        )
        for number, name in enumerate(names)
    ]
    first = [each.service for each in orders if not each.after]
    begun = draw(st.sets(st.sampled_from(first)))
    states = st.sampled_from(list(ChildRunState))
    started = [
        Started(service=name, step=0, at=NOW - timedelta(seconds=draw(st.integers(0, 90))), state=draw(states))
        for name in sorted(begun)
    ]
    times = {name: timedelta(seconds=draw(st.integers(0, 60))) for name in names}
    return orders, started, times, Pace(draw(st.sampled_from([6.0, 60.0, float("inf")])), draw(st.integers(1, 4)))


@given(scenes())
def test_what_is_played_turn_by_turn_ends_between_the_two(
    scene: tuple[list[ServicePlan], list[Started], dict[str, timedelta], Pace],
) -> None:
    orders, started, times, pace = scene

    taken = time_taken(orders, started, times, pace, now=NOW)

    played = stands_at(orders, started, times, pace, now=NOW) - NOW
    assert taken.shortest <= played <= taken.longest


def test_of_a_thousand_that_come_after_nothing_the_two_lie_close_together() -> None:
    orders = [order(f"s{number:04d}") for number in range(1000)]
    times = {each.service: timedelta(seconds=10) for each in orders}

    taken = time_taken(orders, (), times, Pace(6000, 100), now=NOW)

    assert (taken.shortest, taken.longest) == (timedelta(seconds=100), timedelta(seconds=120))


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of orders of each turn that is played."""
    played: list[int] = []

    def counted(module: Any) -> None:
        real = module.decide_turn

        def decide_turn(orders: Any, *asked: Any, **named: Any) -> Any:
            played.append(len(orders))
            return real(orders, *asked, **named)

        monkeypatch.setattr(module, "decide_turn", decide_turn)

    counted(leads)
    counted(taken_time)
    return played


def test_a_thousand_services_are_not_played_turn_by_turn(turns: list[int]) -> None:
    orders = [order(f"s{number:04d}") for number in range(1000)]
    times = {each.service: timedelta(seconds=10) for each in orders}
    measured = {each.service: [10.0] for each in orders}
    pace = Pace(6000, 100)

    in_time = lateness(orders, (), measured, pace, start=NOW + timedelta(minutes=2), now=NOW)
    late = lateness(orders, (), measured, pace, start=NOW + timedelta(seconds=30), now=NOW)

    assert preparation_time(orders, times, pace) == timedelta(seconds=120)
    assert in_time is None
    assert "everything stands at 08:01:40 UTC at the earliest, 70 s after the start" in (late or "")
    assert turns == [1000, 1000, 1000]


def test_few_are_played_and_so_are_those_that_share_connections(turns: list[int]) -> None:
    few = [order(f"s{number}") for number in range(MOST_PLAYED)]

    preparation_time(few, {each.service: timedelta(seconds=1) for each in few}, Pace(float("inf"), 10))

    assert not is_many(few)
    assert len(turns) > 2


def test_what_waits_for_something_that_never_comes_ends_the_count() -> None:
    orders = [order("first"), order("second", steps=2, after=("first",))]
    started = [
        Started(service="first", step=0, at=NOW, state=ChildRunState.FAILED),
        Started(service="second", step=0, at=NOW, state=ChildRunState.SUCCEEDED),
    ]
    times = {each.service: timedelta(seconds=10) for each in orders}

    assert stands_at(orders, started, times, Pace(float("inf"), 4), now=NOW) == NOW
