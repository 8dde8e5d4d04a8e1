"""The admission policy that is shipped, on a real cluster: what a Role cannot forbid is refused, by the field's name.

What springtide does write is in every other scenario, all of which run under it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2e.admission import tried, wait_until_it_holds
from e2e.manifests import NAME
from e2e.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.manifests import Json
    from e2e.stages import Given

pytestmark = pytest.mark.real_cluster


def container(**changed: Any) -> list[Json]:
    """Return a JSON patch of the first container, as whoever stole the token would write it."""
    path = "/spec/template/spec/containers/0"
    return [{"op": "add", "path": f"{path}/{key}", "value": value} for key, value in changed.items()]


EVIL = "registry.example.com/evil:1"
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "00000000-0000-0000-0000-000000000001"}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}}}
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
WORKLOAD_WRITES: dict[str, tuple[str, Json | list[Json], str]] = {
    "image": ("deployments", container(image=EVIL), "spec.template"),
    "env": ("deployments", container(env=[{"name": "A", "value": "b"}]), "spec.template"),
    "command": ("deployments", container(command=["/bin/sh"]), "spec.template"),
    "account": (
        "deployments",
        {"spec": {"template": {"spec": {"serviceAccountName": "admin"}}}},
        "spec.template",
    ),
    "strategy": ("deployments", {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 9}}}}, "spec.strategy"),
    "two fields": ("deployments", {"spec": {"minReadySeconds": 9, "revisionHistoryLimit": 1}}, "minReadySeconds"),
    "annotation": ("deployments", {"metadata": {"annotations": {"example.com/a": "b"}}}, "annotations example.com/a"),
    "label": ("deployments", {"metadata": {"labels": {"app": "other"}}}, "metadata.labels"),
    "finalizer": ("deployments", {"metadata": {"finalizers": ["example.com/hold"]}}, "metadata.finalizers"),
    "owner": ("deployments", {"metadata": {"ownerReferences": [OWNER]}}, "metadata.ownerReferences"),
    "selector": ("services", {"spec": {"selector": {"app": "other"}}}, "pod-template-hash"),
    "added selector": ("services", {"spec": {"selector": {"tier": "other"}}}, "pod-template-hash"),
    "removed selector": (
        "services",
        {"spec": {"selector": {"app": None, "pod-template-hash": "1"}}},
        "pod-template-hash",
    ),
    "type": ("services", {"spec": {"type": "NodePort"}}, "spec.type"),
    "address": ("services", {"spec": {"externalIPs": ["203.0.113.1"]}}, "spec.externalIPs"),
    "ports": ("services", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 22}], "spec.ports"),
    "scaled by others": (
        "horizontalpodautoscalers",
        {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "other"}}},
        "spec.scaleTargetRef",
    ),
    "metrics": ("horizontalpodautoscalers", {"spec": {"metrics": [CPU]}}, "spec.metrics"),
}


@pytest.fixture
def account(given: Given) -> Iterator[Observer]:
    """Springtide's own account over a workload that stands, held by the policy."""
    scenario = given.web(replicas=1).scenario
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}, "maxReplicas": 5}
    scenario.see.create("horizontalpodautoscalers", scenario.web.autoscaler(spec))
    mine = Observer(scenario.springtide.kubeconfig, scenario.see.namespace)
    wait_until_it_holds(mine)
    yield mine
    mine.close()


def test_each_write_that_a_role_cannot_forbid_is_refused_by_name(account: Observer) -> None:
    answers = {
        what: tried(account, "PATCH", collection, NAME, body) for what, (collection, body, _) in WORKLOAD_WRITES.items()
    }

    unnamed = {
        what: answers[what]
        for what, (collection, _, named) in WORKLOAD_WRITES.items()
        if "denied request" not in answers[what]
        or f"{collection} {NAME}: " not in answers[what]
        or named not in answers[what]
    }
    assert unnamed == {}


def test_a_set_of_pods_is_set_aside_and_nothing_else_is_done_to_it(account: Observer) -> None:
    (stable,) = account.objects("replicasets")
    name = stable["metadata"]["name"]
    gone = dict.fromkeys(stable["metadata"]["labels"])
    aside = {"metadata": {"labels": gone | {"springtide.dev/aside-of": NAME}, "ownerReferences": None}}

    assert tried(account, "PATCH", "replicasets", name, aside) == ""
    assert "changes the labels" in tried(account, "PATCH", "replicasets", name, {"metadata": {"labels": {"app": "x"}}})
    given_away = {"metadata": {"ownerReferences": [OWNER]}}
    assert "may take the owner off" in tried(account, "PATCH", "replicasets", name, given_away)
    assert "spec.template" in tried(account, "PATCH", "replicasets", name, container(image=EVIL))
    assert "scaled to 0" in tried(account, "DELETE", "replicasets", name, {})


def test_only_leases_of_its_own_are_written(account: Observer) -> None:
    mine = LEASE | {"metadata": {"name": "springtide-web"}}
    theirs = LEASE | {"metadata": {"name": "kube-controller-manager"}}

    assert tried(account, "POST", "leases", "", mine) == ""
    assert "leases kube-controller-manager: springtide writes only" in tried(account, "POST", "leases", "", theirs)


def test_what_a_run_writes_is_allowed(account: Observer) -> None:
    stamp = {"metadata": {"annotations": {"springtide.dev/run": "run-1", "springtide.dev/generation": "1"}}}
    writes: list[tuple[str, str, Json]] = [
        ("deployments", NAME, stamp),
        ("deployments", NAME, stamp | {"spec": {"paused": True}}),
        ("deployments", f"{NAME}/scale", {"spec": {"replicas": 2}}),
        ("services", NAME, stamp | {"spec": {"selector": {"pod-template-hash": "5d8"}}}),
        ("horizontalpodautoscalers", NAME, stamp | {"spec": {"minReplicas": 2, "maxReplicas": 9}}),
    ]

    assert [tried(account, "PATCH", kind, name, body) for kind, name, body in writes] == [""] * len(writes)


def test_nobody_else_is_held_to_it(given: Given, account: Observer) -> None:
    image = container(image=EVIL)

    assert tried(given.scenario.see, "PATCH", "deployments", NAME, image) == ""
    assert "denied request" in tried(account, "PATCH", "deployments", NAME, image)
