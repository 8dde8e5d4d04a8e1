"""Runs that nothing happens to, and runs that fail by themselves, in one process: every invariant holds.

The same in tasks, each a process of its own, and with something at each write: test_every_write.py.
"""

from __future__ import annotations

import pytest

from invariants import Begin, Evidence, broken
from springtide.errors import SpringtideError
from springtide.record.model import RunOutcome
from support.courses import FAILING, SUCCEEDING, Course, state_of


def expected(course: Course) -> RunOutcome:
    return RunOutcome.SUCCEEDED if course in SUCCEEDING else RunOutcome.ROLLED_BACK


@pytest.mark.parametrize("course", SUCCEEDING + FAILING, ids=lambda course: course.name)
def test_a_run_in_one_process_keeps_every_invariant(course: Course) -> None:
    simulation = course.simulation()
    begin = Begin.now(simulation.world)
    before = state_of(simulation)
    if expected(course) is RunOutcome.SUCCEEDED:
        simulation.run(course.target)
    else:
        with pytest.raises(SpringtideError):
            simulation.run(course.target)
    simulation.world.settle(quiet=20)

    assert broken(Evidence.of(simulation.world, begin, course.terms)) == []
    assert simulation.store.get("run-1").outcome is expected(course)
    assert (state_of(simulation) == before) is (expected(course) is RunOutcome.ROLLED_BACK)
