"""The writes of a run: what each one was, what it found, and what it meant for the pods that were there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from invariants.objects import Objects, hash_of, wanted
from springtide import labels
from springtide.sandbox.history import Call
from springtide.sandbox.objects import Json
from support.simulation import WORKLOAD


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class Write:
    """A write that took effect: when, by whom, on what; with the Lease and the workload as it found them."""

    at: float
    method: str
    path: str
    body: Json
    query: Json
    agent: str
    manager: str
    lease: LeaseAt | None
    found: Objects

    @property
    def name(self) -> str:
        """The object's name."""
        held = self.body.get("metadata", {}).get("name") if self.method == "POST" else None
        return str(held or self.path.removesuffix("/scale").rpartition("/")[2])

    @property
    def kind(self) -> str:
        """The object's resource, as the path names it."""
        place = -1 if self.method == "POST" else -2
        return self.path.removesuffix("/scale").split("/")[place]

    @property
    def is_scale(self) -> bool:
        """Whether it goes through the `scale` subresource."""
        return self.path.endswith("/scale")

    @property
    def is_of_lease(self) -> bool:
        """Whether it is the Lease that was written."""
        return self.kind == "leases"

    @property
    def snapshot(self) -> Json:
        """The snapshot in the Lease as it stood; empty where there was none."""
        return dict(self.lease.state.get("snapshot") or {}) if self.lease else {}

    @property
    def stable(self) -> Json:
        """What the snapshot says of the stable set; empty where there is no snapshot."""
        return dict(self.snapshot.get("stable") or {})

    @property
    def is_back(self) -> bool:
        """Whether it is made on the way back."""
        return self.lease is not None and self.lease.has("roll_back", "started")

    @property
    def stamp(self) -> tuple[str, int] | None:
        """The run and the generation that it puts on the object; None where it can carry none."""
        held = self._annotations
        return (held[labels.RUN], int(held[labels.GENERATION])) if labels.GENERATION in held else None

    @property
    def _annotations(self) -> Json:
        return dict(self.body.get("metadata", {}).get("annotations") or {})

    @property
    def is_only_stamp(self) -> bool:
        """Whether it changes nothing but the stamp."""
        return self.method == "PATCH" and is_only_stamp(self.body)

    @property
    def selector(self) -> Json | None:
        """What it does to the Service's selector; None for any other write."""
        is_service = (self.kind, self.name, self.method) == ("services", WORKLOAD.service, "PATCH")
        selector: Json | None = self.body.get("spec", {}).get("selector") if is_service else None
        return selector

    @property
    def pins(self) -> str | None:
        """The pod-template-hash that it pins the Service to."""
        return (self.selector or {}).get(labels.POD_TEMPLATE_HASH)

    @property
    def switched_at(self) -> str | None:
        """The stamp of a switch that it carries."""
        stamp: str | None = self._annotations.get(labels.SWITCHED_AT)
        return stamp

    @property
    def target(self) -> Json | None:
        """The Deployment or ReplicaSet that it is of, as it found it."""
        if self.kind == "deployments":
            return self.found.deployments.get(self.name)
        return self.found.replica_sets.get(self.name) if self.kind == "replicasets" else None

    @property
    def had(self) -> int:
        """The replicas that its Deployment or ReplicaSet asked for before; 0 without one."""
        return wanted(self.target) if self.target else 0

    @property
    def replicas(self) -> int | None:
        """The replicas that it sets; None where it sets none."""
        is_scaled = self.kind in {"deployments", "replicasets"}
        replicas: int | None = self.body.get("spec", {}).get("replicas") if is_scaled else None
        return replicas

    @property
    def is_of_stable(self) -> bool:
        """Whether it is of the run's stable set itself."""
        return self.kind == "replicasets" and self.name == self.stable.get("name")

    @property
    def _labels(self) -> Json:
        held = self.body.get("metadata", {}).get("labels") if self.kind == "replicasets" else None
        return dict(held or {})

    @property
    def releases(self) -> bool:
        """Whether it sets a ReplicaSet aside."""
        return self._labels.get(labels.ASIDE_OF) is not None

    @property
    def gives_back(self) -> bool:
        """Whether it lets the Deployment take back what was set aside."""
        return labels.ASIDE_OF in self._labels and not self.releases

    @property
    def takes_from(self) -> tuple[Json, ...]:
        """The ReplicaSets that lose pods by it, as it found them: its own, or all of the Deployment that it shrinks.

        Given back, the stable set is the oldest of its template: its Deployment empties the others.
        """
        if self.gives_back:
            return tuple(each for each in self.found.owned if each["metadata"]["name"] != self.name)
        is_less = self.method == "DELETE" or (self.replicas is not None and self.replicas < self.had)
        if not is_less or self.target is None:
            return ()
        return (self.target,) if self.kind == "replicasets" else self.found.owned

    @property
    def takes_away(self) -> bool:
        """Whether it removes pods, or what had them."""
        is_gone = self.method == "DELETE" and self.kind in {"deployments", "replicasets"}
        return is_gone or bool(self.takes_from)

    @property
    def is_unseen(self) -> bool:
        """Whether the pods that it takes are new ones that never had a request: the Service was never switched."""
        hashes = {hash_of(each) for each in self.takes_from}
        is_aside = any(hash_of(each) == self.found.pin for each in self.found.aside)
        has_begun = self.lease is None or self.lease.has("switch_endpoints", "started")
        return is_aside and self.found.pin not in hashes and not has_begun


def is_only_stamp(body: Json) -> bool:
    """Say whether a patch changes nothing but which run and generation wrote the object."""
    metadata = body.get("metadata", {})
    annotations = (metadata.get("annotations") or {}).keys()
    return (
        body.keys() <= {"metadata"}
        and metadata.keys() <= {"uid", "resourceVersion", "annotations"}
        and (annotations == {labels.RUN, labels.GENERATION})
    )


def body_of(call: Call) -> Json:
    """Return the body of a call."""
    return dict(json.loads(call.body or b"{}"))


def lease_of(document: Json | None) -> LeaseAt | None:
    """Return a Lease that was read; None where there was none."""
    return None if document is None else _lease(None, document, at=0.0, agent="")


def lease_after(lease: LeaseAt | None, write: Write) -> LeaseAt | None:
    """Return the Lease as a write leaves it."""
    if not write.is_of_lease:
        return lease
    return _lease(lease, write.body, at=write.at, agent=write.agent)


def _lease(lease: LeaseAt | None, body: Json, *, at: float, agent: str) -> LeaseAt:
    spec: dict[str, Any] = body.get("spec", {})
    text = body.get("metadata", {}).get("annotations", {}).get(labels.STATE)
    return LeaseAt(
        at=at,
        holder=spec.get("holderIdentity", lease.holder if lease else "") or "",
        generation=spec.get("leaseTransitions", lease.generation if lease else 0),
        state=json.loads(text) if text else lease.state if lease else {},
        agent=agent,
    )


def leases_of(writes: tuple[Write, ...]) -> Iterator[LeaseAt]:
    """Yield the Lease after each write to it, as the next write found it."""
    for write in writes:
        if write.is_of_lease:
            after = lease_after(write.lease, write)
            if after is not None:
                yield after
