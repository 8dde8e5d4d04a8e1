"""`springtide init`: what is proposed for a workload follows from its autoscaler, its probes and its history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from springtide.adoption.asks import Years
from springtide.adoption.documents import text_of, write
from springtide.adoption.first_policies import first_policies, workloads_of
from springtide.adoption.found import FoundObject, FoundObjects
from springtide.adoption.history import UsageHistory, read_usage
from springtide.adoption.proposals import Proposal
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnavailable
from springtide.events.file_checks import check_files
from springtide.policy.reading.parse import load_policy
from springtide.policy.scaling.model import ScalingPolicy
from unit.adoption.replay import NOW

PROBE = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}


def workload(kind: str = "Deployment", replicas: int = 4, **container: Any) -> FoundObject:
    """Return a workload `web` with one container, which serves on a port of a name."""
    whole = {
        "name": "web",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": PROBE,
        "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m"}},
        **container,
    }
    template = {"metadata": {"labels": {"app": "web", "tier": "front"}}, "spec": {"containers": [whole]}}
    return found(kind, "web", {"replicas": replicas, "template": template}, "apps/v1")


def found(kind: str, name: str, spec: dict[str, Any], version: str = "v1") -> FoundObject:
    metadata = {"name": name, "namespace": "shop"}
    return FoundObject({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}, "cluster")


def service(name: str = "web", *ports: dict[str, Any]) -> FoundObject:
    listed = list(ports) or [{"port": 80, "targetPort": 8080}]
    return found("Service", name, {"selector": {"app": "web"}, "ports": listed})


def hpa(target: int = 60, **spec: Any) -> FoundObject:
    utilization = {"type": "Utilization", "averageUtilization": target}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    bounds = {"scaleTargetRef": reference, "minReplicas": 3, "maxReplicas": 25, "metrics": metrics}
    return found("HorizontalPodAutoscaler", "web", bounds | spec, "autoscaling/v2")


def history(days: float = 15, problem: str = "") -> UsageHistory:
    return UsageHistory(query="sum(cpu)", days=days, peak=3.2, problem=problem)


def proposed(folder: Path, *objects: FoundObject, usage: UsageHistory | None = None) -> tuple[ScalingPolicy, Proposal]:
    """Return the policy of `web`, read back from its file, and all that was said."""
    together = FoundObjects.of(objects)
    histories = {} if usage is None else dict.fromkeys(workloads_of(together), usage)
    proposal = first_policies(together, histories, Years(NOW), None)
    write(folder, {each.path: text_of(each, "init") for each in proposal.documents}, replace=False)
    assert list(map(str, check_files([folder], now=NOW).errors)) == []
    return load_policy(folder / "policies" / "web.yaml"), proposal


def told(proposal: Proposal) -> set[str]:
    return {remark.field for remark in proposal.remarks}


def test_an_autoscaler_says_the_bounds_and_the_strategy(tmp_path: Path) -> None:
    policy, proposal = proposed(tmp_path, workload(), service(), hpa(), usage=history())

    assert (policy.spec.replicas.min, policy.spec.replicas.max, policy.spec.strategy.type) == (3, 25, "floor")
    assert proposal.documents[0].sources == ("Deployment shop/web", "HorizontalPodAutoscaler shop/web")


def test_without_one_it_stays_as_it_runs_and_the_maximum_is_to_be_looked_at(tmp_path: Path) -> None:
    policy, proposal = proposed(tmp_path, workload(replicas=4), service())

    assert (policy.spec.replicas.min, policy.spec.replicas.max, policy.spec.strategy.type) == (4, 12, "in_place")
    assert "replicas.max" in told(proposal)


def test_a_long_history_lets_it_learn(tmp_path: Path) -> None:
    policy, _ = proposed(tmp_path, workload(), service(), hpa(60), usage=history(15))

    (model,) = policy.spec.capacity.models
    # A replica may use 0.5 cores; the HPA wants 60 % of the 0.25 that it asks for.
    assert model.model_dump(include={"model", "per_replica", "autoscaler", "hpa"}) == {
        "model": "auto", "per_replica": 0.5, "autoscaler": "floor", "hpa": {"metric": "cpu", "target": 0.3},
    }  # fmt: skip
    assert policy.spec.demand is not None
    assert str(policy.spec.demand.lookback) == "21d"


def test_a_short_history_is_not_enough_for_that(tmp_path: Path) -> None:
    policy, proposal = proposed(tmp_path, workload(), service(), usage=history(3))

    assert [model.model for model in policy.spec.capacity.models] == ["target_utilization"]
    assert "capacity" in told(proposal)


@pytest.mark.parametrize(("usage", "container", "field"), [
    (None, {}, "demand"),
    (history(problem="the query returns nothing"), {}, "demand"),
    (history(), {"resources": {}}, "resources.requests.cpu"),
    (history(), {"resources": {"limits": {"cpu": "lots"}}}, "resources.requests.cpu"),
])  # fmt: skip
def test_what_is_not_known_is_told_and_never_lowers_anything(
    tmp_path: Path, usage: UsageHistory | None, container: dict[str, Any], field: str
) -> None:
    policy, proposal = proposed(tmp_path, workload(**container), service(), usage=usage)

    (model,) = policy.spec.capacity.models
    assert (model.model, policy.spec.replicas.min, field in told(proposal)) == ("fixed", 4, True)


def test_the_readiness_probe_becomes_the_smoke_check(tmp_path: Path) -> None:
    ports = [{"name": "metrics", "port": 9090, "targetPort": 9090}, {"name": "web", "port": 80, "targetPort": "http"}]
    policy, _ = proposed(tmp_path, workload(), service("web", *ports))

    (check,) = policy.spec.smoke
    assert check.model_dump(mode="json", exclude_defaults=True) == {"http": {"path": "/healthz", "port": 80}}
    assert policy.spec.target.service == "web"


@pytest.mark.parametrize(("objects", "field"), [
    ([workload()], "target.service"),
    ([workload(), service("web"), service("web-internal")], "target.service"),
    ([workload(readinessProbe={"tcpSocket": {"port": 8080}}), service()], "smoke"),
])  # fmt: skip
def test_without_one_service_or_a_probe_by_http_there_is_no_check(
    tmp_path: Path, objects: list[FoundObject], field: str
) -> None:
    policy, proposal = proposed(tmp_path, *objects)

    assert (policy.spec.smoke, field in told(proposal)) == ((), True)


def test_pods_that_may_take_long_to_start_get_the_time(tmp_path: Path) -> None:
    startup = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 10, "failureThreshold": 90}
    policy, _ = proposed(tmp_path, workload(startupProbe=startup), service())

    assert policy.spec.strategy.deadlines.ready.total_seconds() >= 900 + 300


def test_a_stateful_set_is_a_target_of_its_own_kind(tmp_path: Path) -> None:
    policy, _ = proposed(tmp_path, workload("StatefulSet"), service())

    assert policy.spec.target.workload.title == "StatefulSet web"


def test_what_scales_by_the_clock_is_left_to_the_import(tmp_path: Path) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    jobs = [{"name": "up", "schedule": "0 0 8 * * *", "targetSize": 5}]
    cron = found("CronHorizontalPodAutoscaler", "hours", {"scaleTargetRef": reference, "jobs": jobs})

    _, proposal = proposed(tmp_path, workload(), service(), cron)

    assert any("springtide import" in remark.advice for remark in proposal.remarks)


class TestHistory:
    """What Prometheus says of a workload, and what it does not."""

    def test_is_as_long_as_its_first_sample_is_old(self) -> None:
        times = np.array([NOW.timestamp() - 5 * 86400, NOW.timestamp() - 60])
        series = DemandSeries(times=times, values=np.array([1.0, 2.5]), unit="cores", source="test")

        usage = read_usage(self.web(), lambda _spec: _Recorded(series), NOW)

        assert (usage.days, usage.peak, usage.problem) == (5.0, 2.5, "")
        assert 'pod=~"web-[a-z0-9]+-[a-z0-9]{5}"' in usage.query

    def test_that_cannot_be_read_is_told_and_ends_nothing(self) -> None:
        usage = read_usage(self.web(), lambda _spec: _Silent(), NOW)

        assert (usage.days, usage.problem) == (0.0, "no answer in time")

    def web(self) -> Any:
        (only,) = workloads_of(FoundObjects.of([workload()]))
        return only


class _Recorded:
    def __init__(self, series: DemandSeries) -> None:
        self.series = series

    def read(self, *_range: Any) -> DemandSeries:
        return self.series


class _Silent:
    def read(self, *_range: Any) -> DemandSeries:
        raise DemandUnavailable("no answer in time", code="demand_unavailable")


def test_a_first_policy_begins_by_advising(tmp_path: Path) -> None:
    policy, proposal = proposed(tmp_path, workload())

    assert policy.spec.mode == "advise"
    assert "mode" in told(proposal)
