"""Random schedules of faults: any call may be refused, lost, late, stale, denied, or the last thing its caller does.

Each schedule is its seed and nothing else. A failing one prints it; `--seed N --schedules 1` plays it again.
"""

from __future__ import annotations

from random import Random

import pytest

from invariants import broken
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from support.courses import FAILING, SUCCEEDING, Course, play, unfaulted, untouched
from support.task_driver import AfterCrash

CHUNK = 25
"""Schedules of one test: few enough to spread over processes, enough to cost nothing."""

ENDED = {RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK, RunOutcome.NOTHING_TO_DO, RunOutcome.FAILED}


def fault_of(rng: Random) -> Fault:
    kind = rng.choice(
        [
            FaultKind.REFUSED,
            FaultKind.RESET,
            FaultKind.TIMEOUT,
            FaultKind.ANSWER_RESET,
            FaultKind.ANSWER_TIMEOUT,
            FaultKind.STATUS,
            FaultKind.STATUS_AFTER,
            FaultKind.STALE,
            FaultKind.CRASH_BEFORE,
            FaultKind.CRASH_AFTER,
        ]
    )
    status = rng.choice([429, 500, 503, 504] if kind is FaultKind.STATUS else [500, 503, 504])
    return Fault(kind, status=status, behind=rng.randint(1, 12))


def schedule(seed: int) -> tuple[Course, FaultPlan, AfterCrash]:
    """Return the course, the faults and what follows a crash, all from `seed`."""
    rng = Random(seed)
    course = rng.choice(SUCCEEDING + FAILING)
    plan = FaultPlan()
    for _ in range(rng.randint(1, 5)):
        plan.at(Match(), fault_of(rng), skip=rng.randrange(unfaulted(course).calls))
    return course, plan, rng.choice(list(AfterCrash))


def judged(seed: int) -> list[str]:
    """Play the schedule of `seed`; return everything that is wrong with its end."""
    course, plan, after = schedule(seed)
    end = play(course, plan, after)
    wrong = broken(end.evidence)
    if repr(end.state) not in {untouched(course), repr(unfaulted(course).state)}:
        wrong.append(f"the end is neither what was there nor what was asked for: {end.state}")
    if end.outcome not in ENDED:
        wrong.append(f"the run ended {end.outcome}: {end.failures}")
    return [f"seed {seed}, {course.name}, {after}: {message}" for message in wrong]


def test_every_schedule_ends_in_a_known_state(chunk: range) -> None:
    assert [message for seed in chunk for message in judged(seed)] == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chunk" in metafunc.fixturenames:
        first = metafunc.config.getoption("--seed")
        count = metafunc.config.getoption("--schedules")
        starts = range(first, first + count, CHUNK)
        chunks = [range(start, min(start + CHUNK, first + count)) for start in starts]
        metafunc.parametrize("chunk", chunks, ids=[f"seeds{c.start}-{c.stop - 1}" for c in chunks])
