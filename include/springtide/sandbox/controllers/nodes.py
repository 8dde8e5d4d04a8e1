"""The nodes of the cluster: what each has, what its pods ask for, and which of them a pod fits on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from springtide.sandbox.core import Core
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.resources import parse, pod_resources

FIRST = "sandbox"
_COUNTED = ("cpu", "memory")

Needs = dict[str, Decimal]


def node_names(nodes: int) -> list[str]:
    """Return the names of so many nodes: `sandbox`, `sandbox-2` and so on."""
    return [FIRST, *(f"{FIRST}-{number}" for number in range(2, nodes + 1))]


def add_node(core: Core, name: str) -> None:
    """Register a node that is ready, with the room that the settings say."""
    settings = core.settings
    room = {"cpu": settings.node_cpu, "memory": settings.node_memory, "pods": str(settings.node_pods)}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    status = {
        "capacity": room,
        "allocatable": room,
        "conditions": [{**ready, "lastTransitionTime": core.stamp(), "lastHeartbeatTime": core.stamp()}],
        "addresses": [{"type": "InternalIP", "address": core.network.node}],
    }
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
    registered = core.writes.create(KINDS["nodes"], {"metadata": metadata, "spec": {}})
    core.store.put(KINDS["nodes"].ref(registered), {**registered, "status": status})


def needs_of(pod: Json) -> Needs:
    """Return what a pod asks for of what nodes run short of."""
    wanted = pod_resources(pod["spec"], "requests")
    return {name: wanted.get(name, Decimal(0)) for name in _COUNTED}


@dataclass(slots=True, kw_only=True)
class Room:
    """One node's: `open` where the scheduler may put pods there."""

    allocatable: Needs = field(default_factory=dict)
    places: int = 0
    open: bool = False
    taken: dict[Ref, Needs] = field(default_factory=dict)
    used: Needs = field(default_factory=dict)

    def take(self, ref: Ref, needs: Needs) -> None:
        """Count a pod."""
        self.taken[ref] = needs
        self.used = {name: self.used.get(name, Decimal(0)) + amount for name, amount in needs.items()}

    def release(self, ref: Ref) -> bool:
        """Count a pod no more; return whether it was counted."""
        needs = self.taken.pop(ref, None)
        if needs is not None:
            self.used = {name: self.used[name] - amount for name, amount in needs.items()}
        return needs is not None

    def follow(self, node: Json) -> None:
        """Take over what a node says of itself."""
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        self.allocatable = {name: parse(allocatable.get(name, 0)) for name in _COUNTED}
        self.places = int(parse(allocatable.get("pods", 0)))
        self.open = not (node.get("spec") or {}).get("unschedulable")

    def lacks(self, needs: Needs) -> list[str]:
        """Return what keeps a pod from this node, in the scheduler's words; nothing where it fits."""
        if not self.open:
            return ["node(s) were unschedulable"]
        left = {name: self.allocatable.get(name, Decimal(0)) - self.used.get(name, Decimal(0)) for name in needs}
        short = [f"Insufficient {name}" for name in sorted(needs) if needs[name] > left[name]]
        return [*short, "Too many pods"] if len(self.taken) >= self.places else short


class Rooms:
    """The room of every node."""

    def __init__(self) -> None:
        self._by_node: dict[str, Room] = {}

    def follow(self, node: Json, *, is_gone: bool) -> None:
        """Take over a change of a node; the pods of one that is gone are on no node any more."""
        name = node["metadata"]["name"]
        if is_gone:
            self._by_node.pop(name, None)
        else:
            self._by_node.setdefault(name, Room()).follow(node)

    def release(self, ref: Ref) -> bool:
        """Give the room of a pod back; return whether it had some."""
        return any(room.release(ref) for room in self._by_node.values())

    def take(self, ref: Ref, needs: Needs) -> str | list[str]:
        """Return the node that a pod goes to: of those where it fits the one with the fewest; or why there is none."""
        found = {name: room.lacks(needs) for name, room in self._by_node.items()}
        fitting = [name for name, short in found.items() if not short]
        if not fitting:
            counted = Counter(reason for short in found.values() for reason in short)
            return [f"{count} {reason}" for reason, count in counted.items()]
        chosen = min(fitting, key=lambda name: len(self._by_node[name].taken))
        self._by_node[chosen].take(ref, needs)
        return chosen

    def __len__(self) -> int:
        return len(self._by_node)
