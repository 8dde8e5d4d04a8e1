"""Somebody pulls the switch at each write of a run, of every strategy: nothing is lost, and resuming ends it right.

The ConfigMap appears while the write is on its way, so that write is the last one that nobody can stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from invariants import Begin, Evidence, broken
from invariants.writes import Write
from springtide.errors import SpringtideError
from springtide.record.model import RunOutcome
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run import halt, pipeline
from springtide.run.halt import CONFIG_MAP, FRESH_SECONDS
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from support.courses import FAILING, SUCCEEDING, Course, points_in_one_process, state_of, unfaulted, untouched
from support.simulation import NAMESPACE, Simulation

pytestmark = pytest.mark.at_each_write

HALF_WAY = {"I-26"}
"""The invariant of a proven end: a run that is halted half-way waits for it."""

WORDS = "ann: the load balancer of the sale is down"


def config_map() -> Json:
    metadata = {"name": CONFIG_MAP, "namespace": NAMESPACE}
    data = {"by": "ann", "why": "the load balancer of the sale is down"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@dataclass
class Scene:
    """A run that somebody halts at one of its writes."""

    course: Course
    simulation: Simulation
    begin: Begin
    halted_at: float = 0.0
    error: SpringtideError | None = None

    @classmethod
    def of(cls, course: Course, write: int) -> Scene:
        simulation = course.simulation()
        scene = cls(course, simulation, Begin.now(simulation.world))
        pause = Fault(FaultKind.PAUSE, meanwhile=scene.pull)
        simulation.world.faults = FaultPlan().at(Match(write=write), pause)
        return scene

    def pull(self) -> None:
        self.simulation.world.apply(config_map(), manager="kubectl")
        self.halted_at = self.simulation.world.elapsed

    def run(self) -> None:
        try:
            pipeline.run(self.simulation.ports("run-1"), self.simulation.request(self.course.target))
        except SpringtideError as error:
            self.error = error
        assert self.halted_at, "nobody pulled the switch: there is no such write"

    def resume(self) -> None:
        self.simulation.world.core.writes.delete(KINDS["configmaps"], Ref("configmaps", NAMESPACE, CONFIG_MAP))
        self.simulation.world.advance(FRESH_SECONDS)

    def reconcile(self) -> ReconcileReport:
        return reconcile_round(self.simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)

    @property
    def evidence(self) -> Evidence:
        self.simulation.world.settle(quiet=20)
        return Evidence.of(self.simulation.world, self.begin, self.course.terms)

    def late_writes(self, evidence: Evidence, *, after: float = 0.0) -> list[Write]:
        """Return what was written to the workload more than `after` seconds later than the halt."""
        return [write for write in evidence.workload_writes if write.at > self.halted_at + after]

    @property
    def outcome(self) -> RunOutcome:
        return self.simulation.store.get("run-1").outcome


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no answer about the switch be remembered, so that each write is the one that finds it pulled."""
    monkeypatch.setattr(halt, "FRESH_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("course", "number"), points_in_one_process(SUCCEEDING))
def test_nothing_is_written_while_it_is_halted_and_what_was_left_is_ended_after_it(course: Course, number: int) -> None:
    scene = Scene.of(course, number)
    scene.run()
    halted = scene.evidence
    is_left = scene.outcome is RunOutcome.NEEDS_ATTENTION

    assert broken(halted, but=HALF_WAY) == []
    assert scene.late_writes(halted) == []
    if scene.error is None:
        assert scene.outcome is RunOutcome.SUCCEEDED
    else:
        assert scene.error.code == "halted"
        assert WORDS in scene.error.message
        assert scene.outcome in {RunOutcome.NEEDS_ATTENTION, RunOutcome.HALTED}

    left = scene.reconcile()

    assert [run.status for run in left.runs] == [ReconcileStatus.HALTED] * is_left
    assert all(WORDS in run.message for run in left.runs)
    assert left.problems == ()
    assert scene.late_writes(scene.evidence) == []

    scene.resume()
    ended = scene.reconcile()

    assert [run.status for run in ended.runs] == [ReconcileStatus.ENDED] * is_left
    assert broken(scene.evidence) == []
    assert repr(state_of(scene.simulation)) in {untouched(course), repr(unfaulted(course).state)}


@pytest.mark.parametrize(("course", "number"), points_in_one_process(SUCCEEDING))
def test_a_write_goes_out_after_the_halt_only_while_the_last_answer_counts(course: Course, number: int) -> None:
    scene = Scene.of(course, number)
    scene.run()
    evidence = scene.evidence

    assert broken(evidence, but=HALF_WAY) == []
    assert scene.late_writes(evidence, after=FRESH_SECONDS) == []

    scene.resume()
    scene.reconcile()

    assert broken(scene.evidence) == []
    assert repr(state_of(scene.simulation)) in {untouched(course), repr(unfaulted(course).state)}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("course", "number"), points_in_one_process(FAILING))
def test_a_run_that_fails_by_itself_goes_back_as_far_as_serving_needs_it(course: Course, number: int) -> None:
    scene = Scene.of(course, number)
    scene.run()
    evidence = scene.evidence

    assert broken(evidence, but=HALF_WAY) == []
    assert evidence.losses == ()
    assert [write.method for write in scene.late_writes(evidence) if write.method == "DELETE"] == []

    scene.resume()
    scene.reconcile()

    assert broken(scene.evidence) == []
    assert repr(state_of(scene.simulation)) == untouched(course)
