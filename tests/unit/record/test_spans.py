from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.record.memory import MemoryStore
from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.record.spans import RunTrace, trace_of
from springtide.workload import Workload
from unit.record.run_builders import PLAN, VERDICT, a_phase, a_run, an_ended_phase, an_ended_run, at

SECOND = 10**9


def traced(run: ScalingRun, installation: str = "shop-1") -> RunTrace:
    made = trace_of(run, installation)
    assert made is not None
    return made


def seconds(nanoseconds: int) -> float:
    return (nanoseconds - int(at(0).timestamp()) * SECOND) / SECOND


def test_a_run_is_a_trace_with_a_span_for_each_attempt_at_a_phase() -> None:
    run = an_ended_run(after=42)
    run = run.with_phase(an_ended_phase("smoke_test", start=20.5, seconds=4))
    run = run.with_phase(an_ended_phase("smoke_test", attempt=2, start=30, seconds=5))
    run = run.with_phase(an_ended_phase("create_instances", start=1, seconds=2))

    made = traced(run)

    assert [(span.name, seconds(span.start_ns), seconds(span.end_ns)) for span in (made.run, *made.phases)] == [
        ("springtide run", 0, 42),
        ("create_instances", 1, 3),
        ("smoke_test", 20.5, 24.5),
        ("smoke_test", 30, 35),
    ]
    assert {span.trace_id for span in made.phases} == {made.run.trace_id}
    assert len({span.span_id for span in (made.run, *made.phases)}) == 4
    assert not any(span.is_failed for span in (made.run, *made.phases))


def test_a_run_that_goes_on_has_no_trace_yet() -> None:
    assert trace_of(a_run().with_phase(an_ended_phase()), "shop-1") is None


def test_every_process_makes_the_same_ids_of_a_run_and_no_other_run_has_them() -> None:
    run = an_ended_run().with_phase(an_ended_phase())
    store = MemoryStore()
    store.save(run)

    assert traced(store.get(run.run_id)) == traced(run)
    assert traced(replace(run, run_id="another")).run.trace_id != traced(run).run.trace_id
    assert traced(run, "shop-2").run.trace_id != traced(run).run.trace_id


def test_ids_are_never_none_of_opentelemetry_and_fit_its_sizes() -> None:
    made = traced(an_ended_run().with_phase(an_ended_phase()))

    assert 0 < made.run.trace_id < 2**128
    assert all(0 < span.span_id < 2**64 for span in (made.run, *made.phases))
    assert made.run.trace_id >> 64 != made.run.span_id


def test_a_span_says_what_was_scaled_how_and_how_it_ended() -> None:
    failed = an_ended_phase("smoke_test").with_end(PhaseStatus.FAILED, at=at(9), seconds=8)
    error = {"code": "smoke_test_failed", "field": "smoke_test", "message": "2 of 50"}
    run = a_run(plan={**PLAN, "current": 3}).with_phase(failed)

    made = traced(run.with_outcome(RunOutcome.ROLLED_BACK, at=at(30), error=error))

    of_every_span = {
        "springtide.run_id": "manual__checkout__1",
        "springtide.policy": "checkout",
        "springtide.service": "checkout",
        "springtide.strategy": "blue_green",
        "springtide.workload": "checkout",
        "k8s.namespace.name": "shop",
    }
    assert made.run.attributes == {
        **of_every_span,
        "springtide.outcome": "rolled_back",
        "springtide.trigger": "manual",
        "springtide.dry_run": False,
        "springtide.replicas.before": 3,
        "springtide.replicas.planned": 6,
        "error.type": "smoke_test_failed",
    }
    assert (made.run.is_failed, made.run.error_code) == (True, "smoke_test_failed")
    (phase,) = made.phases
    assert phase.is_failed
    assert phase.attributes == {
        **of_every_span,
        "springtide.phase": "smoke_test",
        "springtide.phase.attempt": 1,
        "springtide.phase.status": "failed",
    }


def test_what_is_not_known_is_left_out() -> None:
    run = an_ended_run(target=Workload(namespace="shop", deployment="worker", service=None), plan={"replicas": 6})

    attributes = traced(run).run.attributes

    assert "springtide.service" not in attributes
    assert "springtide.replicas.before" not in attributes
    assert "error.type" not in attributes


@pytest.mark.parametrize(
    "secret",
    [
        {"reason": "hunter2"},
        {"requested_by": "hunter2"},
        {"error": {"code": "database_down", "field": "dsn", "message": "postgres://app:hunter2@db"}},
        {"plan": {**PLAN, "reason": "hunter2"}},
        {"verdict": {**VERDICT, "message": "hunter2"}},
        {"phases": (an_ended_phase().with_end(PhaseStatus.FAILED, at=at(3), seconds=2, message="hunter2"),)},
    ],
    ids=lambda values: next(iter(values)),
)
def test_words_that_may_quote_anything_are_in_no_span(secret: dict[str, Any]) -> None:
    assert "hunter2" not in repr(traced(an_ended_run(**secret)))


def test_a_run_that_was_cleared_begins_with_the_first_of_its_phases() -> None:
    run = an_ended_run(started_at=at(20)).with_phase(an_ended_phase(start=1))

    assert seconds(traced(run).run.start_ns) == 1


def test_an_attempt_that_never_said_how_it_ended_lasts_until_the_end_of_the_run() -> None:
    run = an_ended_run(RunOutcome.ROLLED_BACK, after=42).with_phase(a_phase("instances_ready", start=10))

    (phase,) = traced(run).phases

    assert (seconds(phase.start_ns), seconds(phase.end_ns)) == (10, 42)
    assert phase.attributes["springtide.phase.status"] == "running"


def test_a_clock_that_was_set_back_makes_no_span_that_ends_before_it_begins() -> None:
    run = an_ended_run(after=-5).with_phase(a_phase(start=3))

    made = traced(run)

    assert made.run.end_ns == made.run.start_ns
    assert made.phases[0].end_ns == made.phases[0].start_ns
