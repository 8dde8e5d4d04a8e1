"""The fault matrix, rows about the cluster: an API server in trouble, reads that lie, refusals, clocks, the Lease gone.

A test is a row; its parameter `stage` is the column. What stands as "n/a" in the matrix is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from invariants.objects import LEASE
from springtide.clock import Clock
from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from springtide.sandbox.world import World
from support.trials import EVERY, Stage, Trial, is_at

ENDED = {RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK}


@dataclass
class Window:
    """From the write of `stage` on, for `seconds`, what `meant` says of a call is faulty."""

    world: World
    stage: Stage
    fault: Fault
    seconds: float
    meant: Callable[[Call], bool] = lambda _call: True
    end: float | None = None

    def __call__(self, call: Call) -> Fault | None:
        """Return the fault of a call."""
        if self.end is None and is_at(self.stage, call, self.world):
            self.end = self.world.elapsed + self.seconds
        is_open = self.end is not None and self.world.elapsed <= self.end
        return self.fault if is_open and self.meant(call) else None


def ended(trial: Trial) -> Trial:
    """Let the reconciler end a run that its own tasks could not end."""
    for _ in range(3):
        lease = trial.world.get("leases", "shop", LEASE)
        if lease is None or not lease["spec"].get("holderIdentity") or trial.kept:
            return trial
        trial.reconciled()
    return trial


TROUBLE = {
    "429 for 10 s": (Fault(FaultKind.STATUS, status=429), 10.0),
    "500 for 10 s": (Fault(FaultKind.STATUS, status=500), 10.0),
    "500 after it took effect": (Fault(FaultKind.STATUS_AFTER, status=500), 0.01),
    "timeout": (Fault(FaultKind.ANSWER_TIMEOUT), 0.01),
    "away for 20 s": (Fault(FaultKind.REFUSED), 20.0),
    "away for 200 s": (Fault(FaultKind.REFUSED), 200.0),
}


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("problem", TROUBLE)
def test_api_server_in_trouble(stage: Stage, problem: str) -> None:
    """Tried again within the budget; what was sent is read and never sent blindly; a run that gave up is reconciled."""
    fault, seconds = TROUBLE[problem]
    trial = Trial.at(stage)
    trial.go(Window(trial.world, stage, fault, seconds))
    ended(trial)

    assert trial.broken() == []
    assert trial.kept or trial.is_as_before or trial.is_as_ordered
    assert seconds > 10 or trial.outcome in ENDED or (stage is Stage.BACK and trial.kept)


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("behind", [1, 3, 10, 30])
def test_reads_answer_as_of_the_past(stage: Stage, behind: int) -> None:
    """Nothing is watched (I-20), so no event can be missed and no 410 come; a read may lie, and the swap fails."""
    trial = Trial.at(stage)
    stale = Fault(FaultKind.STALE, behind=behind)
    trial.go(Window(trial.world, stage, stale, 0.2, lambda call: call.method == "GET"))
    ended(trial)

    assert trial.broken() == []
    assert trial.kept or trial.is_as_before or trial.is_as_ordered


@pytest.mark.parametrize("stage", EVERY)
def test_write_is_denied(stage: Stage) -> None:
    """RBAC, a webhook or a policy says no: the run fails at once with its words; what cannot be undone is kept."""
    trial = Trial.at(stage)
    denied: list[tuple[str, str]] = []

    def faults(call: Call) -> Fault | None:
        if is_at(stage, call, trial.world):
            denied.append((call.method, call.path))
        return Fault(FaultKind.STATUS, status=403) if (call.method, call.path) in denied else None

    began = trial.world.elapsed
    trial.go(faults)

    assert trial.broken() == []
    assert "403" in trial.message
    assert trial.kept if stage in {Stage.SWITCH, Stage.BACK} else trial.is_as_before
    assert trial.serving >= 2
    assert trial.world.elapsed - began < 120


class JumpingClock:
    """The wall clock of a machine that is set, or of another machine; monotonic time goes on as ever."""

    def __init__(self, clock: Clock, jump: timedelta) -> None:
        self._clock = clock
        self._jump = jump

    def now(self) -> datetime:
        """Return the wrong time of day."""
        return self._clock.now() + self._jump

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.sleep(seconds)


@pytest.mark.parametrize("stage", [Stage.BEFORE, Stage.AFTER])
@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(seconds=-30)])
def test_clock_jumps_back(stage: Stage, jump: timedelta) -> None:
    """The next task reads an earlier time of day: it waits no less; by an hour, so long that the run is undone."""
    trial = Trial.at(stage)
    task = {Stage.BEFORE: "instances_ready", Stage.AFTER: "endpoints_switched"}[stage]

    def jumped(name: str) -> None:
        if name == task:
            trial.simulation.clock = JumpingClock(trial.world.clock, jump)

    trial.driver.before_task = jumped
    trial.go(lambda _call: None)

    assert trial.broken() == []
    assert trial.outcome is RunOutcome.SUCCEEDED or (jump < -timedelta(minutes=1) and trial.is_as_before)


@pytest.mark.parametrize("stage", EVERY)
@pytest.mark.parametrize("late", [False, True], ids=["during the write", "after it"])
def test_lease_deleted_by_hand(stage: Stage, *, late: bool) -> None:
    """Nothing more is written in its name; both sets stay; a new Lease begins above what is stamped."""
    trial = Trial.at(stage)
    trial.struck(lambda: trial.delete("leases", LEASE), late=late)
    deleted = len(trial.evidence.writes)
    again = pipeline_words(trial)

    assert trial.broken("I-13", "I-26", "I-12") == []
    assert trial.outcome is RunOutcome.NEEDS_ATTENTION
    assert trial.serving >= 2
    assert len(trial.evidence.writes) == deleted
    assert again


def pipeline_words(trial: Trial) -> str:
    """Return what another run is told."""
    with pytest.raises(InputError) as caught:
        pipeline.run(trial.simulation.ports("run-2"), trial.simulation.request(3, "run-2"))
    return caught.value.message
