"""Reads over many services at once, in every store: the same values that the reads of one service bring."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.errors import InputError
from springtide.record.glances import RunGlance, point_of
from springtide.record.looks import approval_asked
from springtide.record.metrics import APPROVAL_WAITING_SINCE, SWEEP_ENDED
from springtide.record.model import RunOutcome
from springtide.record.store import RunStore
from unit.record.run_builders import NOON, PLAN, a_run, an_ended_run, at
from unit.record.test_decision_store import QUARTER, a_decision

BEFORE = NOON - timedelta(days=1)
ERROR = {"code": "pods_failed", "field": None, "message": "2 of 6 pods crash"}


def test_the_latest_runs_of_each_policy_come_newest_first_and_no_more_than_asked_for(store: RunStore) -> None:
    for number in range(3):
        store.save(an_ended_run(run_id=f"checkout-{number}", started_at=at(number), plan=PLAN | {"current": 3}))
    store.save(an_ended_run(RunOutcome.FAILED, run_id="search-1", policy="search", error=ERROR))

    found = store.last_runs(BEFORE)

    assert [run.run_id for run in found["checkout"]] == ["checkout-2", "checkout-1"]
    assert found["checkout"][0] == RunGlance.of(store.get("checkout-2"))
    assert found["checkout"][0].change == "3 → 6"
    assert (found["search"][0].message, found["search"][0].change) == ("2 of 6 pods crash", "")
    assert store.last_runs(at(1), each=1).keys() == {"checkout"}


def test_a_run_that_goes_on_comes_first_and_what_was_refused_is_no_run(store: RunStore) -> None:
    store.save(a_run(run_id="checkout-1", started_at=at(1)))
    store.save(an_ended_run(run_id="checkout-2", started_at=at(2)))
    for number in (3, 4):
        store.save(an_ended_run(RunOutcome.REFUSED, run_id=f"checkout-{number}", started_at=at(number), error=ERROR))
    store.save(an_ended_run(RunOutcome.REFUSED, run_id="search-1", policy="search", error=ERROR))

    found = store.last_runs(BEFORE)

    assert [run.run_id for run in found["checkout"]] == ["checkout-1", "checkout-2"]
    assert "search" not in found
    history = store.runs_of("checkout", BEFORE, limit=10)
    assert [run.run_id for run in history] == [f"checkout-{number}" for number in (4, 3, 2, 1)]


def test_the_runs_of_one_policy_are_its_own(store: RunStore) -> None:
    store.save(an_ended_run(run_id="checkout-1"))
    store.save(an_ended_run(run_id="search-1", policy="search"))

    assert [run.run_id for run in store.runs_of("checkout", BEFORE, limit=10)] == ["checkout-1"]
    with pytest.raises(InputError, match="limit is 0"):
        store.runs_of("checkout", BEFORE, limit=0)


def test_the_latest_decision_of_each_policy_is_whole(store: RunStore) -> None:
    last = a_decision(2, lately_ready=(4.5,), gate="hold", abstained=("forecast",))
    store.save_decisions([a_decision(1), last, a_decision(0, "search")], now=NOON)

    assert store.last_decisions(BEFORE) == {"checkout": last, "search": a_decision(0, "search")}
    assert store.last_decisions(NOON).keys() == {"checkout"}


def test_courses_hold_what_each_decision_says_for_a_curve_oldest_first(store: RunStore) -> None:
    unknown = a_decision(2, answer=None, observed=None, ready=None, is_floor=True)
    store.save_decisions([unknown, a_decision(1), a_decision(3), a_decision(1, "search")], now=NOON)

    found = store.courses(["checkout", "mail"], NOON, NOON + 2 * QUARTER)

    assert found == {"checkout": (point_of(a_decision(1)), point_of(unknown)), "mail": ()}


def test_samples_are_those_of_the_metrics_that_are_named(store: RunStore) -> None:
    store.measure(approval_asked("checkout", now=NOON, within=timedelta(minutes=30)))

    (found,) = store.samples([APPROVAL_WAITING_SINCE, SWEEP_ENDED])

    assert (dict(found.labels), found.value) == ({"policy": "checkout"}, NOON.timestamp())
