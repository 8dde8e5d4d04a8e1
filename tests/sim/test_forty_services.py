"""Forty services prepared in waves on the embedded cluster: order and pace are read from the API's own record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.waves import ChildRunState, ServicePlan, waves
from springtide.fleet.conductor import Conductor
from springtide.fleet.due import prepared
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.orders import decided_orders
from springtide.fleet.report import FleetReport
from support.fleet import START, Fleet, FleetRuns, forty
from unit.events.calendars import calendar

PODS_PER_MINUTE = 120
RUNS = 6
TURN = timedelta(seconds=1)
TARGET = 6


def prepare(fleet: Fleet) -> FleetReport:
    """Conduct the whole preparation of an event that asks for `TARGET` replicas of every service."""
    asks = {name: {"replicas": TARGET} for name in fleet.after}
    event = {"name": "sale", "start": f"{fleet.now:%Y-%m-%dT%H:%M}", "duration": "6h", "services": asks}
    pace = {"pods_per_minute": PODS_PER_MINUTE, "runs": RUNS}
    fleet.almanac = Calendars((ExpandedCalendar.of(calendar("UTC", event, pace=pace), Path(), now=fleet.now),))
    ports = fleet.fleet_ports()
    due = prepared(ports, fleet.almanac.occurrences)
    look = look_at_due(ports, due)
    assert look.unseen == {}
    conductor = Conductor(
        fleet=ports,
        runs=FleetRuns(fleet),
        memory=ProcessMemory(),
        decide=lambda wanted: decided_orders(ports, wanted, look.seen),
        parent="prepare_events__r1",
        every=TURN,
    )
    for _ in range(3600):
        turn = conductor.turn(due)
        assert sum(run.state is ChildRunState.GOING for run in fleet.runs.values()) <= RUNS
        if turn.report is not None:
            return turn.report
        fleet.tick(TURN.total_seconds())
    raise AssertionError("it does not end within an hour")


def test_order_and_pace_stand_in_the_record_of_the_api() -> None:
    fleet = Fleet(forty())

    end = prepare(fleet)

    assert end.problems == {}
    assert set(fleet.replicas().values()) == {TARGET}
    grown = fleet.grown()
    assert sorted(name for _, name, _ in grown) == sorted(forty())  # each of them once
    whole = fleet.whole_at()
    for at, name, _ in grown:
        assert all(whole[other] <= at for other in fleet.after[name]), name
    for at, _, _ in grown:
        together = [name for time, name, _ in grown if at <= time < at + 60]
        assert (TARGET - START) * len(together) <= PODS_PER_MINUTE + TARGET - START
    assert (
        len(waves([ServicePlan(service=name, current=0, steps=(), after=after) for name, after in forty().items()]))
        == 5
    )


def test_one_failure_holds_back_what_comes_after_it_and_nobody_else() -> None:
    fleet = Fleet(forty(), failing=frozenset({"db-0"}))

    end = prepare(fleet)

    lost = {"db-0"}
    for name, after in fleet.after.items():  # forty() names each after those that it comes after
        if lost & set(after):
            lost.add(name)
    replicas = fleet.replicas()
    assert {name for name, count in replicas.items() if count == START} == lost
    assert set(end.problems) == lost
    assert "failed" in end.problems["db-0"]
    assert end.problems["proxy-0"].startswith("held back: it comes after db-0, which failed: ")
    assert "ErrImageNeverPull" in end.problems["proxy-0"]
    assert "db-0" in end.problems["gateway"]
    assert all(end.problems[name].startswith("held back: ") for name in lost - {"db-0"})
    assert timedelta(seconds=fleet.world.elapsed - fleet.since) < timedelta(minutes=15)
