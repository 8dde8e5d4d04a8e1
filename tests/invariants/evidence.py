"""What a finished simulation leaves to be judged: every call, what every write found, what the endpoints were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from springtide import labels
from springtide.sandbox.history import Call, EndpointsAt, Loss
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.world import World
from support.simulation import NAMESPACE, WORKLOAD

LEASE = WORKLOAD.lease_name
OK = 300
"""Below this status the API server did what it was asked."""


@dataclass(frozen=True)
class Terms:
    """What a run was to keep: its numbers, as the test ordered them. Times are seconds."""

    start: int
    target: int
    propagation: float = 2.0
    drain: float = 1.0
    step: int = 1


@dataclass(frozen=True)
class Objects:
    """The workload at one moment."""

    service: Json | None
    deployments: dict[str, Json]
    autoscalers: dict[str, Json]
    lease: Json | None

    @classmethod
    def of(cls, world: World, *, at: int | None = None) -> Objects:
        """Return it as it is now, or as it was at a revision."""

        def named(resource: str) -> dict[str, Json]:
            return {each["metadata"]["name"]: each for each in world.store.select(resource, NAMESPACE, at=at)}

        service = world.store.get(Ref("services", NAMESPACE, "web"), at=at)
        lease = world.store.get(Ref("leases", NAMESPACE, LEASE), at=at)
        return cls(service, named("deployments"), named("horizontalpodautoscalers"), lease)


@dataclass(frozen=True)
class Begin:
    """Where in a world's history a run begins."""

    time: float
    calls: int
    revision: int

    @classmethod
    def now(cls, world: World) -> Begin:
        """Return the present moment."""
        return cls(world.elapsed, len(world.history.calls), world.store.revision)


@dataclass(frozen=True)
class LeaseAt:
    """The Lease as a write left it."""

    at: float
    holder: str
    generation: int
    state: Json
    agent: str

    @property
    def run(self) -> str:
        """The run that the state is of."""
        return str(self.state.get("run_id", ""))

    def has(self, phase: str, status: str = "done") -> bool:
        """Say whether the journal has this entry."""
        return any((each["phase"], each["status"]) == (phase, status) for each in self.state.get("journal", ()))


@dataclass(frozen=True)
class Write:
    """A write that took effect: when, by whom, on what; with the Lease and the Deployment's replicas as it found
    them."""

    at: float
    method: str
    path: str
    body: Json
    query: Json
    agent: str
    manager: str
    lease: LeaseAt | None
    had: int

    @property
    def name(self) -> str:
        """The object's name."""
        held = self.body.get("metadata", {}).get("name") if self.method == "POST" else None
        return str(held or self.path.removesuffix("/scale").rpartition("/")[2])

    @property
    def is_of_lease(self) -> bool:
        """Whether it is the Lease that was written."""
        return "/leases" in self.path

    @property
    def stamp(self) -> tuple[str, int] | None:
        """The run and the generation that it puts on the object; None where it can carry none."""
        held = self.body.get("metadata", {}).get("annotations", {})
        return (held[labels.RUN], int(held[labels.GENERATION])) if labels.GENERATION in held else None

    @property
    def is_only_stamp(self) -> bool:
        """Whether it changes nothing but the stamp."""
        return self.method == "PATCH" and "spec" not in self.body and self.stamp is not None

    @property
    def selector(self) -> Json | None:
        """What it does to the Service's selector; None for any other write."""
        is_service = self.path.endswith("/services/web") and self.method == "PATCH"
        selector: Json | None = self.body.get("spec", {}).get("selector") if is_service else None
        return selector

    @property
    def pins(self) -> str | None:
        """The pod-template-hash that it pins the Service to."""
        return (self.selector or {}).get(labels.POD_TEMPLATE_HASH)

    @property
    def switched_at(self) -> str | None:
        """The stamp of a switch that it carries."""
        stamp: str | None = self.body.get("metadata", {}).get("annotations", {}).get(labels.SWITCHED_AT)
        return stamp

    @property
    def replicas(self) -> int | None:
        """The replicas that it sets; None where it sets none."""
        replicas: int | None = self.body.get("spec", {}).get("replicas") if "/deployments" in self.path else None
        return replicas

    @property
    def takes_away(self) -> bool:
        """Whether it removes pods, or the Deployment that had them."""
        shrinks = self.replicas is not None and self.method != "POST" and self.replicas < self.had
        return shrinks or (self.method == "DELETE" and "/deployments/" in self.path)


