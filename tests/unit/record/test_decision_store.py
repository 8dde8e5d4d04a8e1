"""What sweeps decided, in every store: kept by service and time, and for a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from springtide.plan.recent import SweepDecision
from springtide.record.decisions import KEPT_FOR
from springtide.record.store import RunStore
from unit.record.run_builders import NOON

QUARTER = timedelta(minutes=15)


def a_decision(number: int, policy: str = "checkout", **values: Any) -> SweepDecision:
    decision = SweepDecision(
        policy=policy,
        at=NOON + number * QUARTER,
        before=3,
        planned=4,
        answer=4,
        observed=3,
        ready=3,
        reason="demand asks for 4",
    )
    return replace(decision, **values)


def test_they_come_back_oldest_first_and_both_ends_included(store: RunStore) -> None:
    decisions = [a_decision(number, advises=True, is_floor=True) for number in (3, 1, 2, 0)]
    store.save_decisions(decisions, now=NOON)

    found = store.decisions("checkout", NOON + QUARTER, NOON + 2 * QUARTER)

    assert found == (decisions[1], decisions[2])


def test_those_of_another_service_are_not_among_them(store: RunStore) -> None:
    store.save_decisions([a_decision(0), a_decision(0, "search")], now=NOON)

    assert store.decisions("search", NOON, NOON) == (a_decision(0, "search"),)


def test_the_same_again_is_written_over(store: RunStore) -> None:
    store.save_decisions([a_decision(0)], now=NOON)
    store.save_decisions([a_decision(0, planned=9)], now=NOON)

    assert store.decisions("checkout", NOON, NOON) == (a_decision(0, planned=9),)


def test_what_is_older_than_a_month_goes(store: RunStore) -> None:
    store.save_decisions([a_decision(0), a_decision(1)], now=NOON)
    store.save_decisions([], now=NOON + KEPT_FOR)

    assert store.decisions("checkout", NOON, NOON + QUARTER) == (a_decision(1),)
