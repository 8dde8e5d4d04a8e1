"""A full cluster whose node autoscaler needs 90 s for a node, and a workload whose policy has placeholders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.ports import Ports
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json, Ref, condition, is_true, parse_stamp
from springtide.sandbox.store import Change
from springtide.sandbox.world import World
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation, others

PLACEHOLDERS = "headroom"
NODE_SECONDS = 90
LONG: Json = {"ready": "10m", "switched": "60s", "removed": "5m"}
_PLACES = 12
_RUNNING = 3


def priority_class(name: str = "placeholders", value: int = -5) -> Json:
    """Return the class of the placeholders."""
    metadata = {"name": name}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": value}


def placeholders(replicas: int = 0, *, of_class: str = "placeholders", requests: Json | None = None) -> Json:
    """Return the Deployment of placeholders, as an operator makes it."""
    labels = {"app": PLACEHOLDERS}
    container: Json = {"name": "pause", "image": "localhost/pause:1", "imagePullPolicy": "Never"}
    container |= {"resources": {"requests": requests}} if requests else {}
    spec = {"priorityClassName": of_class, "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": PLACEHOLDERS, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


@dataclass
class NodeAutoscaler:
    """Adds a node so long after a pod found no room that no preemption makes, at most `limit` of them.

    A node has places for the pods that wait then, and no more: whoever comes later has to take the room of another.
    """

    world: World
    limit: int = 3
    seconds: float = NODE_SECONDS
    added: list[str] = field(default_factory=list)
    is_at_work: bool = False

    def watch(self) -> Self:
        """Begin to look at pods."""
        self.world.store.observe(self._saw)
        return self

    def _saw(self, change: Change) -> None:
        if change.ref.resource != "pods" or self.is_at_work or len(self.added) >= self.limit:
            return
        if is_refused(change.object):
            self.is_at_work = True
            self.world.core.timeline.after(self.seconds, self._add)

    def _add(self) -> None:
        self.is_at_work = False
        waiting = sum(is_refused(pod) for pod in self.world.store.select("pods"))
        if not waiting:
            return
        self.added.append(f"pool-{len(self.added) + 1}")
        self.world.add_node(self.added[-1])
        ref = Ref("nodes", "", self.added[-1])
        node = self.world.store.get(ref)
        assert node is not None
        room = {**node["status"]["allocatable"], "pods": str(waiting)}
        self.world.store.put(ref, {**node, "status": {**node["status"], "allocatable": room}})


def is_refused(pod: Json) -> bool:
    """Say whether a pod waits for a node and nobody makes room for it."""
    scheduled = condition(pod, "PodScheduled")
    waits = scheduled is not None and scheduled["status"] == "False" and "deletionTimestamp" not in pod["metadata"]
    return waits and not pod["status"].get("nominatedNodeName")


@dataclass
class WarmScene:
    """One workload of three pods on a full node; `refused` are pods of the workload that found no room.

    `numbers` are those that the placeholders were set to since.
    """

    simulation: Simulation
    nodes: NodeAutoscaler
    number: int
    heard: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        strategy: str,
        *,
        before: int = 0,
        limit: int = 3,
        seconds: float = NODE_SECONDS,
        warm: Json | None = None,
        **settings: Any,
    ) -> Self:
        """Return the settled scene.

        `before` placeholders stand already, and `warm` is what the policy says of them. At most `limit` nodes are
        added, each after so many `seconds`.
        """
        chosen: Json = {"deadlines": LONG, "patience": {}, "warm_nodes": {"deployment": PLACEHOLDERS} | (warm or {})}
        simulation = Simulation.of(_RUNNING, strategy=strategy, node_pods=_PLACES, **chosen | settings)
        world = simulation.world
        world.apply(priority_class(), placeholders(before), others(_PLACES - _RUNNING - before))
        if strategy == "floor":
            world.apply(autoscaler(_RUNNING))
        world.settle()
        scene = cls(simulation, NodeAutoscaler(world, limit, seconds).watch(), number=before)
        world.store.observe(scene._saw)
        return scene

    def _saw(self, change: Change) -> None:
        name = change.ref.name
        if change.ref.resource == "pods" and name.startswith("web-") and is_refused(change.object):
            self.refused.append(name)
        if (change.ref.resource, name) == ("deployments", PLACEHOLDERS) and change.type != "DELETED":
            before = self.number
            self.number = int(change.object["spec"]["replicas"])
            self.numbers += [self.number] if self.number != before else []

    @property
    def world(self) -> World:
        """The cluster."""
        return self.simulation.world

    @property
    def ports(self) -> Ports:
        """The ports of the run."""
        return replace(self.simulation.ports("run-1"), on_wait=self.heard.append)

    @property
    def placeholders(self) -> int:
        """How many placeholders there are to be."""
        deployment = self.simulation.deployment(PLACEHOLDERS)
        assert deployment is not None
        return int(deployment["spec"]["replicas"])

    @property
    def web(self) -> int:
        """How many replicas the workload has."""
        deployment = self.simulation.deployment("web")
        assert deployment is not None
        return int(deployment["spec"]["replicas"])

    def run(self, to: int) -> RunOutcome:
        """Do the whole run, and let the cluster come to rest."""
        try:
            return pipeline.run(self.ports, self.simulation.request(to))
        finally:
            self.world.settle(quiet=20)

    def ready(self, app: str = "web") -> int:
        """How many pods are ready."""
        return sum(is_true(pod, "Ready") for pod in self.world.pods(NAMESPACE, {"app": app}))

    def waited(self) -> list[float]:
        """Return how many seconds each pod of the workload waited for its node."""
        return [
            (
                parse_stamp(found["lastTransitionTime"]) - parse_stamp(pod["metadata"]["creationTimestamp"])
            ).total_seconds()
            for pod in self.world.pods(NAMESPACE, {"app": "web"})
            if (found := condition(pod, "PodScheduled")) is not None
        ]

    def scale_by_hand(self, replicas: int) -> None:
        """Set the placeholders as somebody with `kubectl edit` would."""
        deployment = self.simulation.deployment(PLACEHOLDERS)
        assert deployment is not None
        spec = deployment["spec"] | {"replicas": replicas}
        self.world.apply({**deployment, "spec": spec}, manager="kubectl-edit")

    def after(self, seconds: float, act: Callable[[], object]) -> Self:
        """Have something happen so long after the run began."""

        def do() -> None:
            act()

        self.world.core.timeline.after(seconds, do)
        return self

    def messages(self) -> str:
        """Return what the phases of the run came to."""
        return "\n".join(phase.message for phase in self.simulation.store.get("run-1").phases)


def is_scaling(call: Call, name: str) -> bool:
    """Say whether a call sets a Deployment's number, and not only tries to."""
    return call.method == "PATCH" and call.path.endswith(f"/deployments/{name}/scale") and "dryRun" not in call.query


def writes_to(calls: list[Call], name: str) -> list[Call]:
    """Return the changes of a Deployment's number that were done."""
    return [call for call in calls if is_scaling(call, name) and call.status == 200]
