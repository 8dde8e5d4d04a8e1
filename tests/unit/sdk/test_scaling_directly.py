"""`scale`: a Deployment of the embedded cluster, through its real HTTP API and the official client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox_cluster import SandboxCluster, start_sandbox
from springtide.sdk import (
    Conflict,
    Invalid,
    Misconfigured,
    NotFound,
    NotReady,
    PermanentError,
    Readiness,
    StillRunning,
    Unavailable,
    scale,
)

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

WORKLOAD = Path(__file__).parents[3] / "examples" / "workloads" / "checkout.yaml"
HERE: dict[str, Any] = {"namespace": "shop", "timeout": 60.0}
pytestmark = pytest.mark.xdist_group("sdk_cluster")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxCluster]:
    running = start_sandbox(tmp_path_factory.mktemp("sandbox"), "-f", str(WORKLOAD))
    yield running
    running.stop()


@pytest.fixture
def cluster(sandbox: SandboxCluster) -> Iterator[ApiClient]:
    from kubernetes import config

    with config.new_client_from_config(str(sandbox.kubeconfig)) as connection:
        yield connection


def replicas_of(cluster: ApiClient) -> int:
    from kubernetes import client

    found = client.AppsV1Api(cluster).read_namespaced_deployment("checkout", "shop")
    assert found.status.ready_replicas == found.spec.replicas
    return int(found.spec.replicas)


@pytest.mark.parametrize("replicas", [5, 2, 0, 3])
def test_it_returns_once_exactly_that_many_are_ready(cluster: ApiClient, replicas: int) -> None:
    from kubernetes import client

    told: list[Readiness] = []

    ready = scale("checkout", replicas, cluster=cluster, on_progress=told.append, **HERE)

    assert (ready.ready, ready.is_settled, told[-1]) == (replicas, True, ready)
    found = client.AppsV1Api(cluster).read_namespaced_deployment("checkout", "shop")
    assert (found.spec.replicas, found.status.ready_replicas or 0) == (replicas, replicas)


def test_a_context_of_the_kubeconfig_is_a_cluster_too(sandbox: SandboxCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes import config

    monkeypatch.setattr(config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(sandbox.kubeconfig))

    assert scale("checkout", 3, cluster="springtide-sandbox", **HERE).is_settled
    assert scale("checkout", 3, **HERE).is_settled
    with pytest.raises(Misconfigured, match="no usable configuration"):
        scale("checkout", 3, cluster="elsewhere", **HERE)


@pytest.mark.parametrize("replicas", [-1, True, 1.5, "6", 1_000_000], ids=repr)
def test_a_number_that_is_none_is_refused(cluster: ApiClient, replicas: Any) -> None:
    with pytest.raises(Invalid, match="replicas:"):
        scale("checkout", replicas, cluster=cluster, **HERE)


def test_a_deployment_that_is_not_there_is_named(cluster: ApiClient) -> None:
    with pytest.raises(NotFound, match='"chekout" not found'):
        scale("chekout", 3, cluster=cluster, **HERE)


def test_an_autoscaler_that_would_take_it_back_is_told_before_anything_is_written(cluster: ApiClient) -> None:
    from kubernetes import client

    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    spec = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 9}
    api = client.AutoscalingV2Api(cluster)
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}
    api.create_namespaced_horizontal_pod_autoscaler("shop", hpa, _preload_content=False)
    try:
        with pytest.raises(Conflict, match="web scales checkout") as raised:
            scale("checkout", 6, cluster=cluster, **HERE)
    finally:
        api.delete_namespaced_horizontal_pod_autoscaler("web", "shop")

    assert raised.value.code == "autoscaler_conflict"
    assert replicas_of(cluster) == 3


def test_what_is_not_ready_in_time_is_told_with_both_numbers_and_the_pods_words(
    sandbox: SandboxCluster, cluster: ApiClient
) -> None:
    from kubernetes import client

    apps = client.AppsV1Api(cluster)
    image = apps.read_namespaced_deployment("checkout", "shop").spec.template.spec.containers[0].image
    sandbox.forget_image(image)
    try:
        with pytest.raises(StillRunning, match=r"of 4 pods of checkout are ready: .*ImagePull") as raised:
            scale("checkout", 4, cluster=cluster, namespace="shop", timeout=4)
    finally:
        sandbox.provide_image(image)
        scale("checkout", 3, cluster=cluster, **HERE)

    assert raised.value.code == "still_running"


def test_a_quota_that_leaves_no_room_is_told_in_the_cluster_s_words(cluster: ApiClient) -> None:
    from kubernetes import client

    core = client.CoreV1Api(cluster)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "3"}}}
    core.create_namespaced_resource_quota("shop", quota)
    try:
        with pytest.raises(NotReady, match="exceeded quota: few"):
            scale("checkout", 4, cluster=cluster, **HERE)
    finally:
        core.delete_namespaced_resource_quota("few", "shop")
        scale("checkout", 3, cluster=cluster, **HERE)


def test_a_cluster_that_does_not_answer_is_worth_another_try() -> None:
    from kubernetes import client

    nowhere = client.ApiClient(client.Configuration(host="http://127.0.0.1:1"))
    nowhere.configuration.retries = False

    with pytest.raises(Unavailable, match="does not answer"):
        scale("checkout", 3, cluster=nowhere, namespace="shop", timeout=0)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kubernetes", None)

    with pytest.raises(PermanentError, match=r"pip install 'springtide-sdk\[kubernetes\]'"):
        scale("checkout", 3)
