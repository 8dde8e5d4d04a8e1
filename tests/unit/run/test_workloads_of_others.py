"""Workloads as people have them: with owners, quotas, neighbours and names of every kind. Whole plans in a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import ClusterRefused, InputError, PermanentError, WorkloadFailed
from springtide.kube.client import ServerVersion
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind, Version
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.admission import plan_capacity
from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from support.builders import policy
from support.courses import autoscaler
from support.simulation import NAMESPACE, WAITS, Simulation, web
from unit.sandbox.scenes import kubernetes_client

WAYS = ("blue_green", "in_place")


def finding(plan: ScalingPlan, check: str) -> Finding:
    (found,) = [each for each in plan.findings if each.check == check]
    return found


def planned(simulation: Simulation, replicas: int = 4) -> ScalingPlan:
    return plan_capacity(simulation.ports(), simulation.request(replicas))


def metadata(name: str, **more: Any) -> Json:
    return {"name": name, "namespace": NAMESPACE} | more


def owned_by(kind: str, simulation: Simulation) -> Simulation:
    """Put an object into the cluster that controls the Deployment `web`, as an operator's own resource does."""
    world = simulation.world
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("shop-web"), "data": {}})
    resource = world.get("configmaps", NAMESPACE, "shop-web")
    deployment = simulation.deployment("web")
    assert resource is not None
    assert deployment is not None
    owner = {"apiVersion": "v1", "kind": kind, "name": "shop-web", "uid": resource["metadata"]["uid"]}
    deployment["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    world.apply(deployment)
    world.settle()
    return simulation


@pytest.mark.parametrize("strategy", WAYS)
def test_an_operators_deployment_is_refused_with_the_operators_object(strategy: str) -> None:
    simulation = owned_by("ConfigMap", Simulation.of(2, strategy=strategy))
    found = finding(planned(simulation), "owner")

    assert found.status is FindingStatus.REFUSED
    assert "Deployment web belongs to ConfigMap shop-web" in found.message
    with pytest.raises(InputError, match="belongs to ConfigMap shop-web") as caught:
        simulation.run(4)
    assert caught.value.code == "workload_owned"
    assert [call for call in simulation.world.history.calls if call.write] == []


def test_an_owner_that_leaves_the_replicas_alone_may_be_known_to_the_policy() -> None:
    simulation = owned_by("ConfigMap", Simulation.of(2, strategy="in_place", only_warn=("owner",)))

    assert finding(planned(simulation), "owner").status is FindingStatus.WARNING
    assert simulation.run(4) is RunOutcome.SUCCEEDED


class Beside(LiveKube):
    """A cluster that has one Rollout and one Canary in its namespace, and tells another version than its own."""

    claims: dict[Kind, Json]
    hidden: Kind | None = None
    version = ServerVersion(1, 34)

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return what is there; as the real API server, refuse what is hidden before it says that it serves none."""
        if kind is self.hidden:
            raise ClusterRefused(f"list {kind.value} in {namespace}: refused with 403 Forbidden", code="rbac_missing")
        return (
            [self.claims[kind]]
            if kind in self.claims
            else super().list(kind, namespace, selector=selector, fields=fields)
        )

    def server_version(self) -> ServerVersion:
        """Return the version that the test chose."""
        return self.version


def beside(simulation: Simulation, **spec: str) -> Beside:
    kube = Beside(kubernetes_client(simulation.world), clock=simulation.world.clock)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment"} | spec
    kube.claims = {
        Kind.ROLLOUT: {"metadata": metadata("shop-rollout"), "spec": {"workloadRef": reference}},
        Kind.CANARY: {"metadata": metadata("shop-canary"), "spec": {"targetRef": reference}},
    }
    return kube


@pytest.mark.parametrize("strategy", WAYS)
def test_what_another_tool_took_over_is_refused_with_each_that_did(strategy: str) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    ports = replace(simulation.ports(), kube=beside(simulation, name="web"))
    plan = plan_capacity(ports, simulation.request(4))

    refused = [each for each in plan.findings if each.status is FindingStatus.REFUSED]
    assert [each.code for each in refused] == ["workload_owned", "workload_owned"]
    assert "Rollout shop-rollout has taken over Deployment web (spec.workloadRef)" in refused[0].message
    assert "Canary shop-canary has taken over Deployment web (spec.targetRef)" in refused[1].message


def test_what_another_tool_took_over_beside_it_is_no_obstacle() -> None:
    simulation = Simulation.of(2)
    ports = replace(simulation.ports(), kube=beside(simulation, name="web-other"))

    assert finding(plan_capacity(ports, simulation.request(4)), "owner").status is FindingStatus.PASSED


@pytest.mark.parametrize("hidden", [Kind.ROLLOUT, Kind.CANARY])
def test_what_nobody_may_see_is_not_checked_and_stops_no_run(hidden: Kind) -> None:
    simulation = Simulation.of(2)
    kube = beside(simulation, name="web-other")
    kube.hidden = hidden
    plan = plan_capacity(replace(simulation.ports(), kube=kube), simulation.request(4))

    found = finding(plan, "owner")
    assert (found.status, hidden.value in found.message) == (FindingStatus.NOT_CHECKED, True)
    assert [each for each in plan.findings if each.status is FindingStatus.REFUSED] == []


def test_only_what_sets_a_replica_set_aside_asks_for_the_servers_version() -> None:
    plans = {}
    for strategy in WAYS:
        simulation = Simulation.of(2, strategy=strategy)
        kube = beside(simulation, name="web-other")
        kube.version = ServerVersion(1, 26)
        plans[strategy] = plan_capacity(replace(simulation.ports(), kube=kube), simulation.request(4))

    refused = finding(plans["blue_green"], "server_version")
    assert (refused.status, refused.code) == (FindingStatus.REFUSED, "server_version_unsupported")
    assert {each.status for each in plans["in_place"].findings} == {FindingStatus.PASSED}


@pytest.mark.parametrize("strategy", WAYS)
@pytest.mark.parametrize("name", ["web-2", "web-canary", "web.v2"])
def test_a_neighbour_with_a_name_that_begins_alike_is_nobodys_business(name: str, strategy: str) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    own = simulation.deployment("web")
    assert own is not None
    carried = {"app": "something-else"}
    template = own["spec"]["template"] | {"metadata": {"labels": carried}}
    spec = {"replicas": 3, "selector": {"matchLabels": carried}, "template": template}
    simulation.world.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name), "spec": spec},
    )
    simulation.world.settle()

    plan = planned(simulation)
    assert {each.status for each in plan.findings} == {FindingStatus.PASSED}


def test_a_quota_without_room_for_one_more_replica_set_is_told_before() -> None:
    hard = {"count/replicasets.apps": "1"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata("objects"), "spec": {"hard": hard}}
    blue_green = Simulation.of(2)
    in_place = Simulation.of(2, strategy="in_place")
    for simulation in (blue_green, in_place):
        simulation.world.apply(quota)
        simulation.world.settle()

    found = finding(planned(blue_green), "quota")
    assert (found.status, found.code) == (FindingStatus.REFUSED, "quota_short")
    assert "count/replicasets.apps needs 1, 0 of 1 free" in found.message
    assert finding(planned(in_place), "quota").status is FindingStatus.PASSED


def called(name: str, strategy: str) -> Simulation:
    """Return a settled cluster in which the Deployment has this name, and its policy."""
    world = World(Settings(seed=1))
    manifests = web(2)
    manifests[1]["metadata"]["name"] = name
    world.apply(*manifests)
    if strategy == "floor":
        scaler = autoscaler(2)
        scaler["spec"]["scaleTargetRef"]["name"] = name
        world.apply(scaler)
    world.settle()
    target = {"namespace": NAMESPACE, "deployment": name, "service": "web"}
    return Simulation(world, MemoryStore(), policy(strategy=WAITS | {"type": strategy}, target=target))


@pytest.mark.parametrize("name", ["web.v2", "w" * 63])
@pytest.mark.parametrize("strategy", ["in_place", "floor", "blue_green"])
def test_a_name_with_dots_or_of_63_characters_is_scaled_like_any_other(name: str, strategy: str) -> None:
    simulation = called(name, strategy)

    assert pipeline.run(simulation.ports(), simulation.request(4)) is RunOutcome.SUCCEEDED
    deployment = simulation.deployment(name)
    assert deployment is not None
    assert deployment["status"]["readyReplicas"] == 4


def without_service(strategy: str, *, replicas: int = 2, node_pods: int = 500) -> Simulation:
    """Return a settled cluster with workers that nobody calls, and their policy."""
    world = World(Settings(seed=1, node_pods=node_pods))
    world.apply(*(each for each in web(replicas) if each["kind"] != "Service"))
    if strategy == "floor":
        world.apply(autoscaler(replicas))
    world.settle()
    target = {"namespace": NAMESPACE, "deployment": "web"}
    known = {"only_warn": ["nodes"]}
    chosen = policy(strategy=WAITS | {"type": strategy}, target=target, smoke=[], preflight=known)
    return Simulation(world, MemoryStore(), chosen)


@pytest.mark.parametrize("strategy", ["in_place", "floor"])
def test_workers_without_a_service_are_scaled_by_their_own_readiness(strategy: str) -> None:
    simulation = without_service(strategy)

    assert pipeline.run(simulation.ports("run-1"), simulation.request(5, "run-1")) is RunOutcome.SUCCEEDED
    grown = simulation.deployment("web")
    assert grown is not None
    assert grown["status"]["readyReplicas"] == 5
    assert [call.path for call in simulation.world.history.calls if "endpointslices" in call.path] == []


def test_workers_without_a_service_shrink_to_exactly_what_was_asked_for() -> None:
    simulation = without_service("in_place", replicas=6)

    assert pipeline.run(simulation.ports("run-1"), simulation.request(4, "run-1")) is RunOutcome.SUCCEEDED
    assert len([pod for pod in simulation.world.pods(NAMESPACE) if "deletionTimestamp" not in pod["metadata"]]) == 4


def test_workers_that_never_become_ready_are_taken_back() -> None:
    simulation = without_service("in_place", node_pods=3)

    with pytest.raises(WorkloadFailed):
        pipeline.run(simulation.ports("run-1"), simulation.request(5, "run-1"))
    assert simulation.store.latest()[0].outcome is RunOutcome.ROLLED_BACK
    restored = simulation.deployment("web")
    assert restored is not None
    assert restored["spec"]["replicas"] == 2


def test_a_switch_by_hand_without_a_service_is_refused_with_the_key_to_set() -> None:
    simulation = without_service("in_place")
    request = replace(simulation.request(4), strategy="blue_green")

    with pytest.raises(InputError, match=r"target\.service: .* names no Service") as caught:
        pipeline.run(simulation.ports(), request)
    assert caught.value.code == "service_missing"
    assert [call for call in simulation.world.history.calls if call.write] == []


@pytest.mark.parametrize("strategy", WAYS)
def test_what_a_webhook_added_when_the_deployment_was_created_stays(strategy: str) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    created = simulation.deployment("web")
    assert created is not None
    created["spec"]["template"]["metadata"]["annotations"] = {"signed.example.com": "sha256:1"}
    simulation.world.apply(created, manager="webhook")
    simulation.world.settle()

    assert simulation.run(4) is RunOutcome.SUCCEEDED
    scaled = simulation.deployment("web")
    assert scaled is not None
    assert scaled["spec"]["template"] == created["spec"]["template"]


class Signing(LiveKube):
    """A cluster whose webhook signs the pod template anew with each write of a Deployment, on its writer's account."""

    world: World

    def scale(
        self, kind: Kind, namespace: str, name: str, replicas: int, *, version: Version, dry_run: bool = False
    ) -> None:
        """Scale it; what admission changes on the way is the writer's by the API server's account."""
        super().scale(kind, namespace, name, replicas, version=version, dry_run=dry_run)
        if kind is Kind.DEPLOYMENT and not dry_run:
            written = self.world.get("deployments", namespace, name)
            assert written is not None
            signed = {"signed.example.com": str(written["metadata"]["resourceVersion"])}
            claim: Json = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {}}}}}
            entry = {"manager": "springtide", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": claim}
            written["metadata"]["managedFields"] = [entry]
            written["spec"]["template"]["metadata"]["annotations"] = signed
            self.world.apply(written)


@pytest.mark.parametrize(
    ("strategy", "outcome"), [("blue_green", RunOutcome.ROLLED_BACK), ("in_place", RunOutcome.NEEDS_ATTENTION)]
)
def test_a_webhook_that_changes_the_template_with_every_write_is_told_with_what_it_changes(
    strategy: str, outcome: RunOutcome
) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    kube = Signing(kubernetes_client(simulation.world), clock=simulation.world.clock)
    kube.world = simulation.world

    with pytest.raises(PermanentError) as caught:
        pipeline.run(replace(simulation.ports(), kube=kube), simulation.request(4))
    assert "(metadata.annotations differ)" in caught.value.message
    assert "A mutating webhook changed it as the run wrote to the Deployment" in caught.value.message
    assert simulation.store.latest()[0].outcome is outcome
