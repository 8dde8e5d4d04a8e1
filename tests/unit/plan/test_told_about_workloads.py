"""What keeps no run from beginning and is unusual all the same stands in the plan."""

from __future__ import annotations

from springtide.capacity.combine import requested
from springtide.kube.objects import Json, Service
from springtide.kube.observation import PodSet
from springtide.kube.workloads import StatefulSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.plan.planner import make_plan
from springtide.plan.told import workload_findings
from support.builders import NOW, SetBuilder, policy, service


def plan(current: int, replicas: int) -> ScalingPlan:
    wanted = requested(replicas, now=NOW)
    return make_plan(policy(), wanted, current=current, strategy="in_place", now=NOW, explicit=True)


def told(stable: PodSet, given: Service | None = None, *others: SetBuilder, to: int = 4) -> list[Finding]:
    selected = [*stable.pods, *(pod for each in others for pod in each.pod_objects())]
    return list(workload_findings(stable, plan(3, to), given, selected))


def probed(probe: str) -> PodSet:
    stable = SetBuilder().build()
    (container,) = stable.deployment.raw["spec"]["template"]["spec"]["containers"]
    container.pop("readinessProbe")
    container[probe] = {}
    return stable


def test_there_is_nothing_to_say_of_an_ordinary_workload() -> None:
    assert told(SetBuilder().build(), service()) == []
    assert told(SetBuilder().build()) == []


def test_a_startup_probe_alone_says_nothing_of_what_becomes_of_a_pod() -> None:
    (finding,) = told(probed("startupProbe"), service())

    assert finding.status is FindingStatus.WARNING
    assert "no container of Deployment web has a readinessProbe" in finding.message


def test_a_service_of_several_workloads_is_named_with_whose_pods_it_reaches() -> None:
    (finding,) = told(SetBuilder().build(), service(), SetBuilder("other"))

    assert finding.status is FindingStatus.WARNING
    assert "Service web also leads to the pods of ReplicaSet/other-rs" in finding.message
    assert "only the pods of Deployment web are counted" in finding.message


def test_a_headless_service_is_told() -> None:
    (finding,) = told(SetBuilder().build(), service(clusterIP="None"))

    assert "Service web is headless" in finding.message


def test_what_live_pods_take_above_their_template_is_told_and_no_warning() -> None:
    stable = SetBuilder().build()
    for pod in stable.pods:
        pod.raw["spec"]["containers"] = [{"resources": {"requests": {"cpu": "100m"}}}]
    (finding,) = told(stable, service())

    assert finding.status is FindingStatus.PASSED
    assert "request cpu 0.1 instead of 0 in their template" in finding.message


def test_where_no_pod_runs_nobody_knows_what_is_added_to_new_ones() -> None:
    (finding,) = told(SetBuilder(replicas=0).build(), service())

    assert finding.status is FindingStatus.WARNING
    assert "no pod of Deployment web runs" in finding.message


def keeper(when: str) -> PodSet:
    template: Json = {"metadata": {}, "spec": {"containers": [{"readinessProbe": {}}]}}
    pods = SetBuilder().pod_objects()
    spec = {"replicas": 3, "template": template, "persistentVolumeClaimRetentionPolicy": {"whenScaled": when}}
    return PodSet(StatefulSet({"metadata": {"name": "db", "uid": "uid-db"}, "spec": spec}), (), pods)


def test_a_shrink_that_deletes_volume_claims_is_told() -> None:
    (finding,) = told(keeper("Delete"), to=2)

    assert finding.status is FindingStatus.WARNING
    assert "StatefulSet db deletes the volume claims of the pods that go" in finding.message
    assert told(keeper("Delete"), to=4) == []
    assert told(keeper("Retain"), to=2) == []
