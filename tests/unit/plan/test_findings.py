"""Each check of the preflight: both numbers and what to do next when it refuses, and the reason when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from springtide.capacity.combine import requested
from springtide.errors import InputError
from springtide.kube.objects import Json, Pod
from springtide.plan.findings import Finding, FindingStatus, downgraded, require_passed
from springtide.plan.footprint import Footprint, footprint, pod_amounts
from springtide.plan.ledger import Share, ledger_findings
from springtide.plan.model import ScalingPlan
from springtide.plan.planner import make_plan
from springtide.plan.room import NodesSeen, node_finding, quota_findings
from springtide.plan.surroundings import budget_findings, gitops_findings, image_findings, maximum_finding
from springtide.policy.scaling.downstream import Downstream
from springtide.policy.scaling.strategy import Floor
from support.builders import NOW, SetBuilder, hpa, observation, policy, scaled_object, service

POD = {"containers": [{"resources": {"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"cpu": "1"}}}]}
REFUSED = FindingStatus.REFUSED
PASSED = FindingStatus.PASSED
WARNING = FindingStatus.WARNING
NOT_CHECKED = FindingStatus.NOT_CHECKED


def plan(replicas: int, current: int = 3, strategy: str = "blue_green") -> ScalingPlan:
    wanted = requested(replicas, now=NOW)
    guards = {"step_up": "100x", "step_down": "100%"}
    return make_plan(policy(guards=guards), wanted, current=current, strategy=strategy, now=NOW, explicit=True)


def need(replicas: int, current: int = 3, **strategy: Any) -> Footprint:
    settings = policy(strategy={"type": "blue_green"} | strategy).spec.strategy
    return footprint(plan(replicas, current), settings, running=current, pod_spec=POD)


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("current", "replicas", "strategy", "more"),
    [
        (3, 6, {}, 6),
        (6, 3, {}, 6),
        (3, 6, {"overlap": "batched", "batch": 2}, 5),
        (6, 3, {"overlap": "batched", "batch": 2}, 2),
        (3, 6, {"type": "in_place"}, 3),
        (6, 3, {"type": "in_place"}, 0),
        (3, 11, {"type": "floor"}, 8),
    ],
)
def test_the_overlap_of_two_sets_counts(current: int, replicas: int, strategy: Json, more: int) -> None:
    assert need(replicas, current, **strategy).pods == more


def test_a_pod_asks_for_what_the_scheduler_counts() -> None:
    init = {"resources": {"requests": {"cpu": "2"}}}
    sidecar = {"restartPolicy": "Always", "resources": {"requests": {"cpu": "250m"}}}
    spec = POD | {"initContainers": [init, sidecar], "overhead": {"memory": "10Mi"}}

    assert pod_amounts(POD, "requests") == {"cpu": Decimal("0.5"), "memory": Decimal(256 * 1024**2)}
    assert pod_amounts(POD, "limits") == {"cpu": Decimal(1)}
    assert pod_amounts(spec, "requests") == {"cpu": Decimal(2), "memory": Decimal(266 * 1024**2)}


def quota(hard: dict[str, str], used: dict[str, str], **spec: Any) -> Json:
    return {"metadata": {"name": "small"}, "spec": {"hard": hard} | spec, "status": {"used": used}}


@pytest.mark.parametrize(
    ("hard", "used", "message"),
    [
        ({"pods": "8"}, {"pods": "3"}, "pods needs 6, 5 of 8 free"),
        ({"requests.cpu": "4"}, {"requests.cpu": "1500m"}, "requests.cpu needs 3, 2.5 of 4 free"),
        ({"cpu": "4"}, {"cpu": "1500m"}, "cpu needs 3, 2.5 of 4 free"),
        ({"limits.cpu": "8"}, {"limits.cpu": "3"}, "limits.cpu needs 6, 5 of 8 free"),
        ({"memory": "1Gi"}, {"memory": "256Mi"}, "memory needs 1536Mi, 768Mi of 1Gi free"),
        ({"count/replicasets.apps": "1"}, {"count/replicasets.apps": "1"}, "count/replicasets.apps needs 1, 0 of 1"),
    ],
)
def test_a_quota_that_is_too_small_for_the_overlap(hard: dict[str, str], used: dict[str, str], message: str) -> None:
    finding = only(quota_findings([quota(hard, used)], need(6)))

    assert (finding.status, finding.code) == (REFUSED, "quota_short")
    assert message in finding.message
    assert "Raise the quota" in finding.message


def test_a_quota_with_room_tells_its_numbers() -> None:
    finding = only(quota_findings([quota({"pods": "9"}, {"pods": "3"})], need(6)))

    assert (finding.status, finding.message) == (PASSED, "ResourceQuota small: pods needs 6, 6 of 9 free")


def test_without_a_quota_none_is_short() -> None:
    assert only(quota_findings([], need(6))).status is PASSED


@pytest.mark.parametrize(
    ("scope", "status"),
    [("NotBestEffort", REFUSED), ("BestEffort", PASSED), ("Terminating", PASSED), ("NextYears", NOT_CHECKED)],
)
def test_a_quota_with_scopes_is_short_for_the_pods_that_it_counts(scope: str, status: FindingStatus) -> None:
    assert only(quota_findings([quota({"pods": "1"}, {}, scopes=[scope])], need(6))).status is status


def node(name: str = "a", cpu: str = "4", **spec: Any) -> Json:
    allocatable = {"cpu": cpu, "memory": "64Gi", "pods": "110"}
    status = {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": {"zone": name}}, "spec": spec, "status": status}


def pods_on(name: str, count: int) -> list[Pod]:
    return [Pod({"metadata": {}, "spec": POD | {"nodeName": name}, "status": {}}) for _ in range(count)]


TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("nodes", "taken", "pod_spec", "fits"),
    [
        ([node()], 0, POD, 8),
        ([node()], 3, POD, 5),
        ([node(), node("b", cpu="1")], 3, POD, 7),
        ([node(), node("b", unschedulable=True)], 3, POD, 5),
        ([node(), node("b", taints=[TAINT])], 3, POD, 5),
        ([node(), node("b", taints=[TAINT])], 3, POD | {"tolerations": [{"operator": "Exists"}]}, 13),
        ([node(), node("b")], 3, POD | {"nodeSelector": {"zone": "b"}}, 8),
    ],
    ids=["empty", "partly full", "two nodes", "cordoned", "tainted", "tolerated", "selected"],
)
def test_nodes_hold_what_is_free_of_the_requests(nodes: list[Json], taken: int, pod_spec: Json, fits: int) -> None:
    finding = node_finding(NodesSeen(nodes, pods_on("a", taken)), need(20), pod_spec)

    assert (finding.status, finding.code) == (REFUSED, "nodes_short")
    assert f"20 pods more are needed, {fits} fit" in finding.message


def test_nodes_with_room() -> None:
    assert node_finding(NodesSeen([node()], pods_on("a", 2)), need(6), POD).status is PASSED


@pytest.mark.parametrize(
    ("status", "high", "settings"),
    [(PASSED, 11, {}), (REFUSED, 10, {}), (WARNING, 10, {"raise_max": True})],
)
def test_a_maximum_below_the_floor(status: FindingStatus, high: int, settings: Json) -> None:
    floor = policy(strategy={"type": "floor"} | settings).spec.strategy
    assert isinstance(floor, Floor)
    finding = maximum_finding(hpa(3, high), 11, floor)

    assert finding.status is status
    assert f"floor is 11, its maximum {high}" in finding.message


def budget(labels: dict[str, str] | None = None, **spec: Any) -> Json:
    wanted = {"app": "web"} if labels is None else labels
    return {"metadata": {"name": "keep"}, "spec": {"selector": {"matchLabels": wanted}} | spec}


def selected_by(operator: str, value: str, **spec: Any) -> Json:
    """Return a budget that selects by an expression over the label `app`."""
    expression = {"key": "app", "operator": operator, "values": [value]}
    return {"metadata": {"name": "keep"}, "spec": {"selector": {"matchExpressions": [expression]}} | spec}


@pytest.mark.parametrize(
    ("budget", "status"),
    [
        (budget(minAvailable=3), WARNING),
        (budget(minAvailable=2), PASSED),
        (budget(minAvailable="100%"), WARNING),
        (budget(maxUnavailable=0), WARNING),
        (budget(maxUnavailable="25%"), PASSED),
        (budget({"app": "other"}, minAvailable=3), PASSED),
        (budget({}, minAvailable=3), WARNING),  # an empty selector means every pod of the namespace
        (selected_by("In", "web", minAvailable=3), WARNING),
        (selected_by("NotIn", "web", minAvailable=3), PASSED),
    ],
)
def test_a_budget_that_lets_no_node_be_drained(budget: Json, status: FindingStatus) -> None:
    assert only(budget_findings([budget], SetBuilder().deployment, 3)).status is status


@pytest.mark.parametrize(
    ("image", "ready", "status"),
    [
        ("web:1", 3, PASSED),
        ("web", 3, WARNING),
        ("web:latest", 3, WARNING),
        ("registry:5000/web", 3, WARNING),
        ("web:1", 0, WARNING),
    ],
)
def test_an_image_is_one_that_ready_pods_run(image: str, ready: int, status: FindingStatus) -> None:
    stable = SetBuilder(ready=ready).build()
    stable.deployment.raw["spec"]["template"]["spec"]["containers"][0]["image"] = image

    assert only(image_findings(stable)).status is status


def owned(manager: str, fields: Json) -> list[Json]:
    return [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]


REPLICAS: Json = {"f:spec": {"f:replicas": {}}}
PAUSED: Json = {"f:spec": {"f:paused": {}}}
TEMPLATE: Json = {"f:spec": {"f:template": {}}}


@pytest.mark.parametrize(
    ("strategy", "manager", "fields", "status"),
    [
        ("in_place", "argocd-controller", REPLICAS, REFUSED),
        ("in_place", "kustomize-controller", REPLICAS, REFUSED),
        ("in_place", "kubectl", REPLICAS, PASSED),
        ("in_place", "argocd-controller", TEMPLATE, PASSED),
        ("blue_green", "argocd-controller", TEMPLATE, PASSED),
        ("blue_green", "argocd-controller", REPLICAS, REFUSED),
        ("blue_green", "argocd-controller", PAUSED, REFUSED),
        ("in_place", "argocd-controller", PAUSED, PASSED),
        ("floor", "argocd-controller", REPLICAS, PASSED),
    ],
)
def test_a_field_of_a_gitops_tool_is_not_written(
    strategy: str, manager: str, fields: Json, status: FindingStatus
) -> None:
    look = observation(service(), SetBuilder(), autoscaler=hpa(3))
    look.pod_set.deployment.raw["metadata"]["managedFields"] = owned(manager, fields)
    finding = only(gitops_findings(look, look.pod_set, policy(strategy={"type": strategy}).spec.strategy))

    assert finding.status is status
    assert (manager in finding.message) is (status is REFUSED)


def test_the_minimum_of_a_gitops_tool_is_not_raised() -> None:
    look = observation(service(), SetBuilder(), autoscaler=hpa(3))
    assert look.autoscaler is not None
    look.autoscaler.raw["metadata"]["managedFields"] = owned("argocd-controller", {"f:spec": {"f:minReplicas": {}}})
    finding = only(gitops_findings(look, look.pod_set, policy(strategy={"type": "floor"}).spec.strategy))

    assert (finding.status, finding.code) == (REFUSED, "field_owned")


def test_connections_of_all_that_share_a_database_add_up() -> None:
    orders = Downstream(name="orders", connections_per_replica=20, limit=500, reserve=50)
    shares = {
        "orders": [
            Share(service="web", replicas=9, connections_per_replica=20),
            Share(service="search", replicas=20, connections_per_replica=13),
        ]
    }

    within = only(ledger_findings([orders], shares, {"orders": 450}))
    assert (within.status, "440 connections" in within.message) == (PASSED, True)
    over = only(ledger_findings([orders], shares, {"orders": 400}))
    assert (over.status, over.code) == (REFUSED, "downstream_short")
    assert (
        "440 connections at the peak (web 9 replicas x 20 + search 20 replicas x 13), 400 may be used" in over.message
    )


def test_a_part_that_nobody_may_see_is_not_taken_for_nothing() -> None:
    orders = Downstream(name="orders", connections_per_replica=20, limit=500)
    unseen = {
        "orders": [
            Share(service="web", replicas=9, connections_per_replica=20),
            Share(service="search", replicas=None, connections_per_replica=13),
        ]
    }

    assert only(ledger_findings([orders], unseen, {"orders": 500})).status is NOT_CHECKED
    assert only(ledger_findings([orders], unseen, {"orders": 100})).status is REFUSED


def test_all_refusals_are_one_verdict() -> None:
    findings = [
        Finding(check="quota", status=REFUSED, message="a", code="quota_short"),
        Finding(check="nodes", status=REFUSED, message="b", code="nodes_short"),
    ]
    with pytest.raises(InputError) as caught:
        require_passed(
            [
                *findings,
                Finding(check="image", status=WARNING, message="c"),
                Finding(check="rights", status=NOT_CHECKED, message="d"),
            ]
        )

    assert (caught.value.code, caught.value.message) == ("quota_short", "quota: a\nnodes: b")


def test_what_the_policy_only_warns_of_stops_no_run() -> None:
    findings = downgraded([Finding(check="nodes", status=REFUSED, message="b", code="nodes_short")], ["nodes"])

    require_passed(findings)
    assert findings[0].status is WARNING


def test_an_autoscaler_of_keda_names_its_own_fields() -> None:
    assert scaled_object(2, 9).keys == ("minReplicaCount", "maxReplicaCount")
