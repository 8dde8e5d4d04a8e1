"""A SQL store forgets some rows at a time: other writers get between, and who is interrupted has not worked in vain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from springtide.plan.recent import SweepDecision
from springtide.record import decision_rows, pruning
from springtide.record.decisions import KEPT_FOR
from springtide.record.model import RunOutcome
from springtide.record.moments import RunMoment
from springtide.record.retention import Ages
from springtide.record.sql import SqlStore, open_store
from unit.record.run_builders import NOON, a_run, at

AGES = Ages(runs=timedelta(days=180))
RUNS = 7
EACH = 2


class KilledError(Exception):
    """The process that prunes is killed."""


class WatchedStore(SqlStore):
    """A store that keeps how many runs there were when each of its writers began; it is killed at one of them."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: list[int] = []
        self.dies_at = 1000

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        if len(self.seen) == self.dies_at:
            raise KilledError
        self.seen.append(len(self.latest(limit=100)))
        with super()._writing() as session:
            yield session


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedStore]:
    """Return a store of old runs with their moments, and a new one."""
    monkeypatch.setattr(pruning, "AT_ONCE", EACH)
    monkeypatch.setattr(pruning, "DRAWN_AT_ONCE", EACH)
    with open_store(url) as opened:
        for number in range(RUNS):
            keep(opened, f"old-{number}", NOON - timedelta(days=300, minutes=number))
        keep(opened, "new", NOON)
        watched = WatchedStore(opened._engine)
        yield watched


def keep(store: SqlStore, run_id: str, started_at: Any) -> None:
    store.save(a_run(run_id, started_at=started_at).with_outcome(RunOutcome.SUCCEEDED, at=NOON))
    store.save_moments(run_id, [RunMoment(at=at(0), write="a write")], at_most=9)


def test_no_writer_waits_for_more_than_a_few_rows(store: WatchedStore) -> None:
    told = store.prune(AGES, now=NOON, is_dry=False)

    assert (told.removed["runs"], told.removed["moments"]) == (RUNS, RUNS)
    assert [run.run_id for run in store.latest()] == ["new"]
    assert max(before - after for before, after in zip(store.seen, store.seen[1:], strict=False)) == EACH


def test_who_is_interrupted_has_removed_what_went_and_the_next_one_goes_on(store: WatchedStore) -> None:
    moments = -(-RUNS // EACH)
    store.dies_at = moments + 2

    with pytest.raises(KilledError):
        store.prune(AGES, now=NOON, is_dry=False)

    assert len(store.latest()) == RUNS + 1 - 2 * EACH
    store.dies_at = 1000
    assert store.prune(AGES, now=NOON, is_dry=False).removed["runs"] == RUNS - 2 * EACH


def test_many_old_decisions_go_with_the_next_sweeps(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_rows, "FORGOTTEN", 3)
    later = NOON + KEPT_FOR + timedelta(days=1)
    with open_store(url) as store:
        old = [SweepDecision(policy=f"service-{number}", at=NOON, before=1, planned=1) for number in range(8)]
        store.save_decisions(old, now=NOON)
        left = []
        for _ in range(3):
            store.save_decisions([], now=later)
            left.append(len(store.last_decisions(NOON - timedelta(days=1))))

    assert left == [5, 2, 0]
