"""When a service is paused by itself, and how long sweeps back off: by what became of its latest runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.fleet.failing import NOT_OF_THE_SERVICE, backs_off, pause_for, streak_of
from springtide.policy.scaling.guards import Failures
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.pauses import BY_SPRINGTIDE, Pause
from support.builders import policy
from unit.record.run_builders import NOON

SMOKE = {"code": "smoke_failed", "field": "smoke_test", "message": "smoke test fail: 0 of 10 answered 200"}
OTHER = {"code": "deadline_exceeded", "field": "instances_ready", "message": "not within 5m"}
HEALTH = {"status": "fail", "checks": [{"check": "http /health", "status": "fail", "message": "404"}]}
CART = {"status": "fail", "checks": [{"check": "http /cart", "status": "fail", "message": "500"}]}


def a_run(minutes: float, phase: str | None = "smoke_test", **values: Any) -> ScalingRun:
    """Return a run that failed at a phase so many minutes before noon."""
    end = NOON - timedelta(minutes=minutes)
    start = end - timedelta(minutes=1)
    failed = PhaseRecord(phase=phase or "x", status=PhaseStatus.FAILED, started_at=start, ended_at=end, seconds=1)
    run = ScalingRun(
        run_id=f"run-{minutes:g}",
        policy="checkout",
        target=policy().spec.target.workload,
        strategy="blue_green",
        requested_by="airflow",
        reason="sweep",
        started_at=start,
        ended_at=end,
        outcome=RunOutcome.ROLLED_BACK,
        error=SMOKE,
        phases=(failed,) if phase else (),
    )
    return replace(run, **values)


def guarded(**failures: Any) -> ScalingPolicy:
    return policy(guards={"failures": failures})


def a_pause(*, by: str = "ann", **values: Any) -> Pause:
    return replace(Pause(service="checkout", at=NOON - timedelta(hours=2), by=by, reason="it failed"), **values)


SUCCESS = {"outcome": RunOutcome.SUCCEEDED, "error": None}
PAUSED: dict[str, list[ScalingRun]] = {
    "the same twice": [a_run(5), a_run(30)],
    "a dry run between them": [a_run(5), a_run(10, dry_run=True, **SUCCESS), a_run(30)],
    "a plan that was refused between them": [
        a_run(5),
        a_run(10, "calculate_capacity", outcome=RunOutcome.FAILED, error={"code": "quota_short", "message": "no"}),
        a_run(30),
    ],
    "nothing to do between them": [a_run(5), a_run(10, None, outcome=RunOutcome.NOTHING_TO_DO, error=None), a_run(30)],
    "an unreachable cluster between them": [
        a_run(5),
        a_run(10, error={"code": "cluster_unreachable", "message": "no answer"}),
        a_run(30),
    ],
    "another failure between them": [a_run(5), a_run(10, "instances_ready", error=OTHER), a_run(30)],
    "one that goes on in front of them": [
        a_run(0, outcome=RunOutcome.RUNNING, ended_at=None, error=None),
        a_run(5),
        a_run(30),
    ],
    "the same checks": [a_run(5, verdict=HEALTH), a_run(30, verdict=HEALTH)],
    "one that a person has to end": [a_run(5, outcome=RunOutcome.NEEDS_ATTENTION), a_run(30)],
}
GOING_ON: dict[str, list[ScalingRun]] = {
    "none": [],
    "one": [a_run(5)],
    "a success between them": [a_run(5), a_run(10, **SUCCESS), a_run(30)],
    "a success after them": [a_run(1, **SUCCESS), a_run(5), a_run(30)],
    "another phase": [a_run(5), a_run(30, "instances_ready")],
    "another code": [a_run(5), a_run(30, error=OTHER)],
    "other checks": [a_run(5, verdict=HEALTH), a_run(30, verdict=CART)],
    "one of a week ago": [a_run(5), a_run(60 * 24 * 8)],
    "plans that were refused": [a_run(5, "calculate_capacity"), a_run(30, "calculate_capacity")],
    "dry runs": [a_run(5, dry_run=True), a_run(30, dry_run=True)],
    "halted": [a_run(5, outcome=RunOutcome.HALTED), a_run(30, outcome=RunOutcome.HALTED)],
}


def pause_of(runs: list[ScalingRun], *pauses: Pause, by: ScalingPolicy | None = None) -> Pause | None:
    streak = streak_of(runs, pauses, NOON)
    return None if streak is None else pause_for(streak, by or policy(), NOON)


@pytest.mark.parametrize("runs", PAUSED.values(), ids=PAUSED)
def test_the_same_failure_twice_pauses_the_service(runs: list[ScalingRun]) -> None:
    pause = pause_of(runs)

    assert pause is not None
    assert (pause.by, pause.at, pause.until) == (BY_SPRINGTIDE, NOON, None)
    assert "2 runs failed the same way" in pause.reason
    assert "run-5: smoke_test failed with smoke_failed: smoke test fail: 0 of 10 answered 200" in pause.reason


@pytest.mark.parametrize("runs", GOING_ON.values(), ids=GOING_ON)
def test_what_is_no_repetition_pauses_nothing(runs: list[ScalingRun]) -> None:
    assert pause_of(runs) is None


@pytest.mark.parametrize("code", sorted(NOT_OF_THE_SERVICE))
def test_an_outage_and_what_a_person_did_are_no_failures_of_the_service(code: str) -> None:
    error = {"code": code, "message": "…"}

    assert streak_of([a_run(5, error=error), a_run(30, error=error)], [], NOON) is None


def test_what_failed_before_somebody_resumed_it_counts_no_more() -> None:
    resumed = a_pause(ended_at=NOON - timedelta(minutes=10), ended_by="bob")

    assert pause_of([a_run(15), a_run(30)], resumed) is None
    assert pause_of([a_run(5), a_run(30)], resumed) is None
    assert pause_of([a_run(2), a_run(5), a_run(30)], resumed) is not None


def test_a_pause_whose_time_is_up_counts_as_resumed() -> None:
    over = a_pause(until=NOON - timedelta(minutes=10))

    assert pause_of([a_run(15), a_run(30)], over) is None


@pytest.mark.parametrize(("limit", "failures", "is_paused"), [(1, 1, True), (3, 2, False), (3, 3, True), (0, 9, False)])
def test_the_policy_says_how_often(limit: int, failures: int, is_paused: bool) -> None:  # noqa: FBT001 - a table
    runs = [a_run(5 * number + 5) for number in range(failures)]

    assert (pause_of(runs, by=guarded(pause_after=limit)) is not None) is is_paused


def words(runs: list[ScalingRun], back_off: str = "30m") -> str:
    streak = streak_of(runs, [], NOON)
    return "" if streak is None else backs_off(streak, guarded(back_off=back_off).spec.guards.failures, NOON)


def test_sweeps_wait_after_a_failure_and_say_until_when_and_after_which() -> None:
    assert words([a_run(29)]).startswith("backs off until 2026-11-11 12:01 UTC, 0:30:00 after run run-29: smoke_test")
    assert words([a_run(30)]) == ""


def test_twice_as_long_after_each_further_one_a_day_at_most() -> None:
    other = a_run(90, "instances_ready", error=OTHER)
    assert words([a_run(59), other]).startswith("backs off until 2026-11-11 12:01 UTC, 1:00:00 after")
    assert words([a_run(60), other]) == ""

    many = [a_run(60 * 24 - 1 + number, *(["instances_ready"] if number % 2 else [])) for number in range(20)]
    assert words(many).startswith("backs off until 2026-11-11 12:01 UTC, 1 day, 0:00:00 after")


def test_no_back_off_where_the_policy_wants_none() -> None:
    assert words([a_run(1)], "0s") == ""
    assert Failures().pause_after == 2


def test_long_words_of_a_failure_are_cut() -> None:
    long = [a_run(minutes, error=SMOKE | {"message": "x" * 5000}) for minutes in (5, 30)]

    pause = pause_of(long)

    assert pause is not None
    assert len(pause.reason) < 500
