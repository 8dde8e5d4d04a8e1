"""What every store promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest

from springtide.errors import Conflict, InputError, NotFound
from springtide.record.metrics import PHASE_DURATION, RUNS
from springtide.record.model import RunOutcome, ScalingRun
from springtide.record.store import RunStore
from unit.record.run_builders import NOON, PLAN, VERDICT, a_phase, a_run, an_ended_phase, an_ended_run, at


def counted(store: RunStore, name: str) -> dict[tuple[str, ...], float]:
    return {tuple(value for _, value in total.labels): total.value for total in store.totals() if total.name == name}


def test_a_new_store_is_empty(store: RunStore) -> None:
    assert (store.latest(), store.totals()) == ((), ())


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(a_run(), id="just started"),
        pytest.param(an_ended_run(RunOutcome.NOTHING_TO_DO, plan=PLAN, dry_run=True), id="dry"),
        pytest.param(
            an_ended_run(RunOutcome.NEEDS_ATTENTION, verdict=VERDICT, phases=(an_ended_phase(), a_phase("x"))),
            id="ended",
        ),
        pytest.param(a_run(reason="月末 \N{WAVING HAND SIGN}\n'; DROP TABLE runs; --", requested_by=""), id="odd text"),
        pytest.param(a_run(error={"nested": [1, 2.5, None, True, {"a": "b"}]}), id="nested record"),
    ],
)
def test_what_is_kept_comes_back(store: RunStore, run: ScalingRun) -> None:
    store.save(run)

    assert store.latest() == (run,)
    assert store.get(run.run_id) == run


def test_times_come_back_aware_and_exact(store: RunStore) -> None:
    shanghai = timezone(timedelta(hours=8))
    moment = at(0.123456).astimezone(shanghai)
    store.save(a_run(started_at=moment, phases=(an_ended_phase(start=0.654321),)))

    run = store.get(a_run().run_id)

    assert run.started_at == moment
    assert run.started_at.utcoffset() is not None
    assert run.phases[0].started_at == at(0.654321)
    assert run.phases[0].started_at.utcoffset() == timedelta()


def test_an_unknown_run_is_named(store: RunStore) -> None:
    with pytest.raises(NotFound, match="'nobody'") as missing:
        store.get("nobody")

    assert missing.value.code == "run_unknown"


def test_a_phase_of_an_unknown_run_is_refused(store: RunStore) -> None:
    with pytest.raises(NotFound):
        store.save_phase("nobody", a_phase())

    assert store.totals() == ()


def test_latest_is_newest_first_and_of_one_policy_when_asked(store: RunStore) -> None:
    for number, policy in enumerate(["search", "checkout", "search"]):
        store.save(a_run(f"run-{number}", policy=policy, started_at=at(number)))

    assert [run.run_id for run in store.latest()] == ["run-2", "run-1", "run-0"]
    assert [run.run_id for run in store.latest("search")] == ["run-2", "run-0"]
    assert [run.run_id for run in store.latest("search", limit=1)] == ["run-2"]
    assert store.latest("nothing") == ()


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_bounds_is_refused(store: RunStore, limit: int) -> None:
    with pytest.raises(InputError, match=f"limit is {limit}; allowed: 1 to 1000"):
        store.latest(limit=limit)


def test_a_phase_written_twice_is_one(store: RunStore) -> None:
    store.save(a_run())
    for phase in (a_phase(), an_ended_phase(), an_ended_phase(), a_phase()):
        store.save_phase(a_run().run_id, phase)

    assert store.get(a_run().run_id).phases == (an_ended_phase(),)


def test_the_end_of_a_phase_and_the_start_of_the_next_are_kept_together(store: RunStore) -> None:
    store.save(a_run())
    store.save_phase(a_run().run_id, an_ended_phase(), reads=3, following=a_phase("instances_ready"))

    kept = {phase.phase: phase.is_ended for phase in store.get(a_run().run_id).phases}
    assert kept == {"create_instances": True, "instances_ready": False}


def test_a_phase_leaves_the_outcome_alone(store: RunStore) -> None:
    store.save(an_ended_run())
    store.save_phase(a_run().run_id, an_ended_phase("instances_removed"))

    assert store.get(a_run().run_id) == an_ended_run().with_phase(an_ended_phase("instances_removed"))


def test_saving_a_run_keeps_the_phases_of_other_processes(store: RunStore) -> None:
    store.save(a_run())
    store.save_phase(a_run().run_id, an_ended_phase("create_instances"))
    store.save(an_ended_run().with_phase(an_ended_phase("report", start=30)))

    assert [phase.phase for phase in store.get(a_run().run_id).phases] == ["create_instances", "report"]


def test_a_run_that_is_over_does_not_start_again(store: RunStore) -> None:
    store.save(an_ended_run())
    with pytest.raises(Conflict):
        store.save(a_run())

    assert store.get(a_run().run_id).outcome is RunOutcome.SUCCEEDED


def test_facts_are_counted_once_however_often_they_are_written(store: RunStore) -> None:
    for _ in range(3):
        store.save(an_ended_run(phases=(an_ended_phase(seconds=2),)))
        store.save_phase(a_run().run_id, an_ended_phase(seconds=2))

    assert counted(store, RUNS.name) == {("blue_green", "succeeded"): 1}
    assert counted(store, f"{PHASE_DURATION.name}_sum") == {("create_instances",): 2}


def test_what_is_refused_is_not_counted(store: RunStore) -> None:
    store.save(an_ended_run())
    before = store.totals()
    with pytest.raises(Conflict):
        store.save(a_run(phases=(an_ended_phase(),)))

    assert store.totals() == before


def test_many_writers_lose_nothing(store: RunStore) -> None:
    runs = [f"run-{number}" for number in range(4)]
    for run_id in runs:
        store.save(a_run(run_id))
    work = [(run_id, an_ended_phase(f"phase-{n}", seconds=1)) for run_id in runs for n in range(5)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda item: store.save_phase(*item), work * 2))

    assert [len(store.get(run_id).phases) for run_id in runs] == [5] * 4
    assert counted(store, f"{PHASE_DURATION.name}_sum") == {(f"phase-{n}",): 4 for n in range(5)}


def test_runs_that_start_at_the_same_moment_have_an_order(store: RunStore) -> None:
    for run_id in ("b", "c", "a"):
        store.save(a_run(run_id, started_at=NOON))

    assert [run.run_id for run in store.latest()] == ["c", "b", "a"]


def test_an_installation_has_one_id_whoever_asks_first(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: store.installation(), range(16)))

    assert ids == {store.installation()}
    assert len(store.installation()) == 36
