"""Something happens at every write of every strategy, and the run goes on: it converges all the same.

The oracle is differential: the end state and the count of writes of the run that nothing happened to.
"""

from __future__ import annotations

from typing import Any

import pytest

from invariants import broken
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from support.courses import FAILING, SUCCEEDING, Course, play, points, unfaulted, untouched
from support.task_driver import AfterCrash

pytestmark = pytest.mark.at_each_write

FAULTS = {
    "crash before": Fault(FaultKind.CRASH_BEFORE),
    "crash after": Fault(FaultKind.CRASH_AFTER),
    "answer lost": Fault(FaultKind.ANSWER_TIMEOUT),
    "500 after it took effect": Fault(FaultKind.STATUS_AFTER, status=500),
}


@pytest.mark.parametrize(("course", "number"), points(SUCCEEDING))
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after", [AfterCrash.RETRY, AfterCrash.CLEAR])
def test_a_run_that_goes_on_ends_as_if_nothing_had_happened(
    course: Course, number: int, fault: str, after: AfterCrash
) -> None:
    end = play(course, FaultPlan().at(Match(write=number), FAULTS[fault]), after)
    expected = unfaulted(course)

    assert broken(end.evidence) == []
    assert end.outcome in {RunOutcome.SUCCEEDED, RunOutcome.NOTHING_TO_DO}  # the latter: cleared when it had ended
    assert end.state == expected.state
    assert end.writes == expected.writes


@pytest.mark.parametrize(("course", "number"), points(FAILING))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_that_fails_restores_what_was_there(course: Course, number: int, fault: str) -> None:
    end = play(course, FaultPlan().at(Match(write=number), FAULTS[fault]), AfterCrash.RETRY)

    assert broken(end.evidence) == []
    assert end.outcome is RunOutcome.ROLLED_BACK
    assert repr(end.state) == untouched(course)
    assert end.writes == unfaulted(course).writes


@pytest.mark.parametrize(("course", "number"), points(SUCCEEDING + FAILING))
@pytest.mark.parametrize("fault", ["crash before", "crash after"])
def test_a_run_whose_owner_is_gone_is_finished_or_undone_from_its_lease(
    course: Course, number: int, fault: str
) -> None:
    end = play(course, FaultPlan().at(Match(write=number), FAULTS[fault]), AfterCrash.RECONCILE)

    assert broken(end.evidence) == []
    assert repr(end.state) in {untouched(course), repr(unfaulted(course).state)}


def before_writes(courses: tuple[Course, ...]) -> list[Any]:
    """Return the call right before each write: the look at the Lease, mostly."""
    return [
        pytest.param(course, call.number - 1, id=f"{course.name}-call{call.number - 1}")
        for course in courses
        for call in unfaulted(course).evidence.calls
        if call.write
    ]


@pytest.mark.parametrize(("course", "number"), before_writes(SUCCEEDING))
def test_a_call_that_hangs_before_a_write_shortens_no_wait(course: Course, number: int) -> None:
    """What is judged is a quarter of a minute old when it is written."""
    end = play(course, FaultPlan().at(Match(number=number), Fault(FaultKind.TIMEOUT)), AfterCrash.RETRY)

    assert broken(end.evidence) == []
    assert end.state == unfaulted(course).state
