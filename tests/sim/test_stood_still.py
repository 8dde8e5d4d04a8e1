"""A run that stands still while others go on: what it has under way lands among theirs, and changes nothing.

It stands still at its claim, with a plan that was right when it looked; or at a write, while the next run has begun.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from invariants import Begin, Evidence, Terms, broken
from springtide import labels
from springtide.errors import Fenced, InputError, SpringtideError, WorkloadFailed
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.reconcile import reconcile
from springtide.run import phases, pipeline
from springtide.run.lease import read_lease
from springtide.run.ports import RunRef, RunRequest
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from springtide.workload import Workload
from support.builders import policy
from support.fleet import Fleet
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.task_driver import TaskDriver
from support.trials import void

START = 3


def succeeds(simulation: Simulation) -> None:
    simulation.run(5, "faster")


def fails(simulation: Simulation) -> None:
    """Let another run go there and back: everything looks as it was, and nothing is."""
    wrong = [{"http": {"path": "/healthz", "samples": 3, "expect": 204, "when": "after_switch"}}]
    spec = simulation.policy.model_dump(mode="json")["spec"]
    request = simulation.request(5, "faster")
    careful = simulation.policy
    simulation.policy = policy(**spec | {"smoke": wrong, "preflight": {"only_warn": ["smoke"]}})
    with pytest.raises(SpringtideError):
        pipeline.run(simulation.ports("faster"), replace(request, policy=simulation.policy))
    simulation.policy = careful


def begins(simulation: Simulation) -> None:
    """Let another run take its Lease and begin."""
    ports = simulation.ports("faster")
    request = simulation.request(5, "faster")
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


MEANWHILE: dict[Callable[[Simulation], None], tuple[type[SpringtideError], str]] = {
    succeeds: (WorkloadFailed, "plan_stale"),
    fails: (WorkloadFailed, "plan_stale"),
    begins: (Fenced, "service_busy"),
}


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize(("target", "meanwhile"), [(6, succeeds), (2, succeeds), (6, fails), (6, begins)])
def test_one_that_stood_still_at_its_claim_claims_over_nobody(
    strategy: str, target: int, meanwhile: Callable[[Simulation], None]
) -> None:
    simulation = Simulation.of(START - 1, strategy=strategy)
    simulation.run(START, "run-0")  # a Lease is there already, which is the usual case
    between: list[str] = []

    def faults(call: Call) -> Fault | None:
        if call.write and "/leases" in call.path and call.user_agent == "late" and not between:
            between.append(call.method)
            return Fault(FaultKind.PAUSE, meanwhile=lambda: meanwhile(simulation))
        return None

    simulation.world.faults = faults
    error, code = MEANWHILE[meanwhile]
    with pytest.raises(error) as caught:
        pipeline.run(simulation.ports("late"), simulation.request(target, "late"))
    simulation.world.faults = FaultPlan()

    assert caught.value.code == code
    assert between == ["PATCH"]
    assert [call for call in simulation.world.history.calls if call.user_agent == "late" and is_change(call)] == []
    lease = read_lease(simulation.ports().kube, WORKLOAD)
    assert lease is not None
    assert lease.run_id == "faster"


def is_change(call: Call) -> bool:
    """Say whether a call has changed something but the Lease."""
    return bool(call.write) and call.applied and "/leases" not in call.path


WRITES: dict[str, Callable[[Call], bool]] = {
    "pin": lambda call: call.path.endswith("/services/web") and labels.POD_TEMPLATE_HASH.encode() in call.body,
    "release": lambda call: "/replicasets/" in call.path and b'"ownerReferences"' in call.body,
    "growth": lambda call: call.path.endswith("/deployments/web/scale"),
}


@dataclass
class OneAfterTheOther:
    """Run 1 stands still at a write until reconcile has ended it, and run 2 stands between its pin and its release."""

    simulation: Simulation
    write: str
    second: TaskDriver
    is_frozen: bool = False
    is_crashed: bool = False
    since: int = 0

    def __call__(self, call: Call) -> Fault | None:
        """Return the fault of a call."""
        if call.user_agent == "run-1" and not self.is_frozen and call.write and WRITES[self.write](call):
            self.is_frozen = True
            return Fault(FaultKind.PAUSE, meanwhile=self._next_run)
        if call.user_agent == "run-2" and not self.is_crashed and call.write and WRITES["release"](call):
            self.is_crashed = True
            return Fault(FaultKind.CRASH_BEFORE)
        return None

    def _next_run(self) -> None:
        ended = reconcile(self.simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)
        assert [each.outcome for each in ended] == [RunOutcome.ROLLED_BACK]
        self.simulation.world.settle(quiet=5)
        ports = self.simulation.ports("run-2")
        self.second.plan = phases.calculate_capacity(ports, self.second.request)
        self.second.done.add("calculate_capacity")
        with pytest.raises(Crashed):
            phases.create_instances(ports, self.second.request, self.second.plan)
        self.since = self.simulation.world.store.revision


@pytest.mark.parametrize("write", WRITES)
def test_what_it_has_under_way_does_not_land_in_the_next_run(write: str) -> None:
    simulation = Simulation.of(START)
    begin = Begin.now(simulation.world)
    second = TaskDriver(simulation, simulation.request(5, "run-2"))
    turns = OneAfterTheOther(simulation, write, second)
    simulation.world.faults = turns

    TaskDriver(simulation, simulation.request(5, "run-1")).go()
    late = [call for call in simulation.world.history.calls if call.user_agent == "run-1" and is_change(call)]
    outcome = second.go()
    simulation.world.faults = FaultPlan()
    simulation.world.settle(quiet=20)

    assert turns.is_crashed
    assert [call.path for call in late if call.revisions[1] > turns.since] == []
    assert outcome is RunOutcome.SUCCEEDED
    assert broken(Evidence.of(simulation.world, begin, Terms(start=START, target=5, step=2))) == []
    assert len(simulation.world.pods(NAMESPACE)) == 5


def test_a_policy_whose_target_was_edited_while_the_plan_waited_touches_neither_workload() -> None:
    fleet = Fleet({"a": (), "b": ()})
    ports = fleet.ports()
    planned_for = ScalingPolicy.model_validate(fleet.document("a"))
    request = RunRequest(
        run_id="run-1", policy=planned_for, replicas=4, strategy=None, requested_by="a test", reason="a test"
    )
    plan = phases.calculate_capacity(ports, request)
    spec = planned_for.model_dump(mode="json")["spec"]
    target = {"namespace": NAMESPACE, "deployment": "b", "service": "b"}
    edited = policy(**spec | {"target": target}).model_copy(update={"metadata": planned_for.metadata})
    before = fleet.world.store.revision

    with pytest.raises(InputError) as caught:
        phases.create_instances(ports, replace(request, policy=edited), plan)
    for name in ("a", "b"):
        ref = RunRef(workload=Workload(namespace=NAMESPACE, deployment=name, service=name), run_id="run-1")
        assert phases.roll_back(ports, ref).message == "this run owns nothing, so there is nothing to undo"
        assert phases.report(ports, ref) is RunOutcome.FAILED

    assert (caught.value.code, caught.value.field) == ("plan_stale", "target")
    assert fleet.world.store.revision == before
    void(pipeline.run(ports, replace(request, run_id="run-2")))
    assert fleet.replicas() == {"a": 4, "b": 2}
