"""The sizes of a Deployment's ReplicaSets: decided from what is there, written by the Deployment controller.

Behaves as Kubernetes 1.34: written from what its documentation says of `maxSurge`, `maxUnavailable` and proportional
scaling, and from what a real cluster did. Every function returns the sizes to write, by the ReplicaSet's name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from springtide.sandbox.controllers.counts import all_reported, all_wanted, reported, wanted
from springtide.sandbox.controllers.revisions import DESIRED, MAXIMUM, OwnedSets, age_and_name, max_pods_before
from springtide.sandbox.objects import Json, annotations_of

Sizes = dict[str, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods a Deployment may have while its template changes."""

    desired: int
    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Json) -> Bounds:
        """Read a Deployment; shares are of its replicas, a surge rounded up, the unavailable rounded down."""
        desired = wanted(deployment)
        strategy = deployment["spec"]["strategy"]
        if strategy["type"] != "RollingUpdate":
            return cls(desired, surge=0, unavailable=0)
        surge = math.ceil(_pods(strategy["rollingUpdate"]["maxSurge"], desired))
        unavailable = math.floor(_pods(strategy["rollingUpdate"]["maxUnavailable"], desired))
        if surge == 0 and unavailable == 0:
            unavailable = 1  # two shares that round to nothing would let the rollout stand still for ever
        return cls(desired, surge, min(unavailable, desired))

    @property
    def max_pods(self) -> int:
        """The highest sum of all sizes."""
        return self.desired + self.surge

    @property
    def min_available(self) -> int:
        """The lowest number of available pods that the rollout itself may cause."""
        return self.desired - self.unavailable

    def annotations(self) -> dict[str, str]:
        """Return what a ReplicaSet remembers of the Deployment that it was sized for."""
        return {DESIRED: str(self.desired), MAXIMUM: str(self.max_pods)}


def _pods(value: int | str, desired: int) -> float:
    return value if isinstance(value, int) else int(value.rstrip("%")) * desired / 100


def present_size(owned: OwnedSets, bounds: Bounds) -> int:
    """Return what the ReplicaSet of the present template may want: the room that the others leave."""
    room = bounds.max_pods - all_wanted(owned.former)
    return min(bounds.desired, max(wanted(owned.present), room))


def rolled(owned: OwnedSets, bounds: Bounds) -> Sizes:
    """Return the next sizes of a rolling update: new pods while there is room for any, else fewer old ones."""
    if owned.present is not None:
        size = present_size(owned, bounds)
        if size != wanted(owned.present):
            return {_name(owned.present): size}
    return _without_old_pods(owned, bounds)


def _without_old_pods(owned: OwnedSets, bounds: Bounds) -> Sizes:
    old = owned.active_former
    if any(reported(each, "availableReplicas") > wanted(each) for each in old):
        return {}  # pods that go already still count as available: taking more by that number would be too many
    # a new pod that does not serve yet may never do: old pods are spared for it
    not_serving = wanted(owned.present) - reported(owned.present, "availableReplicas")
    spare = all_wanted(owned.every) - not_serving - bounds.min_available
    if spare <= 0:
        return {}
    before = {_name(each): wanted(each) for each in old}
    idle = {_name(each): wanted(each) - reported(each, "availableReplicas") for each in old}
    # pods that do not serve go first: that costs no availability
    sizes = _less(before, idle, spare)
    sizes = _less(sizes, sizes, all_reported(owned.every, "availableReplicas") - bounds.min_available)
    return {name: size for name, size in sizes.items() if size != before[name]}


def _less(sizes: Sizes, limits: Mapping[str, int], amount: int) -> Sizes:
    """Take `amount` pods away, from the first on, from each no more than its limit."""
    smaller: Sizes = {}
    for name, size in sizes.items():
        part = max(0, min(limits[name], amount))
        smaller[name] = size - part
        amount -= part
    return smaller


def followed(owned: OwnedSets, bounds: Bounds) -> Sizes:
    """Return the sizes by which a Deployment follows its replicas while its rollout stands still or is under way."""
    active = owned.active
    if len(active) <= 1:
        only = active[0] if active else owned.present or owned.newest_former
        return {} if only is None or wanted(only) == bounds.desired else {_name(only): bounds.desired}
    if is_saturated(owned):  # the rollout is over in all but name: what is left of the old goes
        return emptied(owned)
    if owned.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
        return _shared_out(owned, bounds)
    return {}


def emptied(owned: OwnedSets) -> Sizes:
    """Return no pods for all earlier templates."""
    return {_name(each): 0 for each in owned.active_former}


def is_saturated(owned: OwnedSets) -> bool:
    """Return whether the present ReplicaSet has all that the Deployment wants, available."""
    desired = wanted(owned.deployment)
    present = owned.present
    if present is None or annotations_of(present).get(DESIRED) != str(desired):
        return False
    return desired == wanted(present) == reported(present, "availableReplicas")


def _shared_out(owned: OwnedSets, bounds: Bounds) -> Sizes:
    """Return the sizes after scaling in the middle of a rollout: each grows or shrinks in proportion to what it has.

    Rounding leaves a rest: the largest gets it.
    """
    change = (bounds.max_pods if bounds.desired else 0) - all_wanted(owned.active)
    largest_first = _largest_first(owned.active, newer_first=change > 0)
    left = change
    sizes: Sizes = {}
    for replica_set in largest_first:
        part = _part(_fair_change(replica_set, owned.deployment, bounds), left)
        sizes[_name(replica_set)] = wanted(replica_set) + part
        left -= part
    largest = _name(largest_first[0])
    sizes[largest] = max(0, sizes[largest] + left)
    return sizes


def _largest_first(sets: Iterable[Json], *, newer_first: bool) -> list[Json]:
    """Return the sets by size; among those of one size by age, and by name among those of one second."""
    by_age = sorted(sets, key=age_and_name, reverse=newer_first)
    return sorted(by_age, key=wanted, reverse=True)


def _fair_change(replica_set: Json, deployment: Json, bounds: Bounds) -> int:
    has = wanted(replica_set)
    if not bounds.desired:
        return -has
    before = max_pods_before(replica_set, deployment)
    return math.floor(has * bounds.max_pods / before + 0.5) - has if before else 0


def _part(fair: int, left: int) -> int:
    """Return the fair change, but no more than what is left of the whole one."""
    if left == 0:
        return 0
    return min(fair, left) if left > 0 else max(fair, left)


def _name(replica_set: Json) -> str:
    name: str = replica_set["metadata"]["name"]
    return name
