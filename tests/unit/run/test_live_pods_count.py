"""Room is looked for by what pods take once they are there: injected sidecars and defaults included."""

from __future__ import annotations

import pytest

from springtide.errors import InputError
from springtide.plan.findings import FindingStatus
from springtide.run.admission import plan_capacity
from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from support.simulation import NAMESPACE, Simulation

PROXY = {"name": "proxy", "image": "localhost/pause:1", "resources": {"requests": {"cpu": "100m"}}}


def injecting(kind: Kind, old: Json | None, obj: Json) -> Json:
    """Put a proxy into every new pod, as a mesh does."""
    if kind.plural != "pods" or old is not None:
        return obj
    return {**obj, "spec": {**obj["spec"], "containers": [*obj["spec"]["containers"], PROXY]}}


def meshed(strategy: str, cpu: str) -> Simulation:
    """Return three pods with a proxy each, and a quota of `cpu` in their namespace."""
    simulation = Simulation.of(3, strategy=strategy)
    world = simulation.world
    world.core.writes.webhooks.append(injecting)
    deployment = simulation.deployment("web")
    assert deployment is not None
    template = deployment["spec"]["template"]
    metadata = {"labels": template["metadata"]["labels"], "annotations": {"mesh": "yes"}}
    world.apply({**deployment, "spec": deployment["spec"] | {"template": {**template, "metadata": metadata}}})
    world.settle()
    name = {"name": "cpus", "namespace": NAMESPACE}
    world.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": name, "spec": {"hard": {"requests.cpu": cpu}}}
    )
    world.settle()
    return simulation


@pytest.mark.parametrize(("strategy", "cpu"), [("in_place", "500m"), ("blue_green", "800m")])
def test_a_quota_is_short_for_pods_as_they_are(strategy: str, cpu: str) -> None:
    simulation = meshed(strategy, cpu)

    with pytest.raises(InputError, match=r"ResourceQuota cpus: requests\.cpu needs") as caught:
        simulation.run(6)

    assert caught.value.code == "quota_short"


@pytest.mark.parametrize(("strategy", "cpu"), [("in_place", "600m"), ("blue_green", "900m")])
def test_one_that_holds_them_is_enough_and_the_difference_is_told(strategy: str, cpu: str) -> None:
    simulation = meshed(strategy, cpu)
    plan = plan_capacity(simulation.ports(), simulation.request(6))

    assert FindingStatus.REFUSED not in {finding.status for finding in plan.findings}
    (told,) = [finding for finding in plan.findings if finding.check == "workload"]
    assert "request cpu 0.1 instead of 0 in their template" in told.message
