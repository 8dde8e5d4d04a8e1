from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.errors import Conflict, InputError
from springtide.record.model import TRANSITIONS, PhaseRecord, PhaseStatus, RunOutcome, ScalingRun, merged
from unit.record.run_builders import NOON, PLAN, VERDICT, a_phase, a_run, an_ended_phase, an_ended_run, at

MOVES = [(here, there) for here, there in product(RunOutcome, RunOutcome) if here is not there]
ALLOWED = {
    *((RunOutcome.RUNNING, there) for there in RunOutcome if there not in {RunOutcome.RUNNING, RunOutcome.REFUSED}),
    (RunOutcome.HALTED, RunOutcome.RUNNING),
    (RunOutcome.REFUSED, RunOutcome.RUNNING),
    (RunOutcome.FAILED, RunOutcome.RUNNING),
    (RunOutcome.FAILED, RunOutcome.ROLLED_BACK),
    (RunOutcome.NEEDS_ATTENTION, RunOutcome.RUNNING),
    (RunOutcome.NEEDS_ATTENTION, RunOutcome.ROLLED_BACK),
    (RunOutcome.NEEDS_ATTENTION, RunOutcome.SUCCEEDED),
}


def in_outcome(outcome: RunOutcome) -> ScalingRun:
    return a_run() if outcome is RunOutcome.RUNNING else an_ended_run(outcome)


@pytest.mark.parametrize(("here", "there"), sorted(ALLOWED))
def test_an_allowed_move_is_made_and_stamped(here: RunOutcome, there: RunOutcome) -> None:
    moved = in_outcome(here).with_outcome(there, at=at(99))

    assert (moved.outcome, moved.ended_at) == (there, None if there is RunOutcome.RUNNING else at(99))


@pytest.mark.parametrize(("here", "there"), sorted(set(MOVES) - ALLOWED))
def test_every_other_move_is_refused_with_what_is_allowed(here: RunOutcome, there: RunOutcome) -> None:
    with pytest.raises(Conflict, match=f"is {here} and cannot become {there}") as refused:
        in_outcome(here).with_outcome(there, at=at(99))

    assert refused.value.code == "run_ended"


@pytest.mark.parametrize("outcome", RunOutcome)
def test_the_same_outcome_again_changes_nothing(outcome: RunOutcome) -> None:
    run = in_outcome(outcome)

    assert run.with_outcome(outcome, at=at(1000)) is run


def test_final_outcomes_lead_nowhere_and_every_outcome_is_in_the_table() -> None:
    final = {outcome for outcome, onward in TRANSITIONS.items() if not onward}

    assert final == {
        RunOutcome.SUCCEEDED,
        RunOutcome.NOTHING_TO_DO,
        RunOutcome.PLANNED_ONLY,
        RunOutcome.ROLLED_BACK,
    }
    assert set(TRANSITIONS) == set(RunOutcome)


def test_a_run_ends_with_its_error_and_keeps_it() -> None:
    error = {"code": "quota_short", "field": None, "message": "needed 6, free 2"}
    failed = a_run().with_outcome(RunOutcome.FAILED, at=at(5), error=error)

    assert failed.with_outcome(RunOutcome.ROLLED_BACK, at=at(9)).error == error


def test_seconds_are_known_once_the_run_ended() -> None:
    assert (a_run().seconds, an_ended_run(after=42).seconds) == (None, 42)


def test_phases_stand_in_the_order_of_their_start() -> None:
    run = a_run().with_phase(a_phase("switch_endpoints", start=7)).with_phase(a_phase("create_instances", start=2))

    assert [phase.phase for phase in run.phases] == ["create_instances", "switch_endpoints"]


def test_another_attempt_is_another_record() -> None:
    run = a_run().with_phase(a_phase(attempt=1)).with_phase(a_phase(attempt=2, start=5))

    assert [phase.attempt for phase in run.phases] == [1, 2]


def test_a_deferred_phase_keeps_its_first_start() -> None:
    run = a_run().with_phase(a_phase(start=1)).with_phase(a_phase(start=20))

    assert [phase.started_at for phase in run.phases] == [at(1)]


def test_a_late_start_does_not_reopen_a_phase_that_is_over() -> None:
    run = a_run().with_phase(an_ended_phase())

    assert run.with_phase(a_phase()) is run


phases = st.builds(
    PhaseRecord,
    phase=st.sampled_from(["create_instances", "switch_endpoints"]),
    status=st.sampled_from(PhaseStatus),
    started_at=st.integers(0, 9).map(at),
    attempt=st.integers(1, 3),
)


@given(st.lists(phases))
def test_a_repeated_phase_record_changes_nothing(records: list[PhaseRecord]) -> None:
    run = a_run()
    for record in records:
        run = run.with_phase(record)
        assert run.with_phase(record) == run

    assert {phase.key for phase in run.phases} == {record.key for record in records}


def test_a_run_survives_its_stored_form() -> None:
    run = an_ended_run(
        RunOutcome.ROLLED_BACK, plan=PLAN, verdict=VERDICT, phases=(an_ended_phase(), a_phase("smoke_test"))
    )

    assert ScalingRun.from_record(json.loads(json.dumps(run.to_record()))) == run


@pytest.mark.parametrize("field", ["started_at", "ended_at"])
def test_times_without_a_zone_are_refused_by_name(field: str) -> None:
    naive: dict[str, Any] = {field: datetime(2026, 11, 11, 12)}  # noqa: DTZ001 - the point
    with pytest.raises(InputError, match=f"{field} is 2026-11-11T12:00:00") as refused:
        replace(an_ended_run(), **naive)
    with pytest.raises(InputError):
        replace(an_ended_phase(), **naive)

    assert (refused.value.code, refused.value.field) == ("time_invalid", field)


@pytest.mark.parametrize("values", [{"ended_at": NOON}, {"outcome": RunOutcome.SUCCEEDED}])
def test_an_end_without_an_outcome_and_the_reverse_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        a_run(**values)

    assert refused.value.code == "run_inconsistent"


def test_times_of_any_zone_are_equal_to_their_utc() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))

    assert ScalingRun.from_record(a_run(started_at=shanghai).to_record()) == a_run()


def test_merging_unites_what_two_processes_know() -> None:
    stored = a_run(plan=PLAN).with_phase(an_ended_phase("create_instances"))
    late = a_run(verdict=VERDICT).with_phase(a_phase("create_instances")).with_phase(a_phase("smoke_test", start=9))

    run = merged(stored, late)

    assert (run.plan, run.verdict) == (PLAN, VERDICT)
    assert [(phase.phase, phase.is_ended) for phase in run.phases] == [
        ("create_instances", True),
        ("smoke_test", False),
    ]


def test_merging_the_same_end_again_keeps_when_it_ended() -> None:
    stored = an_ended_run(after=42)

    assert merged(stored, an_ended_run(after=60)).ended_at == at(42)


def test_merging_does_not_reopen_a_run_that_is_over() -> None:
    with pytest.raises(Conflict):
        merged(an_ended_run(), a_run())
