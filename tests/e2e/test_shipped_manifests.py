"""All of deploy/kubernetes on a real cluster: taken as it is, and at work, with a sweep by the CronJob itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cluster.settings import REPOSITORY
from e2e.admission import apply_policy
from e2e.live_load import LiveLoad
from e2e.manifests import NAME
from e2e.observer import Observer
from e2e.shipped_overlay import EXAMPLE, SHOP, SPRINGTIDE, WANTED, write_overlay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.lifecycle import Cluster
    from e2e.manifests import Json
    from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(600)]

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
STORE = "sqlite:////var/lib/springtide/runs.db"
"""A store that ends with its pod: what is kept is not what is tested here."""

SWEPT_WITHIN = 240
"""Seconds: a CronJob waits for its minute, and Python starts on a busy machine."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl as an administrator of the cluster."""

    own: Cluster

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """Return what a call says; one that fails fails the test."""
        command = [str(self.own.built.binaries / "kubectl"), *arguments]
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            env=self.own.environment(),
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def kustomized(self, folder: Path) -> str:
        """Return every object of a kustomization, as YAML."""
        return self("kustomize", str(folder))

    def tried(self, documents: str) -> list[str]:
        """Return what the API server takes of them, each field known to it; nothing is kept."""
        # Others may have written the same fields: whose they are is not asked here.
        only_tried = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
        return self("apply", *only_tried, "--filename=-", given=documents).splitlines()


@pytest.fixture(scope="module")
def kubectl(cluster: RealCluster) -> Kubectl:
    assert cluster.own is not None
    return Kubectl(cluster.own)


@pytest.fixture(scope="module")
def shop(cluster: RealCluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observer]:
    """The example at work: its service, and the CronJobs that scale it, held by the admission policy."""
    see = Observer(cluster.kubeconfig, SHOP)
    apply_policy(see)
    everything = kubectl.kustomized(write_overlay(tmp_path_factory.mktemp("overlay")))
    kubectl("apply", "--server-side", "--filename=-", given=everything)
    kubectl("--namespace", SPRINGTIDE, "create", "secret", "generic", SPRINGTIDE, f"--from-literal=store-url={STORE}")
    yield see
    kubectl("delete", "namespace", SHOP, SPRINGTIDE, "--timeout=100s")
    see.close()


@pytest.mark.usefixtures("shop")  # which makes the namespaces
def test_the_api_server_takes_everything_of_the_example_field_by_field(kubectl: Kubectl) -> None:
    taken = kubectl.tried(kubectl.kustomized(EXAMPLE))

    assert len(taken) > 15
    assert all(line.endswith("serverside-applied (server dry run)") for line in taken)


def test_the_api_server_takes_what_an_administrator_applies_once(kubectl: Kubectl) -> None:
    taken = kubectl.tried(kubectl.kustomized(KUBERNETES / "admission"))

    assert [line.partition(" ")[0].partition(".")[0] for line in taken] == [
        "validatingadmissionpolicy",
        "validatingadmissionpolicybinding",
    ]


def test_the_admission_policy_has_no_expression_of_a_wrong_type(shop: Observer, kubectl: Kubectl) -> None:
    def status() -> Json:
        return dict(json.loads(kubectl("get", "validatingadmissionpolicy", "springtide-writes", "-o=json"))["status"])

    shop.until("its types are checked", lambda: "typeChecking" in status())
    assert "expressionWarnings" not in status()["typeChecking"], status()


@pytest.mark.neighbours("prometheus-operator")
def test_the_operator_s_own_schemas_take_what_is_monitored(kubectl: Kubectl) -> None:
    documents = kubectl.kustomized(KUBERNETES / "monitoring")

    taken = kubectl.tried(documents)

    assert len(taken) == documents.count("\nkind: ") + documents.startswith("kind: ")
    assert {line.partition("/")[0] for line in taken} >= {
        "podmonitor.monitoring.coreos.com",
        "servicemonitor.monitoring.coreos.com",
    }


def test_a_sweep_of_the_cron_job_scales_the_service(shop: Observer, kubectl: Kubectl) -> None:
    shop.until("a sweep has ended well", lambda: bool(well_ended(kubectl, "adjust")), seconds=SWEPT_WITHIN)

    hpa = shop.get("horizontalpodautoscalers", NAME)
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (WANTED, 10)
    assert "springtide.dev/floor" in hpa["metadata"]["annotations"]
    assert len(shop.ready_endpoints()) == WANTED
    assert NAME in log_of(kubectl, well_ended(kubectl, "adjust")[0])


@pytest.mark.parametrize("component", ["prepare", "reconcile"])
def test_the_other_cron_jobs_end_well(shop: Observer, kubectl: Kubectl, component: str) -> None:
    kubectl("--namespace", SPRINGTIDE, "patch", "cronjob", "springtide-adjust", "-p", '{"spec": {"suspend": true}}')
    by_hand = f"--from=cronjob/springtide-{component}"
    kubectl("--namespace", SPRINGTIDE, "create", "job", by_hand, f"{component}-by-hand")

    shop.until(f"{component} has ended well", lambda: bool(well_ended(kubectl, component)), seconds=SWEPT_WITHIN)


@pytest.mark.neighbours("metrics-server")
def test_the_example_s_autoscaler_follows_the_cpu_that_its_pods_use(shop: Observer, kubectl: Kubectl) -> None:
    kubectl("--namespace", SPRINGTIDE, "patch", "cronjob", "springtide-adjust", "-p", '{"spec": {"suspend": true}}')
    kubectl("--namespace", SHOP, "set", "env", f"deployment/{NAME}", "BURN=2ms")
    kubectl("--namespace", SHOP, "rollout", "status", f"deployment/{NAME}", "--timeout=100s")
    address = kubectl("--namespace", SHOP, "get", "service", NAME, "-o=jsonpath={.spec.clusterIP}")
    load = LiveLoad(f"http://{address}/")
    try:
        shop.until("the CPU has the HPA ask for more", lambda: replicas(shop) > WANTED, seconds=SWEPT_WITHIN)
    finally:
        load.kill()


def replicas(see: Observer) -> int:
    return int(see.get("deployments", NAME)["spec"]["replicas"])


def well_ended(kubectl: Kubectl, component: str) -> list[str]:
    """Return the jobs of a CronJob that have succeeded; one that failed fails the test, with its log."""
    selector = f"app.kubernetes.io/component={component}"
    pods = json.loads(kubectl("--namespace", SPRINGTIDE, "get", "pods", f"--selector={selector}", "-o=json"))["items"]
    ended = {each["metadata"]["labels"]["job-name"]: each["status"]["phase"] for each in pods}
    failed = [job for job, phase in ended.items() if phase == "Failed"]
    assert not failed, log_of(kubectl, failed[0])
    return [job for job, phase in ended.items() if phase == "Succeeded"]


def log_of(kubectl: Kubectl, job: str) -> str:
    """Return what a job's pod has said."""
    return kubectl("--namespace", SPRINGTIDE, "logs", f"job/{job}")
