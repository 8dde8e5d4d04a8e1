"""What strategies decide with and what they decide: values only.

A strategy never touches the cluster. Each of its methods takes one `Observation` and answers with the next single
write, with waiting, or with being done; the run applies it, looks again and asks again. So every phase is idempotent
and re-entrant by construction: a crash between two looks loses nothing but the time since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from springtide.errors import Conflict
from springtide.kube.autoscaler import AutoscalerBounds
from springtide.kube.objects import Json, Kind, Version
from springtide.kube.observation import Observation, PodSet
from springtide.policy.scaling.strategy import RunSettings
from springtide.stored import Stored
from springtide.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Merge `change` into the object that was judged."""

    kind: Kind
    name: str
    version: Version
    change: Json
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Set the replicas of the Deployment that was judged, through its `scale` subresource."""

    name: str
    version: Version
    replicas: int
    reason: str


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object that was not there."""

    kind: Kind
    manifest: Json
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete the object that was judged."""

    kind: Kind
    name: str
    version: Version
    reason: str


Step = Patch | Scale | Create | Delete


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to write now; `message` says what is still missing, with counts."""

    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """The phase has reached what it is for; `message` says what was seen.

    `is_restored` is False when a roll back could only keep the new set, because the stable one is gone.
    """

    message: str
    is_restored: bool = True


Decision = Step | Wait | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerSnapshot(Stored):
    """The autoscaler as it stood: its bounds as they were written, and what an earlier run had noted on it."""

    kind: Kind
    name: str
    uid: str
    bounds: AutoscalerBounds
    floor_annotation: str


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Who raises a minimum, why, and until when: written on the autoscaler, for it outlives the run."""

    owner: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Stored):
    """What a roll back restores, and what tells a foreign change: taken before the first write (I-13)."""

    service_uid: str
    selector: dict[str, str]
    stable: str
    stable_uid: str
    replicas: int
    ready: int
    template_hash: str
    autoscaler: AutoscalerSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What one run is to do, as its strategy needs it: the target and how to get there and back.

    `replicas` are desired replicas, or with strategy `floor` the autoscaler's minimum; `hold` says who wants that.
    `may_have_switched` is True once the phase has begun that moves the Service.
    """

    run_id: str
    workload: Workload
    replicas: int
    snapshot: Snapshot
    settings: RunSettings
    hold: HoldRequest | None = None
    may_have_switched: bool = False

    @property
    def floor(self) -> int:
        """The ready endpoints that the Service always keeps (I-6): min(ready at snapshot, target), never 0."""
        return max(1, min(self.snapshot.ready, self.replicas))

    @property
    def peak(self) -> int:
        """The replicas that a set has before traffic moves to it (I-5): a switch never lowers capacity."""
        return max(self.snapshot.replicas, self.replicas)


class Strategy(Protocol):
    """One way to get from `snapshot.replicas` to `replicas`. Every method is a pure function of one look.

    All of them raise `Conflict` when somebody else changed what this run decides on.
    """

    def create(self, observation: Observation, order: RunOrder) -> Decision:
        """Bring the new instances into being; the stable set keeps serving alone."""
        ...

    def ready(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until the new instances are ready. Never writes.

        Raises:
            WorkloadFailed: they never will be; the message says what the pods report.
        """
        ...

    def switch(self, observation: Observation, order: RunOrder) -> Decision:
        """Move the Service's endpoints by one compare-and-swap."""
        ...

    def switched(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until every EndpointSlice shows what was switched to, for the propagation time. Never writes.

        Raises:
            WorkloadFailed: the set that serves has fallen under the floor.
        """
        ...

    def remove(self, observation: Observation, order: RunOrder) -> Decision:
        """Remove what is no longer needed, a few pods at a time, the floor checked in between."""
        ...

    def removed(self, observation: Observation, order: RunOrder) -> Decision:
        """Wait until exactly the planned replicas are there, serve, and nothing of the run is left. Never writes."""
        ...

    def roll_back(self, observation: Observation, order: RunOrder) -> Decision:
        """Restore the snapshot by the same rules, the stable set whole and ready before the Service points back."""
        ...


def stable_set(observation: Observation, snapshot: Snapshot) -> PodSet | None:
    """Return the stable set while it is still the very Deployment of the snapshot; None when it is gone.

    Raises:
        Conflict: a Deployment of its name is there, but it is another one.
    """
    pod_set = observation.pod_sets.get(snapshot.stable)
    if pod_set is None or pod_set.deployment.is_terminating:
        return None
    if pod_set.deployment.uid != snapshot.stable_uid:
        raise Conflict(
            f"Deployment {snapshot.stable} was deleted and recreated during the run (uid {pod_set.deployment.uid}, "
            f"expected {snapshot.stable_uid}). Nothing more is changed; check which pods should serve.",
            code="workload_replaced",
        )
    return pod_set


def require_same_service(observation: Observation, snapshot: Snapshot) -> None:
    """Raise `Conflict` when the Service is not the one of the snapshot any more."""
    if observation.service.uid != snapshot.service_uid:
        raise Conflict(
            f"Service {observation.service.name} was deleted and recreated during the run "
            f"(uid {observation.service.uid}, expected {snapshot.service_uid}). "
            "Nothing more is changed; check which pods it selects.",
            code="service_replaced",
        )


def require_stable_set(observation: Observation, snapshot: Snapshot) -> PodSet:
    """Return the one set of a run that brings no second one.

    Raises:
        Conflict: the Service or the Deployment was deleted, or deleted and recreated, during the run.
    """
    require_same_service(observation, snapshot)
    pod_set = stable_set(observation, snapshot)
    if pod_set is None:
        raise Conflict(
            f"Deployment {snapshot.stable} was deleted during the run. Nothing more is changed.",
            code="workload_replaced",
        )
    return pod_set


def require_same_template(pod_set: PodSet, snapshot: Snapshot) -> None:
    """Raise `Conflict` when somebody rolled out another template to the stable set during the run."""
    # An empty hash is not another template: its controller has not created the ReplicaSet yet.
    if pod_set.template_hash and pod_set.template_hash != snapshot.template_hash:
        raise Conflict(
            f"Deployment {snapshot.stable}: its pod template was changed during the run (hash {pod_set.template_hash}, "
            f"expected {snapshot.template_hash}). Let the rollout finish, then scale again.",
            code="rollout_in_progress",
        )
