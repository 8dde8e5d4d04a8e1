"""What a new pod takes is counted as the live ones take it, whatever their template says."""

from __future__ import annotations

from decimal import Decimal

from springtide.capacity.combine import requested
from springtide.kube.objects import Json, Pod
from springtide.plan.findings import FindingStatus
from springtide.plan.footprint import Footprint, beyond_template, footprint
from springtide.plan.planner import make_plan
from springtide.plan.room import NodesSeen, node_finding, quota_findings
from support.builders import NOW, policy

TEMPLATE: Json = {"containers": [{"resources": {"requests": {"cpu": "100m"}}}]}
INJECTED: Json = {"containers": [*TEMPLATE["containers"], {"resources": {"requests": {"cpu": "100m"}}}]}
DEFAULTED: Json = {"containers": [{"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}}]}


def live(*specs: Json) -> list[Pod]:
    return [Pod({"metadata": {"name": "web"}, "spec": spec}) for spec in specs]


def need(pods: list[Pod], template: Json = TEMPLATE) -> Footprint:
    chosen = policy(strategy={"type": "in_place"})
    plan = make_plan(chosen, requested(6, now=NOW), current=3, strategy="in_place", now=NOW, explicit=True)
    return footprint(plan, chosen.spec.strategy, running=3, pod_spec=template, live=pods)


def test_an_injected_sidecar_counts() -> None:
    assert need(live(INJECTED)).requests == {"cpu": Decimal("0.2")}


def test_what_a_limit_range_gave_counts() -> None:
    assert need(live(DEFAULTED)).requests["memory"] == Decimal(256 * 1024**2)


def test_the_largest_of_all_live_pods_counts_and_never_less_than_the_template() -> None:
    small: Json = {"containers": [{"resources": {"requests": {"cpu": "10m"}}}]}

    assert need(live(small, INJECTED, TEMPLATE)).requests == {"cpu": Decimal("0.2")}
    assert need(live(small)).requests == {"cpu": Decimal("0.1")}
    assert need([]).requests == {"cpu": Decimal("0.1")}


def test_a_quota_that_holds_the_template_and_not_the_live_pods_is_short() -> None:
    quota = {
        "metadata": {"name": "cpus"},
        "spec": {"hard": {"requests.cpu": "1"}},
        "status": {"used": {"requests.cpu": "600m"}},
    }

    (enough,) = quota_findings([quota], need([]))
    (short,) = quota_findings([quota], need(live(INJECTED)))

    assert enough.status is FindingStatus.PASSED
    assert (short.status, short.code) == (FindingStatus.REFUSED, "quota_short")
    assert "requests.cpu needs 0.6, 0.4 of 1 free" in short.message


def test_so_are_nodes() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    status = {"allocatable": {"cpu": "400m", "pods": "110"}, "conditions": ready}
    node: Json = {"metadata": {"name": "a"}, "spec": {}, "status": status}

    assert node_finding(NodesSeen([node]), need([]), TEMPLATE).status is FindingStatus.PASSED
    assert node_finding(NodesSeen([node]), need(live(INJECTED)), TEMPLATE).status is FindingStatus.REFUSED


def test_a_quota_for_pods_that_ask_for_nothing_looks_at_the_live_ones() -> None:
    quota = {"metadata": {"name": "idle"}, "spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}}

    (counted,) = quota_findings([quota], need([], template={"containers": [{}]}))
    (passed,) = quota_findings([quota], need(live(DEFAULTED), template={"containers": [{}]}))

    assert counted.status is FindingStatus.REFUSED
    assert passed.status is FindingStatus.PASSED


def test_the_difference_is_told_with_both_numbers() -> None:
    assert beyond_template(TEMPLATE, live(INJECTED)) == "cpu 0.2 instead of 0.1"
    assert beyond_template(TEMPLATE, live(DEFAULTED)) == "memory 256Mi instead of 0Mi"
    assert beyond_template(TEMPLATE, live(TEMPLATE)) == ""
