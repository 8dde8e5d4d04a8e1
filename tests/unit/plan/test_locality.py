"""What a traffic policy `Local` and session affinity mean for a run, known before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.capacity.combine import requested
from springtide.kube.objects import Json
from springtide.kube.observation import PodSet
from springtide.kube.workloads import StatefulSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.locality import closed_node_findings, locality_findings
from springtide.plan.planner import make_plan
from springtide.policy.scaling.strategy import RunSettings
from support.builders import NOW, SetBuilder, policy, service

INTERNAL: Json = {"internalTrafficPolicy": "Local"}
EXTERNAL: Json = {"externalTrafficPolicy": "Local", "type": "LoadBalancer"}


def settings(strategy: str, **more: Any) -> RunSettings:
    return policy(strategy={"type": strategy} | more).spec.strategy


def standing(*nodes: str) -> PodSet:
    """Return a Deployment with one ready pod for each name, on the node of that name."""
    stable = SetBuilder(replicas=len(nodes)).build()
    for pod, node in zip(stable.pods, nodes, strict=True):
        pod.raw["spec"]["nodeName"] = node
    return stable


def found(
    stable: PodSet, *, to: int, strategy: str = "blue_green", given: Json | None = None, **more: Any
) -> list[Finding]:
    wanted = requested(to, now=NOW)
    plan = make_plan(policy(), wanted, current=len(stable.pods), strategy=strategy, now=NOW, explicit=True)
    return list(locality_findings(service(**(given or {})), stable, plan, settings(strategy, **more)))


def test_there_is_nothing_to_say_where_requests_go_to_every_node() -> None:
    assert found(standing("a", "b"), to=1) == []
    assert list(locality_findings(None, standing("a"), _any_plan(), settings("in_place"))) == []


def _any_plan() -> Any:
    return make_plan(policy(), requested(2, now=NOW), current=1, strategy="in_place", now=NOW, explicit=True)


@pytest.mark.parametrize("given", [INTERNAL, EXTERNAL], ids=["internal", "external"])
def test_a_switch_that_can_cover_every_node_says_that_it_waits_for_that(given: Json) -> None:
    (finding,) = found(standing("a", "a", "b"), to=2, given=given)

    assert finding.status is FindingStatus.PASSED
    assert "pods serve on 2 nodes now (a, b), and the switch waits for a new one on each" in finding.message


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_fewer_pods_than_nodes_that_serve_are_refused_where_callers_are_inside(strategy: str) -> None:
    (finding,) = found(standing("a", "b", "c"), to=2, given=INTERNAL, strategy=strategy)

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "nodes_without_endpoint")
    assert "serve on 3 nodes now (a, b, c), and 2 pods leave 1 of them without an endpoint" in finding.message
    assert "internalTrafficPolicy" in finding.message


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_a_load_balancer_looks_for_itself_so_there_it_is_a_warning(strategy: str) -> None:
    (finding,) = found(standing("a", "b", "c"), to=2, given=EXTERNAL, strategy=strategy)

    assert finding.status is FindingStatus.WARNING
    assert "Requests that come to there are dropped" in finding.message


def test_both_policies_are_as_strict_as_the_stricter_one() -> None:
    (finding,) = found(standing("a", "b"), to=1, given=EXTERNAL | INTERNAL)

    assert finding.status is FindingStatus.REFUSED
    assert "internalTrafficPolicy: Local and externalTrafficPolicy: Local" in finding.message


def test_batches_are_refused() -> None:
    (finding,) = found(standing("a", "b"), to=4, given=INTERNAL, overlap="batched")

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "traffic_policy_local")
    assert "Use overlap: full" in finding.message


def test_growing_in_place_takes_nothing_from_any_node() -> None:
    assert found(standing("a", "b"), to=4, given=INTERNAL, strategy="in_place") == []


def test_a_floor_takes_no_pod_away() -> None:
    assert found(standing("a", "b"), to=4, given=INTERNAL | {"sessionAffinity": "ClientIP"}, strategy="floor") == []


def test_a_stateful_set_takes_its_highest_ordinals_wherever_they_stand() -> None:
    stable = standing("a", "a", "b")
    for ordinal, pod in enumerate(stable.pods):
        pod.raw["metadata"]["name"] = f"web-{ordinal}"
    of_state = PodSet(StatefulSet(stable.scaled.raw), (), stable.pods)

    (finding,) = found(of_state, to=2, given=INTERNAL, strategy="in_place")

    assert finding.code == "nodes_without_endpoint"
    assert "serve on 2 nodes now (a, b), and 2 pods leave 1 of them" in finding.message
    assert found(standing("a", "a", "b"), to=2, given=INTERNAL, strategy="in_place") == []


def test_a_pod_that_is_not_ready_makes_no_node_one_that_serves() -> None:
    stable = standing("a", "b", "c")
    stable.pods[2].raw["status"]["conditions"] = []

    (finding,) = found(stable, to=2, given=INTERNAL)

    assert "on 2 nodes now (a, b)" in finding.message


def test_sticky_clients_are_told_that_a_switch_moves_them() -> None:
    sticky = {"sessionAffinity": "ClientIP"}
    (finding,) = found(standing("a"), to=2, given=sticky)

    assert finding.status is FindingStatus.WARNING
    assert "sessionAffinity: ClientIP, and the switch sends every client to another pod" in finding.message
    assert found(standing("a"), to=2, given=sticky, strategy="in_place") == []


def node(name: str, *, cordoned: bool = False, taints: list[Json] | None = None) -> Json:
    spec = {"unschedulable": cordoned, "taints": taints or []}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


NO_SCHEDULE = [{"key": "spot", "value": "yes", "effect": "NoSchedule"}]


@pytest.mark.parametrize("closed", [node("b", cordoned=True), node("b", taints=NO_SCHEDULE)], ids=["cordon", "taint"])
def test_a_node_that_serves_and_takes_no_new_pods_refuses_the_switch(closed: Json) -> None:
    stable = standing("a", "b")
    nodes = [node("a"), closed, node("c", cordoned=True)]

    (finding,) = closed_node_findings(service(**INTERNAL), stable, nodes, settings("blue_green"))

    assert (finding.check, finding.code) == ("traffic_policy", "node_closed")
    assert "1 of the 2 nodes on which pods serve now take no new ones: b." in finding.message
    assert list(closed_node_findings(service(), stable, nodes, settings("blue_green"))) == []
    assert list(closed_node_findings(service(**INTERNAL), stable, nodes, settings("in_place"))) == []
    assert list(closed_node_findings(service(**INTERNAL), stable, [node("a"), node("b")], settings("blue_green"))) == []
