"""Services of one preparation that share a database: their runs count each other's connections, in order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.events.connections import ConnectionUse
from springtide.events.sweep import Inspection, orders_for
from springtide.events.waves import ChildRunState, ServicePlan, Started
from unit.events.test_waves import FAST, Preparation, order


def drawing(name: str, pods: int, *, usable: int, per_replica: int = 10, overlaps: bool = False) -> ServicePlan:
    return replace(
        order(name, pods, current=2), connection_uses=(ConnectionUse("orders", per_replica, usable),), overlaps=overlaps
    )


def taken(orders: list[ServicePlan], started: list[Started]) -> int:
    """Return the connections that all services take at their peaks, given the runs so far."""
    total = 0
    for each in orders:
        mine = [run for run in started if run.service == each.service]
        going = [each.peak(run.step) for run in mine if run.state is ChildRunState.GOING]
        done = [each.steps[run.step] for run in mine if run.state is ChildRunState.SUCCEEDED]
        total += max(going or done or [each.current]) * each.connection_uses[0].per_replica
    return total


class Recorded(Preparation):
    """A preparation that keeps the most connections that were taken."""

    most = 0

    def _later(self, run: Started) -> Started:
        self.most = max(self.most, taken(self.orders, self.started))
        return super()._later(run)


@pytest.mark.parametrize(("usable", "at_once"), [(160, True), (159, False), (120, False)])
def test_overlaps_that_do_not_fit_together_come_one_after_the_other(usable: int, *, at_once: bool) -> None:
    orders = [drawing(name, 4, usable=usable, overlaps=True) for name in ("a", "b")]  # 2 → 6: 8 at the peak
    preparation = Recorded(orders, FAST)

    turn = preparation.go()

    assert not turn.failed
    assert not turn.held
    assert [run.service for run in preparation.started] == ["a", "b"]
    assert (preparation.started[0].at == preparation.started[1].at) is at_once
    assert at_once or preparation.most <= 140  # 80 of one, 60 of the one that is done


def test_who_waits_says_for_whom_and_for_what() -> None:
    orders = [drawing(name, 4, usable=100) for name in ("a", "b")]
    preparation = Preparation(orders, FAST)
    preparation.started = [Started(service="a", step=0, at=preparation.now)]

    from springtide.events.waves import decide_turn

    turn = decide_turn(orders, preparation.started, FAST, now=preparation.now)

    assert turn.waiting["b"] == "waits for a: orders may give 100 connections, together they take 120"


def test_what_fits_with_nobody_is_left_to_its_own_preflight() -> None:
    preparation = Preparation([drawing("a", 50, usable=100)], FAST)

    preparation.go()

    assert [run.service for run in preparation.started] == ["a"]


def test_a_service_that_gets_smaller_waits_for_nobody() -> None:
    orders = [drawing("a", 4, usable=50), replace(drawing("b", 1, usable=50), current=9, steps=(4,))]
    preparation = Preparation(orders, FAST)

    preparation.go()

    assert preparation.started[0].at == preparation.started[1].at


def test_a_sweep_hands_what_services_share_on_to_its_orders() -> None:
    connection_uses = (ConnectionUse("orders", 10, 90),)
    inspection = Inspection(service="web", current=2, planned=6, connection_uses=connection_uses, overlaps=True)

    (handed_on,) = orders_for({"web": Inspection.from_record(inspection.to_record())})

    assert (handed_on.connection_uses, handed_on.overlaps) == (connection_uses, True)
    assert ServicePlan.from_record(handed_on.to_record()) == handed_on


ASKED = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9), st.booleans()), min_size=1, max_size=6)


@given(asked=ASKED, usable=st.integers(20, 400))
@settings(max_examples=200, deadline=None)
def test_every_preparation_ends_and_takes_no_more_than_its_largest_run_alone_must(
    asked: list[tuple[int, int, bool]], usable: int
) -> None:
    orders = [
        drawing(f"s{number}", pods, usable=usable, per_replica=each, overlaps=overlaps)
        for number, (pods, each, overlaps) in enumerate(asked)
    ]
    preparation = Recorded(orders, FAST)

    preparation.go()

    assert len(preparation.started) == sum(bool(each.steps) for each in orders)
    alone = max((each.peak(0) * each.connection_uses[0].per_replica for each in orders if each.steps), default=0)
    rest = sum(max((*each.steps, each.current)) * each.connection_uses[0].per_replica for each in orders)
    assert preparation.most <= max(usable, alone + rest)
