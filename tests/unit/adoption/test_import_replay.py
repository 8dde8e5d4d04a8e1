"""What is imported asks for what the original asked for, to the minute, over weeks in which clocks change.

The manifests are made after the public documentation of each kind; the original is `originals.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from unit.adoption.originals import AUTUMN, SPRING, Times, cron_hpa, downscaled, scaled_object
from unit.adoption.replay import asked_for, differences, imported

CHANGES = pytest.mark.parametrize("times", [SPRING, AUTUMN], ids=["spring", "autumn"])
TWO_YEARS_ON = (datetime(2028, 3, 1, tzinfo=UTC), datetime(2028, 4, 12, tzinfo=UTC))


def cron(start: str, end: str, replicas: int, zone: str = "Europe/Berlin") -> dict[str, Any]:
    metadata = {"timezone": zone, "start": start, "end": end, "desiredReplicas": str(replicas)}
    return {"type": "cron", "metadata": metadata}


def keda(*triggers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 2, "triggers": list(triggers), **spec},
    }


def deployment(annotations: dict[str, str], replicas: int = 6, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
        "spec": {"replicas": replicas, **spec},
    }


def job(name: str, schedule: str, size: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "schedule": schedule, "targetSize": size, **more}


def cronhpa(*jobs: dict[str, Any], **spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling.alibabacloud.com/v1beta1",
        "kind": "CronHorizontalPodAutoscaler",
        "metadata": {"name": "web-hours", "namespace": "shop", "creationTimestamp": "2025-01-15T10:00:00Z"},
        "spec": {"scaleTargetRef": reference, "jobs": list(jobs), **spec},
    }


SCALED_OBJECTS = {
    "office hours": keda(cron("0 8 * * 1-5", "0 20 * * 1-5", 10)),
    "several zones": keda(
        cron("0 8 * * 1-5", "0 18 * * 1-5", 10),
        cron("0 9 * * MON-FRI", "30 17 * * MON-FRI", 12, "America/New_York"),
        cron("30 8 * * *", "0 17 * * *", 7, "Australia/Sydney"),
    ),
    "several triggers over each other": keda(
        cron("0 6 * * *", "0 22 * * *", 5), cron("0 12 * * *", "0 14 * * *", 9), cron("0 0 1 * *", "0 6 1 * *", 20)
    ),
    "over midnight and the weekend": keda(cron("0 20 * * 5", "0 6 * * 1", 8), cron("0 22 * * *", "0 5 * * *", 4)),
    "in the hour that is missing or comes twice": keda(cron("30 2 * * *", "15 4 * * *", 9)),
    "ends in the hour that is missing or comes twice": keda(cron("0 0 * * *", "30 2 * * *", 9)),
    "all of it in that hour": keda(cron("10 2 * * *", "50 2 * * *", 9)),
    "that hour of America": keda(cron("30 1 * * *", "30 2 * * 0-6", 9, "America/New_York")),
    "every hour": keda(cron("30 * * * *", "45 * * * *", 10)),
    "steps and lists": keda(cron("0 6-18/4 * * 1,3,5", "30 7,11-19/4 * * 1,3,5", 10)),
    "a day of the month or a weekday": keda(cron("0 0 1,15 * 1", "0 12 1,15 * 1", 11)),
    "some months of the year": keda(cron("0 8 * 3-5,10-12 *", "0 9 * 3-5,10-12 *", 11)),
    "above the maximum": keda(cron("0 8 * * *", "0 20 * * *", 50), maxReplicaCount=20),
    "below the minimum": keda(cron("0 8 * * *", "0 20 * * *", 1)),
    "more ends than starts": keda(cron("0 8 * * 1", "0 20 * * *", 6)),
    "beside other triggers": keda(
        cron("0 8 * * 1-5", "0 20 * * 1-5", 10), {"type": "prometheus", "metadata": {"query": "x"}}
    ),
}


@CHANGES
@pytest.mark.parametrize("case", SCALED_OBJECTS)
def test_cron_triggers_of_a_scaled_object(tmp_path: Path, case: str, times: Times) -> None:
    manifest = SCALED_OBJECTS[case]
    imported(tmp_path, [manifest])

    assert differences(asked_for(tmp_path, "web", times), scaled_object(manifest, times), times) == []


ANNOTATIONS = {
    "office hours": {"uptime": "Mon-Fri 08:00-20:00 Europe/Berlin"},
    "a downtime": {"downtime": "Sat-Sun 00:00-24:00 Europe/Berlin, Mon-Fri 21:30-24:00 Europe/Berlin"},
    "both": {"uptime": "Mon-Sat 06:00-22:00 Europe/Berlin", "downtime": "Wed-Wed 12:00-13:00 Europe/Berlin"},
    "a week that begins on Sunday": {"uptime": "Sun-Thu 07:00-19:00 Asia/Jerusalem"},
    "two zones": {"uptime": "Mon-Fri 08:00-17:00 Europe/Berlin,Mon-Fri 09:00-17:00 America/New_York"},
    "days that touch": {"uptime": "Mon-Wed 00:00-24:00 Europe/Berlin,Fri-Fri 06:00-24:00 Europe/Berlin"},
    "the hour that is missing or comes twice": {"uptime": "Mon-Sun 02:15-02:45 Europe/Berlin"},
    "into that hour": {"uptime": "Sun-Sun 00:00-02:30 Europe/Berlin,Mon-Fri 08:00-09:00 Europe/Berlin"},
    "out of that hour": {"uptime": "Mon-Sun 02:30-05:00 America/New_York"},
    "a time once": {
        "uptime": "Mon-Fri 08:00-20:00 UTC,2026-03-14T00:00:00+01:00-2026-03-15T12:30:00+01:00,"
        "2026-10-31T10:00:00+00:00-2026-11-01T10:00:00+00:00"
    },
    "periods": {
        "upscale-period": "Mon-Fri 07:00-08:00 Europe/Berlin",
        "downscale-period": "Mon-Fri 19:00-20:00 Europe/Berlin",
    },
    "periods that overlap": {
        "upscale-period": "Mon-Fri 02:00-08:00 Europe/Berlin",
        "downscale-period": "Mon-Sun 07:00-20:00 Europe/Berlin",
    },
    "always": {"uptime": "always"},
}


@CHANGES
@pytest.mark.parametrize("case", ANNOTATIONS)
def test_annotations_of_kube_downscaler(tmp_path: Path, case: str, times: Times) -> None:
    annotations = {f"downscaler/{key}": text for key, text in ANNOTATIONS[case].items()}
    annotations["downscaler/downtime-replicas"] = "1"
    imported(tmp_path, [deployment(annotations)])

    assert differences(asked_for(tmp_path, "web", times), downscaled(annotations, 6, times), times) == []


@CHANGES
def test_a_namespace_speaks_for_its_workloads(tmp_path: Path, times: Times) -> None:
    around = {
        "downscaler/uptime": "Mon-Fri 07:30-18:00 Europe/London",
        "downscaler/force-uptime": "Sat-Sat 10:00-12:00 Europe/London",
    }
    own = {"downscaler/downtime-replicas": "2"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "annotations": around}}
    imported(tmp_path, [deployment(own), namespace])

    original = downscaled(own, 6, times, namespace=around)
    assert differences(asked_for(tmp_path, "web", times), original, times) == []


CRON_HPAS = {
    "up and down": cronhpa(job("up", "0 0 8 * * *", 9), job("down", "0 0 20 * * *", 2)),
    "four levels": cronhpa(
        job("night", "0 0 0 * * *", 2),
        job("morning", "0 30 6 * * MON-FRI", 8),
        job("noon", "0 0 12 * * 1-5", 14),
        job("evening", "0 0 19 * * *", 5),
    ),
    "in the hour that is missing or comes twice": cronhpa(job("up", "0 30 2 * * *", 9), job("down", "0 15 5 * * *", 2)),
    "both in that hour": cronhpa(job("up", "0 10 2 * * *", 9), job("down", "0 50 2 * * *", 2)),
    "at a second": cronhpa(job("up", "30 59 7 * * *", 9), job("down", "15 0 20 * * *", 2)),
    "excluded days": cronhpa(
        job("up", "0 0 8 * * *", 9),
        job("down", "0 0 20 * * *", 2),
        excludeDates=["* * * 15 11 *", "* * * 17 3 *", "* * * * * 0", "* * * 20-22 10 *"],
    ),
    "dates": cronhpa(
        job("up", "0 0 8 * * *", 4),
        job("down", "0 0 20 * * *", 2),
        job("sale", "@date 2026-03-27 18:00:00", 30),
        job("sale 2", "@date 2026-10-24 18:30:00", 40),
    ),
    "every other day with the older star": cronhpa(job("up", "0 0 8 */2 * 1-5", 9), job("down", "0 0 20 * * *", 2)),
}


@CHANGES
@pytest.mark.parametrize("case", CRON_HPAS)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_jobs_of_a_cron_hpa(tmp_path: Path, case: str, zone: str, times: Times) -> None:
    manifest = CRON_HPAS[case]
    imported(tmp_path, [manifest], zone=zone)

    original = cron_hpa(manifest, zone, min(each["targetSize"] for each in manifest["spec"]["jobs"]), times)
    assert differences(asked_for(tmp_path, "web", times), original, times) == []


def test_a_job_that_runs_once_does_so_after_it_was_created(tmp_path: Path) -> None:
    once = job("once", "0 0 8 10 3 *", 12, runOnce=True)
    manifest = cronhpa(job("up", "0 0 9 12 3 *", 5), once)
    manifest["metadata"]["creationTimestamp"] = "2026-03-01T00:00:00Z"
    imported(tmp_path, [manifest], zone="Europe/Berlin")

    original = cron_hpa(manifest, "Europe/Berlin", 5, SPRING)
    assert differences(asked_for(tmp_path, "web", SPRING), original, SPRING) == []


def test_a_job_that_ran_once_long_ago_stays_done(tmp_path: Path) -> None:
    once = job("once", "0 0 8 10 3 *", 12, runOnce=True)
    manifest = cronhpa(job("down", "0 0 9 * * *", 5), once)
    manifest["metadata"]["creationTimestamp"] = "2021-03-01T00:00:00Z"
    imported(tmp_path, [manifest])

    assert set(asked_for(tmp_path, "web", SPRING)) == {5}


@pytest.mark.parametrize("case", ["office hours", "in the hour that is missing or comes twice"])
def test_the_rules_go_on_in_the_years_that_follow(tmp_path: Path, case: str) -> None:
    manifest = SCALED_OBJECTS[case]
    imported(tmp_path, [manifest])

    ours = asked_for(tmp_path, "web", TWO_YEARS_ON)
    assert differences(ours, scaled_object(manifest, TWO_YEARS_ON), TWO_YEARS_ON) == []


def hpa(least: int | None, most: int) -> dict[str, Any]:
    utilization = {"type": "Utilization", "averageUtilization": 50}
    behavior = {
        "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
        },
        "scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]},
    }
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
        "behavior": behavior,
    }
    metadata = {"name": "web", "namespace": "shop"}
    bounds = {} if least is None else {"minReplicas": least}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec | bounds,
    }


@pytest.mark.parametrize(("least", "asked"), [(3, 3), (None, 1)])
def test_an_hpa_keeps_its_minimum(tmp_path: Path, least: int | None, asked: int) -> None:
    imported(tmp_path, [hpa(least, 40)])

    assert set(asked_for(tmp_path, "web", SPRING)) == {asked}


@CHANGES
def test_a_cron_hpa_moves_the_minimum_of_an_hpa(tmp_path: Path, times: Times) -> None:
    manifest = cronhpa(job("up", "0 0 8 * * *", 9), job("down", "0 0 20 * * *", 3))
    manifest["spec"]["scaleTargetRef"] = {
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "name": "web",
    }  # fmt: skip
    imported(tmp_path, [manifest, hpa(3, 40)], zone="Europe/Berlin")

    original = cron_hpa(manifest, "Europe/Berlin", 3, times)
    assert differences(asked_for(tmp_path, "web", times), original, times) == []


@CHANGES
def test_annotations_on_an_hpa_move_its_minimum(tmp_path: Path, times: Times) -> None:
    annotations = {"downscaler/uptime": "Mon-Fri 08:00-20:00 Europe/Berlin", "downscaler/downtime-replicas": "1"}
    manifest = hpa(4, 40)
    manifest["metadata"]["annotations"] = annotations
    imported(tmp_path, [manifest, deployment({"downscaler/exclude": "true"})])

    assert differences(asked_for(tmp_path, "web", times), downscaled(annotations, 4, times), times) == []
