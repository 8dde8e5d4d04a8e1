"""The nodes of the cluster: what each has, what its pods ask for, and which of them a pod fits on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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

    def lacks(self, needs: Needs, *, kept: Sequence[Needs] = (), without: Iterable[Ref] = ()) -> list[str]:
        """Return what keeps a pod from this node, in the scheduler's words; nothing where it fits.

        Room is `kept` for pods that are to come here, and counts as free where the pods go that it is `without`.
        """
        if not self.open:
            return ["node(s) were unschedulable"]
        going = [self.taken[ref] for ref in without]
        left = {name: self.allocatable.get(name, Decimal(0)) - self.used.get(name, Decimal(0)) for name in needs}
        for name in left:
            left[name] += sum((each[name] for each in going), Decimal(0)) - sum(
                (each[name] for each in kept), Decimal(0)
            )
        short = [f"Insufficient {name}" for name in sorted(needs) if needs[name] > left[name]]
        standing = len(self.taken) - len(going) + len(kept)
        return [*short, "Too many pods"] if standing >= self.places else short


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """A pod that is to come to a node once the room that it takes there is free."""

    node: str
    needs: Needs
    priority: int


class Rooms:
    """The room of every node, and for whom some of it is kept."""

    def __init__(self) -> None:
        self._by_node: dict[str, Room] = {}
        self._nominated: dict[Ref, Nomination] = {}

    def follow(self, node: Json, *, is_gone: bool) -> None:
        """Take over a change of a node; the pods of one that is gone are on no node any more."""
        name = node["metadata"]["name"]
        if is_gone:
            self._by_node.pop(name, None)
        else:
            self._by_node.setdefault(name, Room()).follow(node)

    def release(self, ref: Ref) -> bool:
        """Give the room of a pod back, and what is kept for it; return whether it had some."""
        had = self._nominated.pop(ref, None) is not None
        return any(room.release(ref) for room in self._by_node.values()) or had

    def take(self, ref: Ref, needs: Needs, priority: int = 0) -> str | list[str]:
        """Return the node that a pod goes to: of those where it fits the one with the fewest; or why there is none."""
        found = {name: room.lacks(needs, kept=self._kept(name, ref, priority)) for name, room in self._by_node.items()}
        fitting = [name for name, short in found.items() if not short]
        if not fitting:
            counted = Counter(reason for short in found.values() for reason in short)
            return [f"{count} {reason}" for reason, count in counted.items()]
        chosen = min(fitting, key=lambda name: len(self._by_node[name].taken))
        self._by_node[chosen].take(ref, needs)
        self._nominated.pop(ref, None)
        return chosen

    def nominated(self, ref: Ref) -> str:
        """Return the node that a pod is to come to; "" for none."""
        nomination = self._nominated.get(ref)
        return nomination.node if nomination is not None and nomination.node in self._by_node else ""

    def nominate(self, ref: Ref, nomination: Nomination) -> None:
        """Keep room for a pod from those of no higher priority."""
        self._nominated[ref] = nomination

    def on(self, node: str) -> tuple[Ref, ...]:
        """Return the pods of a node."""
        return tuple(self._by_node[node].taken)

    def fits_without(self, node: str, ref: Ref, nomination: Nomination, gone: Iterable[Ref]) -> bool:
        """Say whether a pod would fit on a node whose pods `gone` are not there."""
        kept = self._kept(node, ref, nomination.priority)
        return not self._by_node[node].lacks(nomination.needs, kept=kept, without=gone)

    def _kept(self, node: str, ref: Ref, priority: int) -> list[Needs]:
        return [
            other.needs
            for name, other in self._nominated.items()
            if other.node == node and name != ref and other.priority >= priority
        ]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_node)

    def __len__(self) -> int:
        return len(self._by_node)
