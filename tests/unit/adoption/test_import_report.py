"""What has no equal is told: which object, which field, which value, and what to do. Nothing of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.adoption.remarks import Standing
from springtide.policy.calendar.files import load_calendar
from springtide.policy.reading.parse import load_policy
from unit.adoption.replay import imported

HOURS = {"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 20 * * 1-5", "desiredReplicas": "10"}


def keda(*metadata: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    triggers = [{"type": "cron", "metadata": each} for each in metadata or (HOURS,)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations or {}},
        "spec": {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 2, "triggers": triggers, **spec},
    }


def deployment(name: str = "web", replicas: int = 6, **annotations: str) -> dict[str, Any]:
    written = {f"downscaler/{key.replace('_', '-')}": text for key, text in annotations.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "annotations": written},
        "spec": {"replicas": replicas},
    }


def cronhpa(*jobs: dict[str, Any], target: str = "Deployment", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling.alibabacloud.com/v1beta1",
        "kind": "CronHorizontalPodAutoscaler",
        "metadata": {"name": "hours", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": target, "name": "web"},
            "jobs": list(jobs) or [{"name": "up", "schedule": "0 0 8 * * *", "targetSize": 5}],
            **spec,
        },
    }


def hpa(**spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": reference, "minReplicas": 3, "maxReplicas": 30, **spec},
    }


def told(folder: Path, *manifests: dict[str, Any], standing: Standing = Standing.NO_EQUAL) -> list[str]:
    return [str(remark) for remark in imported(folder, manifests).remarks if remark.standing is standing]


@pytest.mark.parametrize(("field", "value", "manifest"), [
    ("triggers[0].metadata.timezone", "Europe/Atlantis", keda(HOURS | {"timezone": "Europe/Atlantis"})),
    ("triggers[0].metadata.timezone", "None", keda({key: HOURS[key] for key in HOURS if key != "timezone"})),
    ("triggers[0].metadata.start", "0 8 * *", keda(HOURS | {"start": "0 8 * *"})),
    ("triggers[0].metadata.start", "0 25 * * *", keda(HOURS | {"start": "0 25 * * *"})),
    ("triggers[0].metadata.start", "@every 1h", keda(HOURS | {"start": "@every 1h"})),
    ("triggers[0].metadata.start", "* * * * *", keda(HOURS | {"start": "* * * * *"})),
    ("triggers[0].metadata.end", "0 8 * * 1-5", keda(HOURS | {"end": "0 8 * * 1-5"})),
    ("triggers[0].metadata.desiredReplicas", "many", keda(HOURS | {"desiredReplicas": "many"})),
    ("triggers[0].metadata.colour", "blue", keda(HOURS | {"colour": "blue"})),
    ("idleReplicaCount", "0", keda(idleReplicaCount=0)),
    ("newInKeda", "7", keda(newInKeda=7)),
    ("autoscaling.keda.sh/paused-replicas", "3", keda(annotations={"autoscaling.keda.sh/paused-replicas": "3"})),
    ("minReplicaCount", "0", keda(minReplicaCount=0)),
    ("minReplicaCount, maxReplicaCount", "few, None", keda(minReplicaCount="few")),
    ("scaleTargetRef", "StackSet web", keda(scaleTargetRef={"kind": "StackSet", "name": "web"})),
    ("downscaler/uptime", "Mon-Fri 8-20", deployment(uptime="Mon-Fri 8-20")),
    ("downscaler/uptime", "Mon-Fri 20:00-06:00 Europe/Berlin", deployment(uptime="Mon-Fri 20:00-06:00 Europe/Berlin")),
    ("downscaler/uptime", "Mon-Fry 08:00-20:00 UTC", deployment(uptime="Mon-Fry 08:00-20:00 UTC")),
    ("downscaler/downtime", "Mon-Fri 08:00-20:00 PST", deployment(downtime="Mon-Fri 08:00-20:00 PST")),
    ("downscaler/downtime-replicas", "0 (the default)", deployment(uptime="Mon-Fri 08:00-20:00 UTC")),
    ("downscaler/downtime-replicas", "half", deployment(uptime="Mon-Fri 08:00-20:00 UTC", downtime_replicas="half")),
    ("downscaler/downscale-period", "Mon-Sun 19:00-20:00 UTC", deployment(downscale_period="Mon-Sun 19:00-20:00 UTC")),
    ("downscaler/force-uptime", "true", deployment(uptime="always", force_uptime="true")),
    ("downscaler/moon-phase", "full", deployment(uptime="always", moon_phase="full")),
    ("jobs[0].schedule", "0 8 * * *", cronhpa({"name": "up", "schedule": "0 8 * * *", "targetSize": 5})),
    ("jobs[0].schedule", "@date 2026-02-30 10:00:00", cronhpa(
        {"name": "up", "schedule": "@date 2026-02-30 10:00:00", "targetSize": 5})),
    ("jobs[0].targetSize", "-1", cronhpa({"name": "up", "schedule": "0 0 8 * * *", "targetSize": -1})),
    ("jobs[0].weight", "3", cronhpa({"name": "up", "schedule": "0 0 8 * * *", "targetSize": 5, "weight": 3})),
    ("targetSize", "0", cronhpa({"name": "off", "schedule": "0 0 8 * * *", "targetSize": 0})),
    ("excludeDates[0]", "15 November", cronhpa(excludeDates=["15 November"])),
    ("scaleTargetRef", "HorizontalPodAutoscaler web", cronhpa(target="HorizontalPodAutoscaler")),
    ("scaleTargetRef", "ElasticWorkload web", cronhpa(target="ElasticWorkload")),
    ("minReplicas, maxReplicas", "3, many", hpa(maxReplicas="many")),
    ("tolerances", "0.1", hpa(tolerances=0.1)),
])  # fmt: skip
def test_what_has_no_equal_is_told_with_its_value(
    tmp_path: Path, field: str, value: str, manifest: dict[str, Any]
) -> None:
    remarks = imported(tmp_path, [manifest]).remarks

    (found,) = [each for each in remarks if each.standing is Standing.NO_EQUAL and each.field == field]
    assert found.value == value
    assert found.advice
    assert found.subject.startswith(f"{manifest['kind']} shop/")


def test_a_trigger_that_cannot_be_followed_takes_no_other_with_it(tmp_path: Path) -> None:
    imported(tmp_path, [keda(HOURS, HOURS | {"timezone": "Europe/Atlantis"})])

    (event,) = load_calendar(tmp_path / "calendars" / "shop-europe-berlin.yaml").spec.events
    assert event.services["web"].replicas == 10


def test_a_schedule_that_no_calendar_can_hold_is_told_and_left_out(tmp_path: Path) -> None:
    busy = HOURS | {"start": "*/10 * * * *", "end": "5-55/10 * * * *"}

    (remark,) = told(tmp_path, keda(busy))

    assert "entries of a calendar" in remark
    assert not (tmp_path / "calendars").exists()


@pytest.mark.parametrize(("triggers", "strategy"), [(["cron"], "in_place"), (["cron", "prometheus"], "floor")])
def test_what_goes_on_scaling_decides_the_strategy(tmp_path: Path, triggers: list[str], strategy: str) -> None:
    manifest = keda()
    manifest["spec"]["triggers"] = [{"type": kind, "metadata": dict(HOURS)} for kind in triggers]
    imported(tmp_path, [manifest])

    assert load_policy(tmp_path / "policies" / "web.yaml").spec.strategy.type == strategy


def test_the_metrics_and_the_behavior_of_an_hpa_stay_with_it(tmp_path: Path) -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    rules = {"stabilizationWindowSeconds": 300, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}
    manifest = hpa(
        metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": target}}], behavior={"scaleDown": rules}
    )

    cpu, behavior = told(tmp_path, manifest, standing=Standing.STAYS)

    assert "metrics: Resource cpu 50 % Utilization: " in cpu
    assert "behavior.scaleDown: Percent 10 per 60s, stabilizationWindowSeconds 300: " in behavior
    assert load_policy(tmp_path / "policies" / "web.yaml").spec.replicas.max == 30


def test_the_hpa_that_keda_keeps_is_left_to_its_scaled_object(tmp_path: Path) -> None:
    kept = hpa()
    kept["metadata"]["ownerReferences"] = [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web"}]

    proposal = imported(tmp_path, [kept, keda()])

    assert proposal.documents[0].sources == ("ScaledObject shop/web",)


def test_two_that_set_the_same_replicas_contradict_each_other(tmp_path: Path) -> None:
    proposal = imported(tmp_path, [deployment(uptime="Mon-Fri 08:00-20:00 UTC", downtime_replicas="1"), cronhpa()])

    (remark,) = [each for each in proposal.remarks if each.field == "scaled by"]
    assert remark.value == "Deployment shop/web, CronHorizontalPodAutoscaler shop/hours"
    assert proposal.documents == ()


def test_an_autoscaler_overrules_what_sets_the_replicas_beside_it(tmp_path: Path) -> None:
    proposal = imported(tmp_path, [hpa(), cronhpa()])

    assert [each.path for each in proposal.documents] == ["policies/web.yaml"]
    assert any("overrules it" in each.advice for each in proposal.remarks)


def test_what_is_excluded_from_the_downscaler_is_left_alone(tmp_path: Path) -> None:
    proposal = imported(tmp_path, [deployment(uptime="Mon-Fri 08:00-20:00 UTC", exclude="true")])

    assert (proposal.documents, [each.field for each in proposal.remarks]) == ((), ["downscaler/exclude"])


def test_kinds_that_are_not_read_are_named(tmp_path: Path) -> None:
    vertical = {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
    }
    foreign = cronhpa() | {"apiVersion": "example.com/v1", "kind": "CronHPA"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}

    remarks = imported(tmp_path, [vertical, foreign, config, deployment("idle")]).remarks

    assert {(each.subject, each.value) for each in remarks if each.standing is Standing.NO_EQUAL} == {
        ("VerticalPodAutoscaler shop/web", "autoscaling.k8s.io/v1 VerticalPodAutoscaler"),
        ("CronHPA shop/hours", "example.com/v1 CronHPA"),
    }
    assert [str(each) for each in remarks if each.standing is Standing.STAYS] == [
        "other objects: 1 ConfigMap: they do not say how many replicas run",
        "nothing scales: Deployment shop/idle: `springtide init` proposes a policy for each",
    ]


def test_a_cron_hpa_of_tkestack_has_five_fields(tmp_path: Path) -> None:
    crons = [{"schedule": "0 8 * * *", "targetReplicas": 9}, {"schedule": "0 20 * * *", "targetReplicas": 2}]
    manifest = cronhpa() | {"apiVersion": "extensions.tkestack.io/v1", "kind": "CronHPA"}
    manifest["spec"] = {"scaleTargetRef": manifest["spec"]["scaleTargetRef"], "crons": crons}
    imported(tmp_path, [manifest])

    (event,) = load_calendar(tmp_path / "calendars" / "shop-utc.yaml").spec.events
    assert (str(event.start), str(event.repeat), event.services["web"].replicas) == (
        "2026-01-01T08:00", "FREQ=DAILY", 9,
    )  # fmt: skip


def test_services_of_one_name_get_the_namespace_as_well(tmp_path: Path) -> None:
    other = hpa()
    other["metadata"] = {"name": "web", "namespace": "office"}

    proposal = imported(tmp_path, [hpa(), other])

    assert [each.name for each in proposal.documents] == ["office-web", "shop-web"]


def test_single_days_are_told_with_their_end(tmp_path: Path) -> None:
    night = HOURS | {"start": "30 2 * * *", "end": "0 5 * * *"}

    remarks = told(tmp_path, keda(night), standing=Standing.DIFFERS)

    assert any("name single days, until 2028-12-31; import again before that" in remark for remark in remarks)


def test_what_is_imported_begins_by_advising(tmp_path: Path) -> None:
    proposal = imported(tmp_path, [keda()])

    assert load_policy(tmp_path / "policies" / "web.yaml").spec.mode == "advise"
    assert [remark.advice for remark in proposal.remarks if remark.field == "mode"] == [
        "it plans and writes nothing to the cluster; write `mode: act` when `springtide report` convinces you"
    ]


def test_where_nothing_is_imported_nothing_is_left_to_do_about_it(tmp_path: Path) -> None:
    assert not [remark for remark in imported(tmp_path, [deployment()]).remarks if remark.field == "mode"]
