"""Upgrades and downgrades: a Lease whose run another springtide stored, free and held, beside runs of this one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import PermanentError
from springtide.kube.objects import Kind
from springtide.labels import STATE
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run.lease import Lease
from springtide.run.ports import Neighbours, Ports
from springtide.run.state import VERSION
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.objects import Json
from springtide.workload import Workload
from support.simulation import NAMESPACE, WORKLOAD, Simulation

OTHER = Workload(namespace=NAMESPACE, deployment="other", service="other")
QUOTA: Json = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "pods", "namespace": NAMESPACE},
    "spec": {"hard": {"pods": "50"}},
}
ORDERS: Json = {"name": "orders-db", "connections_per_replica": 10, "limit": 500}


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2)


def lease_of(simulation: Simulation) -> Json:
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    assert lease is not None
    return lease


def later(record: Json) -> Json:
    """Return a run as a springtide of tomorrow may store it: no field but the run's name is where ours is."""
    return {"version": VERSION + 1, "run_id": record["run_id"], "intent": {"workload": record["plan"]["target"]}}


def earlier(record: Json) -> Json:
    """Return a run as the springtide before this one stored it: its stable set is a Deployment."""
    snapshot = {**record["snapshot"], "stable": "web"}
    return {**record, "version": VERSION - 1, "snapshot": snapshot}


def rewrite(simulation: Simulation, form: Any) -> None:
    """Store the run of the workload's Lease in another `form`."""
    kube = simulation.ports("somebody").kube
    lease = Lease(kube.get(Kind.LEASE, NAMESPACE, WORKLOAD.lease_name))
    text = json.dumps(form(json.loads(lease.annotations[STATE])))
    kube.patch(Kind.LEASE, NAMESPACE, lease.name, {"metadata": {"annotations": {STATE: text}}}, version=lease.version)
    assert lease_of(simulation)["metadata"]["annotations"][STATE] == text


def crash(simulation: Simulation, run_id: str, match: Match) -> None:
    simulation.world.faults = FaultPlan().at(match, Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        simulation.run(4, run_id)
    simulation.world.faults = FaultPlan()
    simulation.world.settle()


def hold_other(simulation: Simulation) -> Json:
    """Let a run of a later springtide hold the Lease of another workload of the namespace; return that Lease."""
    state = {"version": VERSION + 1, "run_id": "tomorrow", "intent": {}}
    metadata = {"name": OTHER.lease_name, "namespace": NAMESPACE, "annotations": {STATE: json.dumps(state)}}
    spec = {"holderIdentity": "tomorrow", "leaseTransitions": 7}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    simulation.world.apply(lease)
    held = simulation.world.get("leases", NAMESPACE, OTHER.lease_name)
    assert held is not None
    return held


def swept(simulation: Simulation) -> ReconcileReport:
    return reconcile_round(simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)


@pytest.mark.parametrize("form", [later, earlier, lambda _: {}, lambda _: "gone"], ids=["later", "earlier", "{}", "x"])
def test_a_finished_run_never_keeps_the_next_one_from_its_workload(simulation: Simulation, form: Any) -> None:
    assert simulation.run(4, "before") is RunOutcome.SUCCEEDED
    generation = lease_of(simulation)["spec"]["leaseTransitions"]
    rewrite(simulation, form)

    assert simulation.run(3, "after") is RunOutcome.SUCCEEDED
    assert lease_of(simulation)["spec"]["leaseTransitions"] == generation + 1
    assert json.loads(lease_of(simulation)["metadata"]["annotations"][STATE])["version"] == VERSION
    assert swept(simulation) == ReconcileReport((), ())


@pytest.mark.parametrize(("form", "version"), [(later, VERSION + 1), (earlier, VERSION - 1)], ids=["later", "earlier"])
def test_a_run_of_another_version_keeps_its_workload_and_is_left_as_it_is(
    simulation: Simulation, form: Any, version: int
) -> None:
    crash(simulation, "tomorrow", Match(write=5))
    rewrite(simulation, form)
    before = lease_of(simulation)

    with pytest.raises(PermanentError, match=r"run 'tomorrow' owns the workload \(phase unknown"):
        simulation.run(3, "today")
    round_ = swept(simulation)

    assert lease_of(simulation) == before
    assert round_.runs == ()
    assert [(error.code, error.field) for error in round_.refused] == [("state_version", WORKLOAD.lease_name)]
    assert f"version {version}" in round_.refused[0].message
    assert "End run 'tomorrow' with the springtide that started it" in round_.refused[0].message


def test_another_workloads_run_of_a_later_version_keeps_no_run_of_this_one_from_going_on(
    simulation: Simulation,
) -> None:
    simulation.world.apply(QUOTA)
    other = hold_other(simulation)

    assert simulation.run(4) is RunOutcome.SUCCEEDED
    assert simulation.world.get("leases", NAMESPACE, OTHER.lease_name) == other


def test_another_workloads_run_of_a_later_version_keeps_no_abandoned_run_from_being_ended(
    simulation: Simulation,
) -> None:
    hold_other(simulation)
    crash(simulation, "gone", Match(write=5))

    round_ = swept(simulation)

    assert [(run.run_id, run.status) for run in round_.runs] == [("gone", ReconcileStatus.ENDED)]
    assert [error.field for error in round_.refused] == [OTHER.lease_name]


def sharing(simulation: Simulation) -> Ports:
    """Return ports that know of the other workload, which shares a database with this one."""
    documents = [simulation.policy.model_dump(mode="json") for _ in range(2)]
    documents[1]["metadata"]["name"] = "other"
    documents[1]["spec"]["target"] = {"namespace": NAMESPACE, "deployment": "other", "service": "other"}
    for document in documents:
        document["spec"]["downstream"] = [ORDERS]
    policies = tuple(map(ScalingPolicy.model_validate, documents))
    simulation.policy = policies[0]
    return replace(simulation.ports(), neighbours=lambda: Neighbours(policies))


def test_what_such_a_run_takes_of_a_database_and_a_quota_is_told_as_not_known(simulation: Simulation) -> None:
    from springtide.run.phases import calculate_capacity

    ports = sharing(simulation)
    simulation.world.apply(QUOTA)
    hold_other(simulation)

    plan = calculate_capacity(ports, simulation.request(4))

    unknown = {each.check: each.message for each in plan.findings if each.status.value == "not_checked"}
    assert "the replicas of other could not be read" in unknown["downstream"]
    assert "with run 'tomorrow' in flight" in unknown["downstream"]
    assert OTHER.lease_name in unknown["quota"]
