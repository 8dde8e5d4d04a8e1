"""Somebody aborts a run at each of its writes, of every strategy: it rolls back, or says that it was too late.

The request stands on the Lease while the write is on its way, so that write is the last one forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from invariants import Begin, Evidence, broken
from springtide.errors import NotFound, SpringtideError
from springtide.record.model import RunOutcome
from springtide.recovery.rounds import reconcile_round
from springtide.run import pipeline
from springtide.run.aborting import await_abort, request_abort
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from support.courses import FAILING, SUCCEEDING, Course, points_in_one_process, state_of, unfaulted, untouched
from support.simulation import NAMESPACE, WORKLOAD, Simulation

pytestmark = pytest.mark.at_each_write

WORDS = "aborted by ann: the new pods are slow"


@dataclass
class Scene:
    """A run that somebody aborts at one of its writes; `refused` is why that could not be asked."""

    course: Course
    simulation: Simulation
    begin: Begin
    refused: SpringtideError | None = None
    error: SpringtideError | None = None

    @classmethod
    def of(cls, course: Course, write: int, *also: Fault) -> Scene:
        simulation = course.simulation()
        scene = cls(course, simulation, Begin.now(simulation.world))
        faults = FaultPlan().at(Match(write=write), Fault(FaultKind.PAUSE, meanwhile=scene.abort))
        for fault in also:
            faults = faults.at(Match(write=write + 1), fault)
        simulation.world.faults = faults
        return scene

    def abort(self) -> None:
        try:
            request_abort(self.simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="the new pods are slow")
        except SpringtideError as error:
            self.refused = error

    def run(self) -> None:
        try:
            pipeline.run(self.simulation.ports("run-1"), self.simulation.request(self.course.target))
        except SpringtideError as error:
            self.error = error

    @property
    def evidence(self) -> Evidence:
        self.simulation.world.settle(quiet=20)
        return Evidence.of(self.simulation.world, self.begin, self.course.terms)

    @property
    def outcome(self) -> RunOutcome:
        return self.simulation.store.get("run-1").outcome


@pytest.mark.parametrize(("course", "number"), points_in_one_process(SUCCEEDING))
def test_the_run_rolls_back_or_was_past_its_way_back(course: Course, number: int) -> None:
    scene = Scene.of(course, number)
    scene.run()
    evidence = scene.evidence

    assert broken(evidence) == []
    assert evidence.losses == ()
    if scene.error is not None:
        assert (scene.error.code, scene.outcome) == ("aborted", RunOutcome.ROLLED_BACK)
        assert WORDS in (scene.simulation.store.get("run-1").error or {})["message"]
        assert repr(state_of(scene.simulation)) == untouched(course)
    else:
        assert scene.outcome is RunOutcome.SUCCEEDED
        assert repr(state_of(scene.simulation)) == repr(unfaulted(course).state)
        end = await_abort(scene.simulation.ports("ann"), WORKLOAD, "run-1", at_most=timedelta(seconds=1))
        assert scene.refused is not None or "too late" in end.message


@pytest.mark.parametrize(("course", "number"), points_in_one_process(FAILING))
def test_a_run_that_fails_by_itself_is_undone_all_the_same(course: Course, number: int) -> None:
    scene = Scene.of(course, number)
    scene.run()

    assert broken(scene.evidence) == []
    assert scene.outcome in {RunOutcome.ROLLED_BACK, RunOutcome.FAILED}
    assert repr(state_of(scene.simulation)) == untouched(course)


@pytest.mark.parametrize(("course", "number"), points_in_one_process(SUCCEEDING))
def test_what_dies_behind_the_request_is_ended_by_the_next_round(course: Course, number: int) -> None:
    scene = Scene.of(course, number, Fault(FaultKind.CRASH_BEFORE))
    try:
        scene.run()
    except Crashed:
        scene.simulation.world.faults = FaultPlan()
        report = reconcile_round(scene.simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)
        assert report.problems == ()

    assert broken(scene.evidence) == []
    ends = {untouched(course), repr(unfaulted(course).state)}
    assert repr(state_of(scene.simulation)) in ends
    with pytest.raises(NotFound):
        request_abort(scene.simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="again")
