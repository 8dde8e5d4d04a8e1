"""The preflight of a whole run: everything is looked at, nothing is written, and what may not be seen is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from springtide.errors import InputError
from springtide.kube.live import LiveKube
from springtide.plan.findings import FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import pipeline
from springtide.run.admission import plan_capacity
from springtide.run.ports import Neighbours, Ports
from springtide.sandbox.objects import Json
from support.builders import policy
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation
from unit.sandbox.scenes import kubernetes_client

ORDERS = {"name": "orders", "connections_per_replica": 10, "limit": 100, "reserve": 20}


def status(plan: ScalingPlan, check: str) -> FindingStatus:
    (finding,) = [finding for finding in plan.findings if finding.check == check]
    return finding.status


def small_quota(pods: int) -> Json:
    metadata = {"name": "small", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": str(pods)}}}


def with_downstream(chosen: ScalingPolicy, **entry: Any) -> ScalingPolicy:
    return policy(**chosen.model_dump(mode="json")["spec"] | {"downstream": [ORDERS | entry]})


def test_a_plan_holds_every_finding_and_writes_nothing() -> None:
    simulation = Simulation.of(2)
    plan = plan_capacity(simulation.ports(), simulation.request(4))

    checks = ["quota", "nodes", "disruption_budget", "image", "grace", "deadlines", "deadlines", "rights"]
    checks += ["owner", "server_version", "gitops", "downstream", "smoke", "smoke", "admission"]
    assert [finding.check for finding in plan.findings] == checks
    assert {finding.status for finding in plan.findings} == {FindingStatus.PASSED}
    assert [call for call in simulation.world.history.calls if call.write] == []
    assert ScalingPlan.from_record(plan.to_record()) == plan


def test_a_run_is_refused_before_it_writes_anything_with_all_reasons() -> None:
    simulation = Simulation.of(2)
    simulation.world.apply(small_quota(5))
    simulation.world.settle()
    request = replace(simulation.request(4), policy=with_downstream(simulation.policy, limit=60))

    with pytest.raises(InputError) as caught:
        pipeline.run(simulation.ports(), request)

    assert caught.value.code == "quota_short"
    assert "pods needs 4, 3 of 5 free" in caught.value.message
    assert "60 connections at the peak (web 6 replicas x 10), 40 may be used" in caught.value.message
    assert [call for call in simulation.world.history.calls if call.write] == []
    kept = simulation.store.get("run-1").plan
    assert kept is not None
    assert [finding["check"] for finding in kept["findings"] if finding["status"] == "refused"] == [
        "quota",
        "downstream",
    ]


def neighbour(service: str, /, **entry: Any) -> ScalingPolicy:
    target = {"namespace": NAMESPACE, "deployment": service, "service": service}
    document = policy(target=target, downstream=[ORDERS | entry]).model_dump(mode="json")
    return ScalingPolicy.model_validate(document | {"metadata": {"name": service, "owner": "team"}})


def shared(simulation: Simulation, *others: ScalingPolicy, unread: tuple[str, ...] = ()) -> ScalingPlan:
    request = replace(simulation.request(4), policy=with_downstream(simulation.policy))
    ports: Ports = replace(simulation.ports(), neighbours=lambda: Neighbours(others, unread))
    return plan_capacity(ports, request)


def with_search(replicas: int) -> Simulation:
    """Return the workload `web`, and `search` beside it."""
    simulation = Simulation.of(2)
    deployment = simulation.deployment("web")
    assert deployment is not None
    labels = {"app": "search"}
    template = deployment["spec"]["template"] | {"metadata": {"labels": labels}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": "search", "namespace": NAMESPACE}
    simulation.world.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    simulation.world.settle()
    return simulation


@pytest.mark.parametrize(("replicas", "expected"), [(2, FindingStatus.PASSED), (3, FindingStatus.REFUSED)])
def test_services_that_share_a_database_share_its_connections(replicas: int, expected: FindingStatus) -> None:
    assert status(shared(with_search(replicas), neighbour("search")), "downstream") is expected


def test_the_strictest_limit_that_anybody_names_counts() -> None:
    assert status(shared(with_search(2), neighbour("search", limit=90)), "downstream") is FindingStatus.REFUSED


def test_another_database_is_another_ledger() -> None:
    assert status(shared(with_search(3), neighbour("search", name="other")), "downstream") is FindingStatus.PASSED


def test_a_policy_that_cannot_be_read_might_share_it_too() -> None:
    assert status(shared(with_search(1), unread=("broken",)), "downstream") is FindingStatus.NOT_CHECKED


def test_a_shrink_is_not_refused_for_connections_that_are_over_already() -> None:
    simulation = Simulation.of(4, strategy="in_place")
    chosen = with_downstream(simulation.policy, limit=30)
    plan = plan_capacity(simulation.ports(), replace(simulation.request(2), policy=chosen))

    assert status(plan, "downstream") is FindingStatus.WARNING


RBAC = Path(__file__).parents[3] / "deploy" / "kubernetes" / "rbac.yaml"


def shipped() -> list[Json]:
    """Return the rules of the Role that springtide asks for."""
    documents = YAML(typ="safe", pure=True).load_all(RBAC)
    (role,) = [document for document in documents if document["kind"] == "Role"]
    return list(role["rules"])


def planned_under(rules: list[Json], simulation: Simulation) -> ScalingPlan:
    """Return the plan that a service account with these rules gets."""
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": "springtide", "namespace": NAMESPACE}
    subject = {"kind": "ServiceAccount", "name": "springtide", "namespace": NAMESPACE}
    bound = {"roleRef": {"apiGroup": rbac, "kind": "Role", "name": "springtide"}, "subjects": [subject]}
    simulation.world.apply(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": metadata} | bound,
    )
    token = simulation.world.access.service_account_token(NAMESPACE, "springtide")
    kube = LiveKube(kubernetes_client(simulation.world, token), clock=simulation.world.clock)
    return plan_capacity(replace(simulation.ports(), kube=kube), simulation.request(4))


def with_autoscaler(strategy: str, kind: str) -> Simulation:
    simulation = Simulation.of(2, strategy=strategy)
    if kind == "hpa":
        simulation.world.apply(autoscaler(2))
    if kind == "keda":
        spec = {"minReplicaCount": 2, "maxReplicaCount": 9, "scaleTargetRef": {"name": "web"}}
        metadata = {"name": "web", "namespace": NAMESPACE}
        keda = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}
        simulation.world.apply(keda)
    simulation.world.settle()
    return simulation


WAYS = [("blue_green", ""), ("in_place", ""), ("floor", "hpa"), ("floor", "keda")]


@pytest.mark.parametrize(("strategy", "kind"), WAYS)
def test_the_shipped_role_is_enough_and_hides_nothing_but_the_nodes(strategy: str, kind: str) -> None:
    plan = planned_under(shipped(), with_autoscaler(strategy, kind))

    assert [finding for finding in plan.findings if finding.status is FindingStatus.REFUSED] == []
    assert [finding.check for finding in plan.findings if finding.status is FindingStatus.NOT_CHECKED] == ["nodes"]


def test_what_a_role_hides_is_not_checked_and_what_it_lacks_is_named() -> None:
    gone = ({"resourcequotas"}, {"poddisruptionbudgets"}, {"deployments/scale"})
    rules = [rule for rule in shipped() if set(rule["resources"]) not in gone]
    plan = planned_under(rules, Simulation.of(2))

    unseen = [finding.check for finding in plan.findings if finding.status is FindingStatus.NOT_CHECKED]
    assert unseen == ["quota", "nodes", "disruption_budget"]
    (refused,) = [finding for finding in plan.findings if finding.status is FindingStatus.REFUSED]
    assert refused.code == "rbac_missing"
    assert "1 of 17" in refused.message
    assert "patch deployments/scale.apps web" in refused.message
