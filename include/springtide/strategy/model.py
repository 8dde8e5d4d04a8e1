"""What strategies decide with and what they decide: values only.

A strategy never touches the cluster. Each of its methods takes one `Observation` and answers with the next single
write, with waiting, or with being done; the run applies it, looks again and asks again. So every phase is idempotent
and re-entrant by construction: a crash between two looks loses nothing but the time since.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from springtide.errors import Conflict, PermanentError
from springtide.kube.autoscaler import AutoscalerBounds
from springtide.kube.objects import Json, Kind, Version
from springtide.kube.observation import Observation, PodSet
from springtide.policy.scaling.strategy import RunSettings
from springtide.quantities import round_up
from springtide.stored import Stored, load
from springtide.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Merge `change` into the object that was judged; `is_switch` says that new pods get their first request by it."""

    kind: Kind
    name: str
    version: Version
    change: Json
    reason: str
    is_switch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Set the replicas of the object that was judged, through its `scale` subresource."""

    kind: Kind
    name: str
    version: Version
    replicas: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete the object that was judged."""

    kind: Kind
    name: str
    version: Version
    reason: str


Step = Patch | Scale | Delete


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to write now; `message` says what is still missing, with counts.

    `is_urgent`: meanwhile something may go wrong that has to be seen at once.
    """

    message: str
    is_urgent: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholdersSnapshot(Stored):
    """The Deployment of placeholders as it stood, and how many `more` it has while the run warms nodes."""

    name: str
    uid: str
    replicas: int
    more: int

    @property
    def raised(self) -> int:
        """What it has meanwhile."""
        return self.replicas + self.more


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Who raises a minimum, why, and until when: written on the autoscaler, for it outlives the run."""

    owner: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StableSet(Stored):
    """The ReplicaSet that served before the run, with the labels that are taken off it while it is set aside.

    A StatefulSet has none and stands here itself: it is never set aside.
    """

    name: str
    uid: str
    template_hash: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Stored):
    """What a roll back restores, and what tells a foreign change: taken before the first write (I-13).

    `deployment_uid` is that of the object that is scaled, whatever its kind. `leaving` are the uids of the pods that
    were on their way out already: no run waits for them. `placeholders` is None where no node is warmed, and in what
    was stored before there were any.
    """

    service_uid: str | None
    selector: dict[str, str]
    deployment_uid: str
    template_digest: str
    replicas: int
    ready: int
    stable: StableSet
    autoscaler: AutoscalerSnapshot | None = None
    leaving: tuple[str, ...] = ()
    placeholders: PlaceholdersSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What one run is to do, as its strategy needs it: the target and how to get there and back.

    `replicas` are desired replicas, or with strategy `floor` the autoscaler's minimum; `hold` says who wants that.
    `may_have_switched` is True once the phase has begun that moves the Service. `installation` is the Airflow whose run
    it is, "" for none. `is_late` is True once the phase has had all its time: what only takes its time is not waited
    for any more.
    """

    run_id: str
    workload: Workload
    replicas: int
    snapshot: Snapshot
    settings: RunSettings
    hold: HoldRequest | None = None
    may_have_switched: bool = False
    installation: str = ""
    is_late: bool = False

    @property
    def floor(self) -> int:
        """The ready endpoints that the Service always keeps (I-6): min(ready at snapshot, target), never 0."""
        return max(1, min(self.snapshot.ready, self.replicas))

    @property
    def peak(self) -> int:
        """The replicas that a set has before traffic moves to it (I-5): a switch never lowers capacity."""
        return max(self.snapshot.replicas, self.replicas)

    def share_of(self, pods: int) -> int:
        """Return how many of `pods` the policy's `min_ready` asks to be ready: at least 1, and none of 0."""
        return max(min(1, pods), round_up(pods * self.settings.min_ready))

    def enough_of(self, pods: int) -> int:
        """Return how many of `pods` must be ready: the share, never fewer than were ready before the run (I-5, I-6).

        So a share below 100% lets pods be bad that the run adds, and none that it takes the place of.
        """
        return max(self.share_of(pods), min(pods, self.snapshot.ready))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRecord(Stored):
    """What stands on a ReplicaSet that is set aside: enough to hand it back when no Lease tells of its run any more."""

    run_id: str
    workload: Workload
    replicas: int
    snapshot: Snapshot
    installation: str = ""

    def to_text(self) -> str:
        """Return the form that stands in the annotation."""
        return json.dumps(self.to_record(), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> AsideRecord:
        """Return the record that `to_text` wrote.

        Raises:
            PermanentError: somebody else wrote it, or another version of springtide did (`record_unreadable`).
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PermanentError(f"it is not JSON ({error})", code="record_unreadable") from error
        return load(cls, record)


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


def require_same_service(observation: Observation, snapshot: Snapshot) -> None:
    """Raise `Conflict` when the Service is not the one of the snapshot any more."""
    service = observation.service
    if service is not None and service.uid != snapshot.service_uid:
        raise Conflict(
            f"Service {service.name} was deleted and recreated during the run "
            f"(uid {service.uid}, expected {snapshot.service_uid}). "
            "Nothing more is changed; check which pods it selects.",
            code="service_replaced",
        )


def require_same_workload(observation: Observation, snapshot: Snapshot) -> PodSet:
    """Return the workload's pods while its Service and the object that is scaled are those of the snapshot.

    Raises:
        Conflict: one of them was deleted, or deleted and recreated, during the run.
    """
    require_same_service(observation, snapshot)
    scaled = observation.pod_set.scaled
    if scaled.is_terminating:
        raise Conflict(
            f"{scaled.title} is being deleted during the run. Nothing more is changed.", code="workload_replaced"
        )
    if scaled.uid != snapshot.deployment_uid:
        raise Conflict(
            f"{scaled.title} was deleted and recreated during the run (uid {scaled.uid}, expected "
            f"{snapshot.deployment_uid}). Nothing more is changed; check which pods should serve.",
            code="workload_replaced",
        )
    return observation.pod_set
