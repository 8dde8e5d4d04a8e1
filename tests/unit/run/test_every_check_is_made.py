"""Each check of the preflight, refusing by itself: no run begins, and the one that refused is named."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.kube.client import ServerVersion
from springtide.kube.live import LiveKube
from springtide.run import phases
from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.status import denied
from support.builders import policy
from support.courses import autoscaler
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation
from support.two_nodes import on_two_nodes

Arrange = Callable[[pytest.MonkeyPatch], Simulation]


def with_policy(**spec: Any) -> Simulation:
    simulation = Simulation.of(2)
    usual = {"strategy": WAITS | {"type": "blue_green"}, "smoke": list(SMOKE)}
    simulation.policy = policy(**usual | spec)
    return simulation


def with_quota(_patch: pytest.MonkeyPatch) -> Simulation:
    simulation = Simulation.of(2)
    metadata = {"name": "small", "namespace": NAMESPACE}
    simulation.world.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "5"}}}
    )
    simulation.world.settle()
    return simulation


def written_by_a_gitops_tool(_patch: pytest.MonkeyPatch) -> Simulation:
    simulation = Simulation.of(2)
    deployment = simulation.deployment("web")
    assert deployment is not None
    changed = {**deployment, "spec": deployment["spec"] | {"replicas": 3}}
    simulation.world.apply(changed, manager="argocd-controller")
    simulation.world.settle()
    return simulation


def with_controller(_patch: pytest.MonkeyPatch) -> Simulation:
    simulation = Simulation.of(2)
    world = simulation.world
    metadata = {"name": "shop-web", "namespace": NAMESPACE}
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    controller = world.get("configmaps", NAMESPACE, "shop-web")
    deployment = simulation.deployment("web")
    assert controller is not None
    assert deployment is not None
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "shop-web", "uid": controller["metadata"]["uid"]}
    world.apply(
        {**deployment, "metadata": deployment["metadata"] | {"ownerReferences": [owner | {"controller": True}]}}
    )
    world.settle()
    return simulation


def without_rights(patch: pytest.MonkeyPatch) -> Simulation:
    patch.setattr(LiveKube, "may", lambda _self, right, _namespace: right.resource != "leases")
    return Simulation.of(2)


def on_an_old_server(patch: pytest.MonkeyPatch) -> Simulation:
    patch.setattr(LiveKube, "server_version", lambda _self: ServerVersion(1, 20))
    return Simulation.of(2)


def under_a_low_maximum(_patch: pytest.MonkeyPatch) -> Simulation:
    simulation = Simulation.of(2, strategy="floor")
    hpa = autoscaler(2)
    simulation.world.apply({**hpa, "spec": hpa["spec"] | {"maxReplicas": 3}})
    simulation.world.settle()
    return simulation


LONG_ENOUGH_WITHOUT = {"ready": "60s", "switched": "60s", "removed": "60s"}


def with_long_hooks(simulation: Simulation) -> Simulation:
    """Return the simulation with pods that sleep for 20 s before they end."""
    deployment = simulation.deployment("web")
    assert deployment is not None
    changed = deepcopy(deployment)
    spec = changed["spec"]["template"]["spec"]
    spec["terminationGracePeriodSeconds"] = 60
    spec["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
    simulation.world.apply(changed)
    simulation.world.settle(quiet=70)
    return simulation


def under_a_webhook(_patch: pytest.MonkeyPatch) -> Simulation:
    simulation = Simulation.of(2)

    def webhook(kind: Kind, old: Json | None, obj: Json) -> Json:
        if kind.plural == "services" and old is not None:
            raise denied("frozen.example.com", "nobody changes a Service")
        return obj

    simulation.world.core.writes.webhooks.append(webhook)
    return simulation


ORDERS = {"name": "orders", "connections_per_replica": 10, "limit": 50}
CASES: dict[str, Arrange] = {
    "quota": with_quota,
    "nodes": lambda _: Simulation.of(2, node_pods=4),
    "autoscaler_maximum": under_a_low_maximum,
    "grace": lambda _: Simulation.of(6, strategy="in_place", drain="45s"),
    "deadlines": lambda _: with_long_hooks(Simulation.of(3, remove_step="25%", deadlines=LONG_ENOUGH_WITHOUT)),
    "rights": without_rights,
    "owner": with_controller,
    "server_version": on_an_old_server,
    "gitops": written_by_a_gitops_tool,
    "downstream": lambda _: with_policy(downstream=[ORDERS]),
    "database": lambda _: with_policy(databases=[{"name": "orders", "connection": "orders"}]),
    "admission": under_a_webhook,
    "traffic_policy": lambda _: on_two_nodes(2, overlap="batched"),
    "smoke": lambda _: with_policy(smoke=[{"http": {"path": "/healthz", "samples": 3, "expect": 204}}]),
}


@pytest.mark.parametrize("check", CASES)
def test_what_one_check_refuses_keeps_a_run_from_beginning(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = CASES[check](monkeypatch)
    before = simulation.world.store.revision

    with pytest.raises(InputError) as caught:
        phases.calculate_capacity(simulation.ports(), simulation.request(4))

    assert caught.value.field == f"preflight.{check}"
    assert {line.partition(":")[0] for line in caught.value.message.splitlines()} == {check}
    assert simulation.world.store.revision == before
