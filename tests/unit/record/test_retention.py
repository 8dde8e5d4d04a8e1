"""What a store forgets, and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from springtide.errors import InputError, NotFound
from springtide.plan.recent import SweepDecision
from springtide.record.model import RunOutcome
from springtide.record.moments import RunMoment
from springtide.record.retention import Ages, parse_age
from springtide.record.store import RunStore
from springtide.settings import Settings
from unit.record.run_builders import NOON, a_phase, a_run, at

OLD = timedelta(days=-200)
AGES = Ages(runs=timedelta(days=180))


def keep(store: RunStore, run_id: str, age: timedelta, outcome: RunOutcome, policy: str = "checkout") -> None:
    run = a_run(run_id, started_at=NOON + age, policy=policy, phases=(a_phase(),))
    store.save(run if outcome is RunOutcome.RUNNING else run.with_outcome(outcome, at=at(0)))


def draw(store: RunStore, run_id: str, moments: int) -> None:
    store.save_moments(run_id, [RunMoment(at=at(0), write="a write")] * moments, at_most=100)


def decided(days: int) -> SweepDecision:
    return SweepDecision(policy="checkout", at=NOON - timedelta(days=days), before=3, planned=3)


def prune(store: RunStore, *, is_dry: bool = False, ages: Ages = AGES) -> dict[str, tuple[int, int]]:
    told = store.prune(ages, now=NOON, is_dry=is_dry)
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


def test_moments_go_sooner_than_their_run(store: RunStore) -> None:
    for run_id, days in (("old", -20), ("new", -5)):
        keep(store, run_id, timedelta(days=days), RunOutcome.SUCCEEDED)
        draw(store, run_id, 3)
    ages = Ages(runs=timedelta(days=180), moments=timedelta(days=10))

    assert prune(store, ages=ages, is_dry=True) == {"runs": (0, 2), "moments": (3, 3)}
    assert prune(store, ages=ages) == {"runs": (0, 2), "moments": (3, 3)}
    assert [len(store.moments(run_id)) for run_id in ("old", "new")] == [0, 3]


@pytest.mark.parametrize("outcome", [RunOutcome.RUNNING, RunOutcome.NEEDS_ATTENTION])
def test_the_moments_of_a_run_that_somebody_has_to_end_stay(store: RunStore, outcome: RunOutcome) -> None:
    keep(store, "open", OLD, outcome)
    draw(store, "open", 2)
    keep(store, "new", timedelta(0), RunOutcome.SUCCEEDED)

    assert prune(store) == {"runs": (0, 2), "moments": (0, 2)}
    assert len(store.moments("open")) == 2


def test_decisions_go_at_an_age_of_their_own(store: RunStore) -> None:
    store.save_decisions([decided(days) for days in (9, 11, 20)], now=NOON)

    assert prune(store, ages=Ages(runs=timedelta(days=180), decisions=timedelta(days=10))) == {"decisions": (2, 1)}
    assert store.decisions("checkout", NOON - timedelta(days=40), NOON) == (decided(9),)


@pytest.mark.parametrize(
    ("field", "text"), [("keep_decisions", "36d"), ("keep_decisions", "7d"), ("keep_moments", "0d")]
)
def test_a_setting_that_would_forget_too_much_is_refused_by_its_name(field: str, text: str) -> None:
    settings = Settings.from_environment({f"SPRINGTIDE_{field.upper()}": text})

    with pytest.raises(InputError, match=f"SPRINGTIDE_{field.upper()}"):
        Ages.of(settings)


def test_the_ages_are_those_of_the_environment_or_of_the_option() -> None:
    settings = Settings.from_environment({"SPRINGTIDE_KEEP_MOMENTS": "5d", "SPRINGTIDE_KEEP_DECISIONS": "9d"})

    assert Ages.of(settings) == Ages(runs=timedelta(days=400), decisions=timedelta(days=9), moments=timedelta(days=5))
    assert Ages.of(settings, "60d").runs == timedelta(days=60)


@pytest.mark.parametrize("text", ["", "29d", "3651d", "6 months", "-40d", "40"])
def test_an_age_that_would_forget_too_much_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="such as 180d") as refused:
        parse_age(text, "older_than")

    assert refused.value.code == "age_invalid"


def test_an_age_is_a_number_of_days() -> None:
    assert datetime(2026, 7, 1, tzinfo=UTC) - parse_age("181d", "older_than") == datetime(2026, 1, 1, tzinfo=UTC)