@dataclass(frozen=True)
class Evidence:
    """A finished simulation. `calls` are springtide's own: what others did to the cluster made none."""

    terms: Terms
    calls: tuple[Call, ...]
    slices: tuple[EndpointsAt, ...]
    losses: tuple[Loss, ...]
    before: Objects
    after: Objects

    @classmethod
    def of(cls, world: World, begin: Begin, terms: Terms) -> Evidence:
        """Return what has happened in `world` since `begin`."""
        history = world.history
        mine = [e for e in history.written if (e.namespace, e.service) == (NAMESPACE, "web")]
        before = [e for e in mine if e.time <= begin.time][-1:]
        return cls(
            terms,
            tuple(_timed(world, call) for call in history.calls[begin.calls :] if call.user_agent and not asks(call)),
            (*before, *(e for e in mine if e.time > begin.time)),
            tuple(loss for loss in history.losses if loss.since >= begin.time),
            Objects.of(world, at=begin.revision),
            Objects.of(world),
        )

    @cached_property
    def writes(self) -> tuple[Write, ...]:
        """The writes that took effect, in that order, those to the Lease included."""
        done = [call for call in self.calls if call.write and call.status is not None and call.status < OK]
        return tuple(_folded(sorted(done, key=lambda call: call.revisions[1]), self.before))

    @cached_property
    def workload_writes(self) -> tuple[Write, ...]:
        """The writes to anything but the Lease."""
        return tuple(write for write in self.writes if not write.is_of_lease)

    @cached_property
    def leases(self) -> tuple[LeaseAt, ...]:
        """The Lease after each write to it, as the next write found it."""
        return tuple(_leases(self.writes))

    @property
    def floor(self) -> int:
        """The ready endpoints that the Service always has to have."""
        return max(1, min(self.terms.start, self.terms.target))

    def ready_at(self, time: float) -> frozenset[str]:
        """Return the ready endpoints at a time."""
        return frozenset(next((e.ready for e in reversed(self.slices) if e.time <= time), ()))

    def calls_of(self, agent: str) -> list[Call]:
        """Return the calls of one process, in their order."""
        return [call for call in self.calls if call.user_agent == agent]

    @property
    def agents(self) -> list[str]:
        """The processes that called."""
        return sorted({call.user_agent for call in self.calls})


def asks(call: Call) -> bool:
    """Say whether a call only asks, in the form of a write: what it may do, or what would become of it."""
    return call.path.endswith("/selfsubjectaccessreviews") or call.query.get("dryRun") == "All"


def body(call: Call) -> Json:
    """Return the body of a call."""
    return dict(json.loads(call.body or b"{}"))


def _timed(world: World, call: Call) -> Call:
    """Return the call with the time at which it took effect: later than it was sent where its sender stood still."""
    return replace(call, time=world.history.time_of(call.revisions[1])) if call.applied else call


def _folded(calls: list[Call], before: Objects) -> Iterator[Write]:
    lease = _as_read(before.lease)
    replicas = {name: int(each["spec"].get("replicas", 1)) for name, each in before.deployments.items()}
    for call in calls:
        bare = Write(
            call.time, call.method, call.path, body(call), dict(call.query), call.user_agent, call.manager, lease, 0
        )
        write = replace(bare, had=replicas.get(bare.name, 0))
        yield write
        if write.is_of_lease:
            lease = _after(lease, write)
        elif write.method == "DELETE":
            replicas.pop(write.name, None)
        elif write.replicas is not None:
            replicas[write.name] = write.replicas


def _as_read(lease: Json | None) -> LeaseAt | None:
    return None if lease is None else _after(None, Write(0, "POST", "/leases", lease, {}, "", "", None, 0))


def _after(lease: LeaseAt | None, write: Write) -> LeaseAt:
    spec: dict[str, Any] = write.body.get("spec", {})
    text = write.body.get("metadata", {}).get("annotations", {}).get(labels.STATE)
    holder = spec.get("holderIdentity", lease.holder if lease else "") or ""
    generation = spec.get("leaseTransitions", lease.generation if lease else 0)
    state = json.loads(text) if text else lease.state if lease else {}
    return LeaseAt(write.at, holder, generation, state, write.agent)


def _leases(writes: tuple[Write, ...]) -> Iterator[LeaseAt]:
    first = next((write for write in writes if write.is_of_lease), None)
    if first is None:
        return
    lease = first.lease
    for write in writes:
        if write.is_of_lease:
            lease = _after(lease, write)
            yield lease


def pairs(evidence: Evidence) -> Iterator[tuple[LeaseAt, LeaseAt]]:
    """Yield each state of the Lease with the next one."""
    yield from pairwise(evidence.leases)
