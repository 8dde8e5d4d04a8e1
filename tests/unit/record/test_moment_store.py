"""Moments of runs, in every store: kept in order, bounded, and forgotten with their runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.errors import NotFound
from springtide.record.moments import PodCounts, RunMoment
from springtide.record.retention import Ages
from springtide.record.store import RunStore
from unit.record.run_builders import NOON, an_ended_run, at

COUNTS = PodCounts(stable=2, new=1, stable_serving=2, new_serving=0)
FIRST = RunMoment(at=at(1), counts=COUNTS)
SECOND = RunMoment(at=at(2), write="switch to the new set")


def test_they_come_back_whole_oldest_first(store: RunStore) -> None:
    store.save(an_ended_run(run_id="run-1"))
    store.save_moments("run-1", [SECOND], at_most=10)
    store.save_moments("run-1", [FIRST], at_most=10)

    assert store.moments("run-1") == (FIRST, SECOND)
    assert store.moments("run-2") == ()


def test_what_comes_behind_the_bound_is_left_out(store: RunStore) -> None:
    store.save(an_ended_run(run_id="run-1"))
    for second in range(5):
        store.save_moments("run-1", [RunMoment(at=at(second), write="a write")] * 2, at_most=7)

    assert len(store.moments("run-1")) == 7


def test_a_run_that_nobody_knows_has_none(store: RunStore) -> None:
    with pytest.raises(NotFound, match="run-1"):
        store.save_moments("run-1", [FIRST], at_most=10)


def test_they_are_forgotten_with_their_run(store: RunStore) -> None:
    store.save(an_ended_run(run_id="run-1"))
    store.save(an_ended_run(run_id="run-2", started_at=NOON + timedelta(days=400)))
    store.save_moments("run-1", [FIRST], at_most=10)

    store.prune(Ages(runs=timedelta(days=200)), now=NOON + timedelta(days=500), is_dry=False)

    assert store.moments("run-1") == ()
