"""Forty services prepared in waves on the embedded cluster: order and pace are read from the API's own record."""

from __future__ import annotations

from datetime import datetime, timedelta

from fleet import START, Fleet, forty
from springtide.events.almanac import Pace
from springtide.events.waves import Order, RunState, Started, Turn, next_turn, waves

PACE = Pace(pods_per_minute=120, runs=6)
TARGET = 6


def prepare(fleet: Fleet) -> Turn:
    """Conduct the whole preparation as `prepare_events` does."""
    orders = [Order(name, START, (TARGET,), after) for name, after in fleet.after.items()]
    started: dict[str, datetime] = {}
    for _ in range(3600):
        runs = [Started(name, 0, at, fleet.runs[name].state, fleet.runs[name].message) for name, at in started.items()]
        assert sum(one.state is RunState.GOING for one in runs) <= PACE.runs
        turn = next_turn(orders, runs, PACE, now=fleet.now)
        if turn.is_over:
            return turn
        for name, _ in turn.starts:
            started[name] = fleet.now
            fleet.start(name, name, TARGET)
        fleet.tick()
    raise AssertionError("it does not end within an hour")


def test_order_and_pace_stand_in_the_record_of_the_api() -> None:
    fleet = Fleet(forty())

    end = prepare(fleet)

    assert (end.failed, end.held) == ({}, {})
    assert set(fleet.replicas().values()) == {TARGET}
    grown = fleet.grown()
    assert sorted(name for _, name, _ in grown) == sorted(forty())  # each of them once
    whole = fleet.whole_at()
    for at, name, _ in grown:
        assert all(whole[other] <= at for other in fleet.after[name]), name
    for at, _, _ in grown:
        together = [name for time, name, _ in grown if at <= time < at + 60]
        assert (TARGET - START) * len(together) <= PACE.pods_per_minute + TARGET - START
    assert len(waves([Order(name, 0, (), after) for name, after in forty().items()])) == 5


def test_one_failure_holds_back_what_comes_after_it_and_nobody_else() -> None:
    fleet = Fleet(forty(), failing=frozenset({"db-0"}))

    end = prepare(fleet)

    lost = {"db-0"}
    for name, after in fleet.after.items():  # forty() names each after those that it comes after
        if lost & set(after):
            lost.add(name)
    replicas = fleet.replicas()
    assert {name for name, count in replicas.items() if count == START} == lost
    assert set(end.failed) == {"db-0"}
    assert set(end.held) == lost - {"db-0"}
    assert end.held["proxy-0"].startswith("held back: it comes after db-0, which failed: ")
    assert "ErrImageNeverPull" in end.held["proxy-0"]
    assert "db-0" in end.held["gateway"]
    assert timedelta(seconds=fleet.world.elapsed - fleet.since) < timedelta(minutes=15)
