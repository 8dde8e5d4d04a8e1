"""Two tasks of one run at once: one was marked as failed, or left by its supervisor, and writes for seconds more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import pytest

from invariants import Begin, Evidence, Terms, broken
from invariants.writes import body_of, is_only_stamp
from springtide.errors import Fenced, SpringtideError
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from support.interleaving import Interleaving
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.trials import FORWARD, Stage, Trial

REF = RunRef(workload=WORKLOAD, run_id="run-1")
BEFORE_THE_REMOVAL = (
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
)


@dataclass
class LateRemoval:
    """The removal's write stands still for as long as the way back takes to point back, and lands after that."""

    simulation: Simulation
    number: int
    seen: int = 0
    is_stopped: bool = False
    errors: list[SpringtideError] = field(default_factory=list)

    def __call__(self, call: Call) -> Fault | None:
        """Return the fault of a call."""
        removes = call.write and "/replicasets/" in call.path and call.user_agent == "removal"
        if removes:
            self.seen += 1
            if self.seen == self.number:
                return Fault(FaultKind.PAUSE, meanwhile=self._turn_back)
        if call.user_agent == "way back" and b"switched-at" in call.body and not self.is_stopped:
            self.is_stopped = True
            return Fault(FaultKind.CRASH_AFTER)  # one thread plays both tasks: the way back goes on further down
        return None

    def _turn_back(self) -> None:
        with pytest.raises(Crashed):
            phases.roll_back(self.simulation.ports("way back"), REF)
        self.simulation.world.advance(5)


def up_to_the_removal(simulation: Simulation, target: int) -> None:
    ports = simulation.ports("removal")
    request = simulation.request(target)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    for phase in BEFORE_THE_REMOVAL:
        phases.run_phase(ports, REF, phase)


@pytest.mark.parametrize(("start", "target"), [(3, 6), (6, 3)])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_late_removal_takes_nothing_from_what_the_way_back_points_at(start: int, target: int, number: int) -> None:
    simulation = Simulation.of(start, propagation="30s", drain="1s")
    begin = Begin.now(simulation.world)
    up_to_the_removal(simulation, target)
    late = LateRemoval(simulation, number)
    simulation.world.faults = late

    with pytest.raises(Fenced):
        phases.remove_old_instances(simulation.ports("removal"), REF)

    simulation.world.faults = FaultPlan()
    phases.roll_back(simulation.ports("way back"), REF)
    assert late.is_stopped
    assert phases.report(simulation.ports("report"), REF) is RunOutcome.ROLLED_BACK
    simulation.world.settle(quiet=20)
    assert len(simulation.world.pods(NAMESPACE)) == start
    assert broken(Evidence.of(simulation.world, begin, Terms(start=start, target=target, propagation=30, step=2))) == []


def test_what_a_late_phase_reports_does_not_change_how_the_run_ended() -> None:
    simulation = Simulation.of(3)
    up_to_the_removal(simulation, 6)
    phases.roll_back(simulation.ports("way back"), REF)

    for phase in (Phase.REMOVE_OLD_INSTANCES, Phase.INSTANCES_REMOVED):
        with pytest.raises(Fenced):
            phases.run_phase(simulation.ports("removal"), REF, phase)

    assert phases.report(simulation.ports("report"), REF) is RunOutcome.ROLLED_BACK


def turned_back(trial: Trial) -> None:
    """Let another task begin the way back, and die when it has stamped everything and changed nothing yet."""
    strike = trial.world.faults
    trial.world.faults = before_a_change
    with pytest.raises(Crashed):
        phases.roll_back(trial.simulation.ports("way back"), REF)
    trial.world.faults = strike


def before_a_change(call: Call) -> Fault | None:
    is_change = call.write and "/leases" not in call.path and not is_only_stamp(body_of(call))
    return Fault(FaultKind.CRASH_BEFORE) if is_change else None


@pytest.mark.parametrize("stage", FORWARD)
def test_what_a_forward_task_has_under_way_ends_where_the_way_back_begins(stage: Stage) -> None:
    """Its swap is lost to a stamp; it looks again, finds that all is as it wants it, and would write once more."""
    trial = Trial.at(stage)
    trial.struck(lambda: turned_back(trial))

    assert trial.broken() == []
    assert "run 'run-1' is being rolled back in generation" in trial.message
    assert trial.outcome is RunOutcome.ROLLED_BACK
    assert trial.is_as_before


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_removal_and_a_way_back_that_go_on_side_by_side_end_in_a_known_state(seed: int) -> None:
    """A call of the one, some of the other, in an order that `seed` chooses: the way back wins, wherever it begins."""
    simulation = Simulation.of(4, propagation="10s", drain="1s")
    begin = Begin.now(simulation.world)
    up_to_the_removal(simulation, 6)
    together = Interleaving(seed)
    calls_ahead = Random(seed).randrange(80)

    def remove() -> None:
        with suppress(SpringtideError):
            phases.remove_old_instances(simulation.ports("removal"), REF)

    def turn_back() -> None:
        for _ in range(calls_ahead):
            together.switch()
        with suppress(SpringtideError):
            phases.roll_back(simulation.ports("way back"), REF)

    simulation.world.faults = lambda _call: together.switch()
    together.run(remove, turn_back)
    simulation.world.faults = FaultPlan()
    simulation.world.settle(quiet=20)
    outcome = phases.report(simulation.ports("report"), REF)

    assert outcome in {RunOutcome.ROLLED_BACK, RunOutcome.FAILED}  # failed: the stable set was gone already
    assert len(simulation.world.pods(NAMESPACE)) == (4 if outcome is RunOutcome.ROLLED_BACK else 6)
    assert broken(Evidence.of(simulation.world, begin, Terms(start=4, target=6, propagation=10, step=2))) == []
