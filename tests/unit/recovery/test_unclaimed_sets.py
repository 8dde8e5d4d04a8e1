"""What a run set aside, and no Lease tells of any more: it is found by itself, and the run undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide import labels
from springtide.errors import PermanentError
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from springtide.run.ports import Ports, RunRef
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from support.simulation import NAMESPACE, WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")


def created(simulation: Simulation) -> Ports:
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    return ports


def switched(simulation: Simulation) -> Ports:
    ports = created(simulation)
    phases.instances_ready(ports, REF)
    phases.switch_endpoints(ports, REF)
    return ports


def proven(simulation: Simulation) -> Ports:
    ports = switched(simulation)
    phases.endpoints_switched(ports, REF)
    phases.smoke_test(ports, REF)
    return ports


def delete_lease(simulation: Simulation) -> None:
    simulation.world.core.writes.delete(KINDS["leases"], Ref("leases", NAMESPACE, WORKLOAD.lease_name))


def free_lease(simulation: Simulation) -> None:
    lease = dict(simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name) or {})
    simulation.world.apply(lease | {"spec": lease["spec"] | {"holderIdentity": None}}, manager="kubectl-edit")


def a_round(simulation: Simulation, *, alive: bool = False) -> ReconcileReport:
    report = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: alive)
    simulation.world.settle()
    return report


def sets_of(simulation: Simulation) -> list[tuple[str, int, bool]]:
    """Return each ReplicaSet with its replicas, and whether it is set aside."""
    return [
        (each["metadata"]["name"], each["spec"]["replicas"], labels.ASIDE_OF in each["metadata"].get("labels", {}))
        for each in simulation.world.store.select("replicasets", NAMESPACE)
    ]


def aside(simulation: Simulation) -> Json:
    sets: list[Json] = simulation.world.store.select("replicasets", NAMESPACE)
    return next(each for each in sets if labels.ASIDE_OF in each["metadata"].get("labels", {}))


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2)


@pytest.mark.parametrize("reach", [created, switched, proven])
def test_the_run_is_rolled_back_from_the_objects_alone(
    simulation: Simulation, reach: Callable[[Simulation], Ports]
) -> None:
    before = sets_of(simulation)
    reach(simulation)
    delete_lease(simulation)

    report = a_round(simulation)

    assert [(run.run_id, run.status, run.outcome.value) for run in report.runs] == [
        ("run-1", ReconcileStatus.ENDED, "rolled_back")
    ]
    assert sets_of(simulation) == before
    assert simulation.selector == {"app": "web"}
    assert report.refused == ()


@pytest.mark.parametrize(
    ("reach", "outcome"), [(created, "rolled_back"), (switched, "rolled_back"), (proven, "succeeded")]
)
def test_a_lease_that_somebody_gave_free_still_tells_how_far_the_run_came(
    simulation: Simulation, reach: Callable[[Simulation], Ports], outcome: str
) -> None:
    reach(simulation)
    free_lease(simulation)

    report = a_round(simulation)

    assert [(run.run_id, run.outcome.value) for run in report.runs] == [("run-1", outcome)]
    assert [is_aside for _, _, is_aside in sets_of(simulation)] == [False]


def test_a_run_that_a_lease_tells_of_is_its_business(simulation: Simulation) -> None:
    created(simulation)

    report = a_round(simulation, alive=True)

    assert [run.status for run in report.runs] == [ReconcileStatus.ALIVE]
    assert [is_aside for _, _, is_aside in sets_of(simulation)].count(True) == 1


def test_a_run_that_claims_to_be_alive_is_left_alone(simulation: Simulation) -> None:
    created(simulation)
    delete_lease(simulation)

    assert a_round(simulation, alive=True).runs == ()
    assert [is_aside for _, _, is_aside in sets_of(simulation)].count(True) == 1


@pytest.mark.parametrize("text", ["{}", "not JSON", None])
def test_a_set_of_which_nobody_can_tell_where_it_belongs_is_told(simulation: Simulation, text: Any) -> None:
    created(simulation)
    delete_lease(simulation)
    replica_set = aside(simulation)
    annotations = {**replica_set["metadata"]["annotations"], labels.ASIDE: text}
    known = {key: value for key, value in annotations.items() if value is not None}
    metadata = {**replica_set["metadata"], "annotations": known}
    simulation.world.apply({**replica_set, "metadata": metadata}, manager="kubectl-edit")

    report = a_round(simulation)

    (refused,) = report.refused
    assert isinstance(refused, PermanentError)
    assert (refused.code, refused.field) == ("aside_unreadable", replica_set["metadata"]["name"])
    assert aside(simulation)["spec"] == replica_set["spec"]


def test_nothing_new_begins_beside_it(simulation: Simulation) -> None:
    created(simulation)
    delete_lease(simulation)

    with pytest.raises(PermanentError, match=r"is set aside of Deployment web by run 'run-1'"):
        simulation.run(5, "run-2")
