"""The fault matrix, rows about whoever does the run: killed, silent, cleared, doubled, frozen, forgotten.

A test is a row; its parameter `stage` is the column. What stands as "n/a" in the matrix is not here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from invariants import Begin
from springtide.errors import Fenced, TemporaryError
from springtide.record.memory import MemoryStore
from springtide.record.model import PhaseRecord, RunOutcome, ScalingRun
from springtide.run import phases, pipeline
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from support.simulation import WORKLOAD
from support.task_driver import AfterCrash, TaskDriver
from support.trials import EVERY, Stage, Strike, Trial, crashing, void

CRASHES = [FaultKind.CRASH_BEFORE, FaultKind.CRASH_AFTER]
ended = {Stage.BACK: RunOutcome.ROLLED_BACK}


def expected(stage: Stage) -> RunOutcome:
    return ended.get(stage, RunOutcome.SUCCEEDED)


def writes_by(trial: Trial, agent: str) -> int:
    return sum(write.agent == agent for write in trial.evidence.writes)


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("crash", CRASHES)
def test_task_killed_after_any_write(stage: Stage, crash: FaultKind) -> None:
    """Every write, and not only these four: test_every_write.py."""
    trial = crashing(stage, crash, AfterCrash.RETRY, lambda _trial: None)

    assert trial.broken() == []
    assert trial.outcome is expected(stage)
    assert trial.is_as_before if stage is Stage.BACK else trial.is_as_ordered


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("crash", CRASHES)
def test_worker_node_lost_for_five_minutes(stage: Stage, crash: FaultKind) -> None:
    """The scheduler notices a lost worker after 300 s and more; the Lease is kept meanwhile, and the service serves."""
    trial = crashing(stage, crash, AfterCrash.RETRY, lambda trial: trial.world.advance(400))

    assert trial.broken() == []
    assert trial.outcome in {expected(stage), RunOutcome.ROLLED_BACK}  # a deadline may be over when it comes back
    assert trial.is_as_before or trial.is_as_ordered


@pytest.mark.parametrize("stage", [Stage.BEFORE, Stage.AFTER, Stage.BACK])
def test_triggerer_dead_or_stalled(stage: Stage) -> None:
    """Nobody looks for ten minutes: a wait ends late and never early. The switch itself is not deferred."""
    trial = Trial.at(stage)
    waiting = {Stage.BEFORE: "switch_endpoints", Stage.AFTER: "smoke_test", Stage.BACK: "roll_back"}[stage]
    trial.driver.before_task = lambda name: trial.world.advance(600) if name == waiting else None
    trial.go(lambda _call: None)

    assert trial.broken() == []
    assert trial.outcome is expected(stage)


@pytest.mark.parametrize("stage", EVERY)
def test_scheduler_dead(stage: Stage) -> None:
    """Between two tasks nothing happens for twenty minutes: nothing moves, and whatever serves goes on serving."""
    trial = Trial.at(stage)
    next_task = dict(
        zip(EVERY, ["instances_ready", "endpoints_switched", "instances_removed", "roll_back"], strict=True)
    )
    quiet: list[int] = []

    def stand_still(name: str) -> None:
        if name == next_task[stage]:
            before = len(trial.world.history.calls)
            trial.world.advance(1200)
            quiet.append(len(trial.world.history.calls) - before)

    trial.driver.before_task = stand_still
    trial.go(lambda _call: None)

    assert quiet == [0]
    assert trial.broken() == []
    assert trial.outcome is expected(stage)


class AwayStore(MemoryStore):
    """A store that does not answer."""

    def save(self, run: ScalingRun) -> None:
        raise TemporaryError(f"the store does not answer: {run.run_id}", code="store_unavailable")

    def save_phase(
        self, run_id: str, phase: PhaseRecord, *, reads: int = 0, following: PhaseRecord | None = None
    ) -> None:
        del following
        raise TemporaryError(f"the store does not answer: {run_id}, {phase.phase}, {reads}", code="store_unavailable")


@pytest.mark.parametrize("stage", EVERY)
def test_metadata_database_away_for_100_seconds(stage: Stage) -> None:
    """The task dies with its heartbeats, and on return a retry goes on."""

    def away(trial: Trial) -> None:
        trial.simulation.store = AwayStore()
        trial.world.advance(130)

    trial = crashing(stage, FaultKind.CRASH_AFTER, AfterCrash.RETRY, away)

    assert trial.broken() == []
    assert trial.outcome in {expected(stage), RunOutcome.ROLLED_BACK}
    assert trial.is_as_before or trial.is_as_ordered


@pytest.mark.parametrize("stage", EVERY)
def test_notifier_or_log_away(stage: Stage) -> None:
    trial = Trial.at(stage)

    def away() -> None:
        trial.simulation.store = AwayStore()

    trial.struck(away)

    assert trial.broken() == []
    assert trial.outcome is expected(stage)


@pytest.mark.parametrize(("stage", "crash", "outcome"), [
    (Stage.BEFORE, FaultKind.CRASH_BEFORE, RunOutcome.ROLLED_BACK),
    (Stage.BEFORE, FaultKind.CRASH_AFTER, RunOutcome.ROLLED_BACK),
    (Stage.SWITCH, FaultKind.CRASH_BEFORE, RunOutcome.ROLLED_BACK),
    (Stage.SWITCH, FaultKind.CRASH_AFTER, RunOutcome.ROLLED_BACK),
    (Stage.AFTER, FaultKind.CRASH_BEFORE, RunOutcome.SUCCEEDED),
    (Stage.AFTER, FaultKind.CRASH_AFTER, RunOutcome.SUCCEEDED),
    (Stage.BACK, FaultKind.CRASH_BEFORE, RunOutcome.ROLLED_BACK),
    (Stage.BACK, FaultKind.CRASH_AFTER, RunOutcome.ROLLED_BACK),
])  # fmt: skip
def test_dag_run_timed_out_marked_failed_or_deleted(stage: Stage, crash: FaultKind, outcome: RunOutcome) -> None:
    """Nobody retries: the reconciler undoes what was not proven and finishes what was, within two leases (I-26)."""
    died: list[float] = []
    trial = crashing(stage, crash, AfterCrash.RECONCILE, lambda trial: died.append(trial.world.elapsed))
    freed = trial.evidence.leases[-1]

    assert trial.broken() == []
    assert trial.outcome is outcome
    assert trial.is_as_ordered if outcome is RunOutcome.SUCCEEDED else trial.is_as_before
    assert freed.at - died[0] < 120


@pytest.mark.parametrize("stage", EVERY)
def test_task_cleared(stage: Stage) -> None:
    trial = crashing(stage, FaultKind.CRASH_AFTER, AfterCrash.CLEAR, lambda _trial: None)

    assert trial.broken() == []
    assert trial.outcome is expected(stage)


@pytest.mark.parametrize("stage", EVERY)
def test_old_run_cleared(stage: Stage) -> None:
    """A run that has ended is cleared while another is at work: its generation is over, and it writes nothing."""
    trial = Trial.at(stage)
    old = replace(trial.simulation.request(3, "run-0"), strategy="in_place")
    TaskDriver(trial.simulation, old).go()
    TaskDriver(trial.simulation, replace(trial.simulation.request(2, "run-00"), strategy="in_place")).go()
    trial.rest()
    trial.begin = Begin.now(trial.world)

    def cleared() -> None:
        assert TaskDriver(trial.simulation, old).go() is RunOutcome.FAILED
        for phase in (phases.switch_endpoints, phases.remove_old_instances):
            with pytest.raises(Fenced):
                phase(trial.simulation.ports("run-0"), RunRef(workload=WORKLOAD, run_id="run-0"))

    trial.struck(cleared)

    assert writes_by(trial, "run-0") == 0
    assert trial.broken() == []
    assert trial.outcome is expected(stage)


@pytest.mark.parametrize("stage", EVERY)
def test_two_runs_of_one_service(stage: Stage) -> None:
    """The second is refused with the first one's name, and has nothing to undo either."""
    trial = Trial.at(stage)
    refusals: list[str] = []

    def another() -> None:
        try:
            pipeline.run(trial.simulation.ports("run-2"), trial.simulation.request(5, "run-2"))
        except Fenced as error:
            refusals.append(error.message)
        phases.roll_back(trial.simulation.ports("run-2"), RunRef(workload=WORKLOAD, run_id="run-2"))

    trial.struck(another)

    assert len(refusals) == 1
    assert "run 'run-1' owns the workload" in refusals[0]
    assert writes_by(trial, "run-2") == 0
    assert trial.broken() == []
    assert trial.outcome is expected(stage)


