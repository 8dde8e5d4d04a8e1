"""A workload on two nodes whose Service keeps requests on the node that they come from."""

from __future__ import annotations

from typing import Any

from springtide.record.memory import MemoryStore
from springtide.sandbox.core import Settings
from springtide.sandbox.world import World
from support.builders import policy
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation, web

SECOND = "sandbox-2"
INTERNAL = {"internalTrafficPolicy": "Local"}
EXTERNAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}


def on_two_nodes(
    replicas: int, *, service: dict[str, str] | None = None, only_warn: tuple[str, ...] = (), **strategy: Any
) -> Simulation:
    """Return a settled world with pods on both nodes, and the policy to scale them."""
    namespace, deployment, plain = web(replicas)
    world = World(Settings(seed=1, nodes=2))
    world.apply(namespace, deployment, {**plain, "spec": plain["spec"] | (service or INTERNAL)})
    world.settle()
    chosen = policy(
        strategy=WAITS | {"type": "blue_green"} | strategy,
        smoke=list(SMOKE),
        preflight={"only_warn": list(only_warn)},
    )
    return Simulation(world, MemoryStore(), chosen)


def with_a_closed_node(simulation: Simulation) -> Simulation:
    """Return the simulation once its second node takes no new pods."""
    world = simulation.world
    node = next(each for each in world.store.select("nodes") if each["metadata"]["name"] == SECOND)
    world.apply({**node, "spec": node["spec"] | {"unschedulable": True}})
    world.settle()
    return simulation


def serving_nodes(simulation: Simulation) -> set[str]:
    """Return where the pods of the namespace stand."""
    return {pod["spec"]["nodeName"] for pod in simulation.world.pods(NAMESPACE)}
