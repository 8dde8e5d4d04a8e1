"""What every built-in controller works on, and how its work is queued."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from springtide.sandbox.network import Network
from springtide.sandbox.objects import Json, Ref, stamp
from springtide.sandbox.store import Change, Store
from springtide.sandbox.timeline import Timeline, Timer
from springtide.sandbox.writes import Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the cluster behaves. Times are seconds.

    The reaction times are means; each reaction takes between 0.75 and 1.25 of it, drawn from the seed.
    """

    seed: int = 0
    images: frozenset[str] = frozenset({"localhost/web:1", "localhost/web:2", "localhost/pause:1"})
    node_cpu: str = "64"
    node_memory: str = "256Gi"
    node_pods: int = 500
    nodes: int = 1
    reaction: float = 0.01  # of a controller to a change
    start: float = 0.3  # from a pod's place on the node to its running containers
    notice: float = 0.3  # from a container's start until the kubelet has seen that it runs, and probes it
    pull: float = 0.5  # until an image pull fails
    gone: float = 0.05  # from the end of a pod's last container to the end of its object
    propagation: float = 0.2  # from a written EndpointSlice to the Service following it
    slice_size: int = 100  # endpoints per EndpointSlice
    slice_gap: float = 0.005  # between the writes of one change that needs several slices
    call: float = 0.002  # that an API call takes in virtual time
    second_octet: int = 96  # of the sandbox's 127.x.0.0/16


@dataclass(slots=True, kw_only=True)
class Core:
    """The state, the time and the ways to change them."""

    settings: Settings
    start: datetime
    timeline: Timeline
    store: Store
    writes: Writes
    network: Network
    rng: Random
    images: set[str]  # what the node has; may change while the sandbox runs
    _events: dict[tuple[str, str, str], Ref] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the time of day."""
        return self.writes.now()

    def stamp(self) -> str:
        """Return the time of day as the API writes it."""
        return stamp(self.now())

    def about(self, seconds: float) -> float:
        """Return a time around a mean."""
        return seconds * (0.75 + self.rng.random() / 2)

    def event(self, subject: Json, kind: str, reason: str, message: str) -> None:
        """Record an Event (`kind` is Normal or Warning) about an object; the same one again only raises its count."""
        metadata = subject["metadata"]
        known = self._events.get((metadata["uid"], reason, message))
        before = self.store.get(known) if known else None
        if known and before:
            again = {**before, "count": before["count"] + 1, "lastTimestamp": self.stamp()}
            self.store.put(known, again)
            return
        namespace = metadata.get("namespace", "default")
        ref = Ref("events", namespace, f"{metadata['name']}.{self.rng.getrandbits(64):016x}")
        self._events[metadata["uid"], reason, message] = ref
        happened = {"reason": reason, "message": message, "type": kind}
        self.store.put(ref, _event(ref, subject, self.stamp(), happened))


def _event(ref: Ref, subject: Json, now: str, happened: Json) -> Json:
    """Return an Event that happened once so far."""
    metadata = subject["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "uid": f"event-{ref.name.rpartition('.')[2]}",
            "creationTimestamp": now,
        },
        "involvedObject": {
            "kind": subject["kind"],
            "apiVersion": subject["apiVersion"],
            "name": metadata["name"],
            "namespace": ref.namespace,
            "uid": metadata["uid"],
        },
        **happened,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": "springtide-sandbox"},
    }


class Controller(ABC):
    """A loop of the control plane: sees changes, and brings one object at a time to what it should be."""

    watches: tuple[str, ...] = ()

    def __init__(self, core: Core) -> None:
        self.core = core
        self.store = core.store
        self.writes = core.writes
        self._queued: dict[Ref, Timer] = {}
        self._failures: dict[Ref, int] = {}

    @abstractmethod
    def concerns(self, change: Change) -> Iterable[Ref]:
        """Return which objects to look at after a change."""

    @abstractmethod
    def reconcile(self, ref: Ref) -> None:
        """Bring one object to what it should be; a pure step over the store and the time."""

    def saw(self, change: Change) -> None:
        """Queue what a change concerns."""
        if change.ref.resource in self.watches:
            for ref in self.concerns(change):
                self.enqueue(ref)

    def enqueue(self, ref: Ref, seconds: float | None = None) -> None:
        """Look at an object soon, or after some seconds; an earlier appointment stands."""
        wait = self.core.about(self.core.settings.reaction) if seconds is None else seconds
        queued = self._queued.get(ref)
        if queued is not None:
            if queued.when <= self.core.timeline.elapsed + wait:
                return
            queued.cancel()
        self._queued[ref] = self.core.timeline.after(wait, self._step(ref))

    def _step(self, ref: Ref) -> Callable[[], None]:
        def step() -> None:
            self._queued.pop(ref, None)
            self.reconcile(ref)

        return step

    def retry(self, ref: Ref) -> None:
        """Look again after a failure: 5 ms, doubled each time, at most 1000 s, as controllers of a real cluster do."""
        failures = self._failures.get(ref, 0)
        self._failures[ref] = failures + 1
        self.enqueue(ref, min(0.005 * 2.0**failures, 1000.0))

    def succeeded(self, ref: Ref) -> None:
        """Forget earlier failures."""
        self._failures.pop(ref, None)
