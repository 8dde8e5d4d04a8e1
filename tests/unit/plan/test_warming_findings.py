"""Placeholders that cannot have nodes stand for a run are refused before it, with both numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from springtide.kube.objects import Deployment, Json, Pod
from springtide.kube.observation import PodSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.footprint import Footprint
from springtide.plan.warming import Placeholders, warming_findings
from springtide.policy.scaling.warm_nodes import WarmNodes
from support.builders import SetBuilder, hpa, service

WARM = WarmNodes(deployment="headroom")
NEED = Footprint(pods=3, requests={"cpu": Decimal("0.5"), "memory": Decimal(256 * 1024**2)}, limits={})
REQUESTS = {"cpu": "500m", "memory": "256Mi"}


def pod(of_class: str, priority: int | None, **spec: Any) -> Pod:
    named: Json = {"priorityClassName": of_class} if of_class else {}
    numbered = {} if priority is None else {"priority": priority}
    return Pod({"metadata": {"name": of_class}, "spec": named | numbered | spec})


def deployment(requests: Json | None = None, labels: Json | None = None, **spec: Any) -> Deployment:
    pod_spec = {"containers": [{"name": "pause", "resources": {"requests": requests or REQUESTS}}]}
    pod_spec |= {"priorityClassName": "placeholders"} | spec
    template = {"metadata": {"labels": labels or {"app": "headroom"}}, "spec": pod_spec}
    return Deployment({"metadata": {"name": "headroom"}, "spec": {"replicas": 1, "template": template}})


def found(made: Deployment | None = None, *, priority: int | None = -5, autoscalers: Any = ()) -> Placeholders:
    """Return placeholders of priority -5; without a number none of their pods is alive."""
    pods = () if priority is None else (pod("placeholders", priority),)
    return Placeholders(deployment=made or deployment(), pods=pods, autoscalers=autoscalers)


def workload(priority: int | None = 0, of_class: str = "", **spec: Any) -> PodSet:
    pod_set = SetBuilder().build()
    pod_set.scaled.raw["spec"]["template"]["spec"] |= {"priorityClassName": of_class} if of_class else {}
    pods = () if priority is None else (pod(of_class, priority, **spec),)
    return PodSet(pod_set.scaled, pod_set.replica_sets, pods)


def findings(placeholders: Placeholders | None, stable: PodSet | None = None, need: Footprint = NEED) -> list[Finding]:
    return list(warming_findings(WARM, placeholders, need, stable=stable or workload(), service=service()))


def test_what_fits_is_said_with_both_numbers() -> None:
    (passed,) = findings(found())

    assert passed.status is FindingStatus.PASSED
    assert passed.message == "Deployment headroom goes from 1 to 4 placeholders, and back"


def test_a_run_that_adds_no_pods_needs_none() -> None:
    (passed,) = findings(None, need=Footprint(pods=0, requests={}, limits={}))

    assert passed.status is FindingStatus.PASSED


SMALL = deployment({"cpu": "250m", "memory": "256Mi"})
NEVER: Any = {"preemptionPolicy": "Never"}


@pytest.mark.parametrize(
    ("placeholders", "stable", "code", "said"),
    [
        (None, workload(), "missing", "there is no Deployment headroom of placeholders"),
        (found(SMALL), workload(), "too_small", "cpu 0.25, 0.5 are needed"),
        (found(deployment({"cpu": "1"})), workload(), "too_small", "memory 0Mi, 256Mi are needed"),
        (found(priority=0), workload(), "priority", "placeholders (priority 0), the workload's have no priority class"),
        (found(priority=7), workload(5, "normal"), "priority", "normal (priority 5)"),
        (found(priority=None), workload(None, "placeholders"), "priority", "have the priority class placeholders"),
        (found(), workload(**NEVER), "priority", "preemptionPolicy Never"),
        (found(autoscalers=[hpa(1, target="headroom")]), workload(), "autoscaled", "owns the replicas of"),
        (found(deployment(labels={"app": "web", "x": "y"})), workload(), "selected", "Service web selects the pods"),
    ],
)
def test_what_cannot_work_is_refused(placeholders: Placeholders | None, stable: PodSet, code: str, said: str) -> None:
    refused = [each for each in findings(placeholders, stable) if each.status is FindingStatus.REFUSED]

    assert [each.code for each in refused] == [f"placeholders_{code}"]
    assert said in refused[0].message


def test_where_no_pod_tells_its_priority_that_is_not_checked() -> None:
    statuses = [each.status for each in findings(found(priority=None), workload(0))]

    assert statuses == [FindingStatus.NOT_CHECKED, FindingStatus.PASSED]


@pytest.mark.parametrize(
    ("placeholders", "said"),
    [
        (found(priority=-11), "the cluster autoscaler adds nodes from -10 on"),
        (found(deployment(nodeSelector={"pool": "spot"})), "nodeSelector of the pods of Deployment headroom differ"),
    ],
)
def test_what_may_work_is_a_warning(placeholders: Placeholders, said: str) -> None:
    warned = [each.message for each in findings(placeholders) if each.status is FindingStatus.WARNING]

    assert len(warned) == 1
    assert said in warned[0]


def test_live_placeholders_count_as_they_are() -> None:
    larger = {"containers": [{"name": "pause", "resources": {"requests": REQUESTS}}]}
    small = found(SMALL)
    injected = Placeholders(deployment=SMALL, pods=(pod("placeholders", -5, **larger),))

    assert findings(small)[0].status is FindingStatus.REFUSED
    assert [each.status for each in findings(injected)] == [FindingStatus.PASSED]
