"""A GitOps tool that tracks by a label and prunes what it does not know, right after a run: it finds nothing of one."""

from __future__ import annotations

import pytest

from springtide.record.model import RunOutcome
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, is_true, labels_of
from support.simulation import NAMESPACE, Simulation
from support.task_driver import TaskDriver

TRACKED = {"app.kubernetes.io/instance": "shop"}
"""How Argo CD marks what belongs to an application, where it tracks by a label."""

PRUNED = ("deployments", "replicasets", "services", "pods")


def tracked(strategy: str) -> Simulation:
    """Return a workload whose manifests, pod template included, carry the label."""
    simulation = Simulation.of(2, strategy=strategy)
    world = simulation.world
    for plural in ("deployments", "services"):
        obj = world.get(plural, NAMESPACE, "web")
        assert obj is not None
        labelled: Json = {**obj, "metadata": obj["metadata"] | {"labels": TRACKED}}
        if plural == "deployments":
            template = obj["spec"]["template"]
            metadata = template["metadata"] | {"labels": template["metadata"]["labels"] | TRACKED}
            labelled["spec"] = obj["spec"] | {"template": {**template, "metadata": metadata}}
        world.apply(labelled)
    world.settle()
    return simulation


def sync(simulation: Simulation) -> list[str]:
    """Delete what carries the label, is owned by nobody and stands in no manifest; return the names."""
    store = simulation.world.store
    pruned = []
    for plural in PRUNED:
        for obj in list(store.select(plural, NAMESPACE)):
            is_owned = bool(obj["metadata"].get("ownerReferences"))
            is_known = plural in {"deployments", "services"} and obj["metadata"]["name"] == "web"
            if TRACKED.items() <= labels_of(obj).items() and not is_owned and not is_known:
                pruned.append(f"{plural}/{obj['metadata']['name']}")
                simulation.world.core.writes.delete(KINDS[plural], KINDS[plural].ref(obj))
    return pruned


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_a_sync_after_the_run_prunes_nothing(strategy: str) -> None:
    simulation = tracked(strategy)

    assert simulation.run(4) is RunOutcome.SUCCEEDED
    assert sync(simulation) == []
    simulation.world.settle()
    assert sum(is_true(pod, "Ready") for pod in simulation.world.pods(NAMESPACE)) == 4


def test_nor_does_one_at_any_write_of_the_run() -> None:
    simulation = tracked("blue_green")
    pruned: list[str] = []

    def each(call: Call) -> None:
        if call.write:
            pruned.extend(sync(simulation))

    simulation.world.faults = each

    assert TaskDriver(simulation, simulation.request(4)).go() is RunOutcome.SUCCEEDED
    assert pruned == []
