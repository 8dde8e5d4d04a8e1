"""What a store forgets, and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from springtide.errors import InputError, NotFound
from springtide.record.model import RunOutcome
from springtide.record.retention import parse_age
from springtide.record.store import RunStore
from unit.record.run_builders import NOON, a_phase, a_run, at

OLD = timedelta(days=-200)
BEFORE = NOON - timedelta(days=180)


def keep(store: RunStore, run_id: str, age: timedelta, outcome: RunOutcome, policy: str = "checkout") -> None:
    run = a_run(run_id, started_at=NOON + age, policy=policy, phases=(a_phase(),))
    store.save(run if outcome is RunOutcome.RUNNING else run.with_outcome(outcome, at=at(0)))


def prune(store: RunStore, *, is_dry: bool = False) -> dict[str, tuple[int, int]]:
    told = store.prune(BEFORE, now=NOON, is_dry=is_dry)
    return {name: (count, told.kept[name]) for name, count in told.removed.items() if count or told.kept[name]}


def test_old_runs_go_with_their_phases_and_the_counts_say_how_many(store: RunStore) -> None:
    keep(store, "old", OLD, RunOutcome.SUCCEEDED)
    keep(store, "new", timedelta(days=-1), RunOutcome.SUCCEEDED)

    assert prune(store) == {"runs": (1, 1)}
    assert [run.run_id for run in store.latest()] == ["new"]
    with pytest.raises(NotFound):
        store.save_phase("old", a_phase("late"))


@pytest.mark.parametrize("outcome", [RunOutcome.RUNNING, RunOutcome.NEEDS_ATTENTION])
def test_a_run_that_somebody_has_to_end_stays_whatever_its_age(store: RunStore, outcome: RunOutcome) -> None:
    keep(store, "open", OLD, outcome)
    keep(store, "new", timedelta(0), RunOutcome.SUCCEEDED)

    assert prune(store) == {"runs": (0, 2)}


def test_a_policys_newest_run_stays_whatever_its_age(store: RunStore) -> None:
    keep(store, "first", OLD * 2, RunOutcome.SUCCEEDED)
    keep(store, "newest", OLD, RunOutcome.FAILED)
    keep(store, "other", OLD * 3, RunOutcome.SUCCEEDED, policy="search")

    assert prune(store) == {"runs": (1, 2)}
    assert {run.run_id for run in store.latest()} == {"newest", "other"}


def test_a_dry_prune_counts_and_keeps_everything(store: RunStore) -> None:
    keep(store, "old", OLD, RunOutcome.SUCCEEDED)
    keep(store, "new", timedelta(0), RunOutcome.SUCCEEDED)

    assert prune(store, is_dry=True) == {"runs": (1, 1)}
    assert len(store.latest()) == 2


def test_totals_stay_as_they_were_counted(store: RunStore) -> None:
    keep(store, "old", OLD, RunOutcome.SUCCEEDED)
    keep(store, "new", timedelta(0), RunOutcome.SUCCEEDED)
    counted = store.totals()

    prune(store)

    assert store.totals() == counted


@pytest.mark.parametrize("text", ["", "29d", "3651d", "6 months", "-40d", "40"])
def test_an_age_that_would_forget_too_much_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="such as 180d") as refused:
        parse_age(text, "older_than")

    assert refused.value.code == "age_invalid"


def test_an_age_is_a_number_of_days() -> None:
    assert datetime(2026, 7, 1, tzinfo=UTC) - parse_age("181d", "older_than") == datetime(2026, 1, 1, tzinfo=UTC)
