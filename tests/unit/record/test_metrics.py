from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from springtide.errors import TemporaryError
from springtide.record.exposition import FILE, exposition, write_textfile
from springtide.record.memory import MemoryStore
from springtide.record.metrics import METRICS, SECONDS
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.store import RunStore
from unit.record.run_builders import PLAN, VERDICT, a_phase, a_run, an_ended_phase, an_ended_run, at


def samples(store: RunStore) -> dict[tuple[str, frozenset[str]], float]:
    """Return what Prometheus would read: every sample by its name and its labels' values."""
    families = text_string_to_metric_families(exposition(store.totals()).decode())
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def stored(*runs: ScalingRun) -> MemoryStore:
    store = MemoryStore()
    for run in runs:
        store.save(run)
    return store


def value(store: RunStore, name: str, *labels: str) -> float:
    return samples(store)[f"springtide_{name}", frozenset(labels)]


def test_ended_runs_are_counted_by_strategy_and_outcome() -> None:
    store = stored(
        an_ended_run(run_id="1"),
        an_ended_run(run_id="2"),
        an_ended_run(RunOutcome.ROLLED_BACK, run_id="3"),
        an_ended_run(run_id="4", strategy="in_place"),
        a_run("5"),
    )

    assert value(store, "runs_total", "blue_green", "succeeded") == 2
    assert value(store, "runs_total", "blue_green", "rolled_back") == 1
    assert value(store, "runs_total", "in_place", "succeeded") == 1


def test_a_run_of_another_cluster_is_counted_apart() -> None:
    elsewhere = replace(a_run().target, cluster="emea")
    store = stored(an_ended_run(run_id="1"), an_ended_run(run_id="2", target=elsewhere))

    assert value(store, "runs_total", "blue_green", "succeeded") == 1
    assert value(store, "runs_total", "blue_green", "succeeded", "emea") == 1
    assert value(store, "run_duration_seconds_count", "blue_green", "succeeded", "emea") == 1


def test_a_duration_is_in_every_bucket_that_it_fits_into() -> None:
    store = stored(an_ended_run(after=42))
    buckets = {
        bound: value(
            store, "run_duration_seconds_bucket", "blue_green", "succeeded", "+Inf" if bound > 1e9 else str(bound)
        )
        for bound in SECONDS
    }

    assert buckets == {bound: float(bound >= 42) for bound in SECONDS}
    assert value(store, "run_duration_seconds_sum", "blue_green", "succeeded") == 42
    assert value(store, "run_duration_seconds_count", "blue_green", "succeeded") == 1


def test_attempts_at_a_phase_are_measured_when_they_are_over() -> None:
    store = stored(a_run())
    store.save_phase(a_run().run_id, a_phase("smoke_test"))
    assert ("springtide_phase_duration_seconds_sum", frozenset({"smoke_test"})) not in samples(store)

    store.save_phase(a_run().run_id, an_ended_phase("smoke_test", seconds=3))
    store.save_phase(a_run().run_id, an_ended_phase("smoke_test", attempt=2, seconds=4))

    assert value(store, "phase_duration_seconds_sum", "smoke_test") == 7
    assert value(store, "phase_duration_seconds_count", "smoke_test") == 2


def test_skipped_phases_took_no_time_to_measure() -> None:
    store = stored(a_run(phases=(a_phase().with_end(PhaseStatus.SKIPPED, at=at(1), seconds=0),)))

    assert store.totals() == ()


def test_desired_replicas_are_those_of_the_latest_plan() -> None:
    store = stored(a_run("1", plan=PLAN), a_run("2", plan=PLAN | {"replicas": 4}))

    assert value(store, "desired_replicas", "checkout") == 4


def test_clamps_and_smoke_checks_are_counted_once_for_each_run() -> None:
    store = stored(a_run(plan=PLAN), a_run(plan=PLAN), a_run(verdict=VERDICT), an_ended_run(plan=PLAN, verdict=VERDICT))

    assert value(store, "plan_clamped_total", "max_replicas") == 1
    assert value(store, "smoke_checks_total", "pass") == 1
    assert value(store, "smoke_checks_total", "fail") == 1


def test_a_run_taken_up_again_counts_both_of_its_ends() -> None:
    store = stored(an_ended_run(RunOutcome.FAILED), a_run(), an_ended_run(RunOutcome.ROLLED_BACK, after=90))

    assert value(store, "runs_total", "blue_green", "failed") == 1
    assert value(store, "runs_total", "blue_green", "rolled_back") == 1


@pytest.mark.parametrize(
    "run",
    [
        an_ended_run(RunOutcome.PLANNED_ONLY, dry_run=True, plan=PLAN, verdict=VERDICT, phases=(an_ended_phase(),)),
        an_ended_run(RunOutcome.REFUSED),
    ],
    ids=["dry run", "refused"],
)
def test_of_what_did_nothing_only_the_end_is_counted(run: ScalingRun) -> None:
    store = stored(run, run)

    assert value(store, "runs_total", "blue_green", run.outcome.value) == 1
    assert len(store.totals()) == 1


phases = st.builds(
    PhaseRecord,
    phase=st.sampled_from(["create_instances", "smoke_test"]),
    status=st.sampled_from(PhaseStatus),
    started_at=st.just(at(0)),
    seconds=st.floats(0, 1e4),
    attempt=st.integers(1, 2),
)


@given(st.lists(phases, max_size=6), st.data())
def test_repeated_writes_count_once(records: list[PhaseRecord], data: st.DataObject) -> None:
    once = stored(a_run())
    often = stored(a_run())
    for record in records:
        once.save_phase(a_run().run_id, record)
        for _ in range(data.draw(st.integers(1, 3))):
            often.save_phase(a_run().run_id, record)

    assert often.totals() == once.totals()


def test_every_metric_is_there_from_the_first_day_and_carries_the_prefix() -> None:
    names = {family.name for family in text_string_to_metric_families(exposition(()).decode())}

    assert names == {metric.name.removesuffix("_total") for metric in METRICS}
    assert all(metric.name.startswith("springtide_") for metric in METRICS)


def test_no_run_is_named_in_a_label() -> None:
    run = an_ended_run(run_id="manual__2026", plan=PLAN, verdict=VERDICT, phases=(an_ended_phase(),))

    text = exposition(stored(run).totals()).decode()

    assert "springtide_runs_total{" in text
    assert "manual__2026" not in text


def test_the_textfile_holds_what_the_page_shows_and_nothing_else_is_left(tmp_path: Path) -> None:
    store = stored(an_ended_run())

    path = write_textfile(store.totals(), tmp_path / "new")

    assert path.read_bytes() == exposition(store.totals())
    assert [file.name for file in path.parent.iterdir()] == [FILE]


def test_a_directory_that_cannot_be_written_to_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(TemporaryError, match="could not be written") as failed:
        write_textfile((), tmp_path / "file")

    assert failed.value.code == "metrics_unwritable"
