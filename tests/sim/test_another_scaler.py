"""Somebody else puts the old number back in the middle of a run: told before it where it shows, and at once in it."""

from __future__ import annotations

import pytest

from springtide.errors import Conflict
from springtide.plan.findings import FindingStatus
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.admission import plan_capacity
from springtide.run.ports import RunRef
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.task_driver import TaskDriver

CRON = "kubernetes-cronhpa-controller"


def put(simulation: Simulation, replicas: int, manager: str = CRON) -> None:
    """Write the number as a scaler does: with an object that it has read, and nothing else changed."""
    deployment = simulation.deployment("web")
    assert deployment is not None
    spec: Json = deployment["spec"] | {"replicas": replicas}
    simulation.world.apply({**deployment, "spec": spec}, manager=manager)


def begun(strategy: str, start: int, target: int) -> tuple[Simulation, RunRef]:
    """Return a run that has created its instances."""
    simulation = Simulation.of(start, strategy=strategy)
    request = simulation.request(target)
    ports = simulation.ports()
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    return simulation, RunRef(workload=WORKLOAD, run_id="run-1", cluster=plan.cluster)


def test_a_scaler_that_wrote_the_number_is_named_in_the_plan() -> None:
    simulation = Simulation.of(3, strategy="in_place")
    put(simulation, 2)
    simulation.world.settle()
    plan = plan_capacity(simulation.ports(), simulation.request(4))

    (told,) = [finding for finding in plan.findings if finding.check == "owner"]
    assert told.status is FindingStatus.WARNING
    assert f"spec.replicas of Deployment web is written by {CRON} (Update" in told.message


@pytest.mark.parametrize("strategy", ["in_place", "blue_green"])
def test_the_old_number_put_back_while_pods_come_ends_the_wait_at_once(strategy: str) -> None:
    simulation, ref = begun(strategy, 2, 4)
    put(simulation, 2)
    before = simulation.world.elapsed

    with pytest.raises(Conflict, match=f"{CRON} \\(Update.*set replicas to 2 during the run") as caught:
        phases.instances_ready(simulation.ports(), ref)

    assert caught.value.code == "replicas_changed"
    assert simulation.world.elapsed - before < 5


def test_a_number_between_the_two_is_somebody_elses_as_well() -> None:
    simulation, ref = begun("in_place", 2, 4)
    put(simulation, 3)

    with pytest.raises(Conflict, match=f"{CRON} .*set replicas to 3 during the run, which has 4 there now"):
        phases.instances_ready(simulation.ports(), ref)


def test_what_is_put_back_before_the_phase_is_over_is_not_written_again() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    request = simulation.request(4)
    plan = phases.calculate_capacity(simulation.ports(), request)
    undone: list[int] = []

    def undo(call: Call) -> None:
        deployment = simulation.deployment("web")
        if deployment is not None and deployment["spec"]["replicas"] == 4 and not undone:
            undone.append(call.number)
            put(simulation, 2)

    simulation.world.faults = undo
    with pytest.raises(Conflict, match=f"done already, and {CRON} .*put another number there since"):
        phases.create_instances(simulation.ports(), request, plan)

    last = simulation.deployment("web")
    assert last is not None
    assert last["spec"]["replicas"] == 2


def test_a_shrink_that_somebody_undoes_ends_at_once_with_the_name() -> None:
    simulation = Simulation.of(4, strategy="in_place")
    undone: list[int] = []

    def undo(call: Call) -> None:
        if not undone and b"instances_removed" in call.body:
            undone.append(call.number)
            put(simulation, 4)

    simulation.world.faults = undo
    driver = TaskDriver(simulation, simulation.request(2))

    assert driver.go() is not RunOutcome.SUCCEEDED
    assert undone
    assert [failure for failure in driver.failures if CRON in failure and "replicas to 4 during the run" in failure]


def test_a_read_that_is_late_is_nobodys_doing() -> None:
    simulation, ref = begun("in_place", 2, 4)
    seen: list[str] = []

    def late(call: Call) -> Fault | None:
        if call.path.endswith(f"/namespaces/{NAMESPACE}/deployments/web") and not seen:
            seen.append(call.path)
            return Fault(FaultKind.STALE, seconds=age)
        return None

    begin = simulation.world.elapsed
    simulation.world.settle()
    age = simulation.world.elapsed - begin + 1
    simulation.world.faults = late

    assert phases.instances_ready(simulation.ports(), ref).is_done
    assert seen