@pytest.mark.parametrize("stage", EVERY)
def test_frozen_holder_wakes_after_its_lease_is_lost(stage: Stage) -> None:
    """It stands still right before a write, another ends its run, it wakes and sends: nothing of it takes effect."""
    trial = Trial.at(stage)
    trial.struck(trial.reconciled)

    assert trial.broken() == []
    assert trial.is_as_ordered if stage is Stage.AFTER else trial.is_as_before


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("number", range(1, 9))
def test_frozen_reconciler_wakes_after_another_took_its_place(stage: Stage, number: int) -> None:
    """It stands still at each of its writes, those to the Lease included, until another has ended the run."""
    trial = Trial.at(stage)
    crash = Strike(trial.world, stage, fault=Fault(FaultKind.CRASH_AFTER))
    writes = iter(range(1, 1000))

    def faults(call: Call) -> Fault | None:
        if call.user_agent == "reconcile" and call.write and next(writes) == number:
            return Fault(FaultKind.PAUSE, meanwhile=lambda: void(trial.reconciled("reconcile-2")))
        return crash(call)

    trial.driver.after_crash = AfterCrash.RECONCILE
    trial.go(faults)

    assert trial.broken() == []
    assert trial.is_as_ordered if stage is Stage.AFTER else trial.is_as_before
