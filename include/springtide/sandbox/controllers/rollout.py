"""The arithmetic of a rollout: how many pods which ReplicaSet may have, and what a Deployment's status says.

A port of pkg/controller/deployment/util and sync.go of Kubernetes 1.34 to plain JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from springtide.sandbox.objects import Json, annotations_of, is_true, labels_of, parse_stamp

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


def replicas(obj: Json) -> int:
    """Return `spec.replicas`."""
    number: int = obj["spec"].get("replicas", 0)
    return number


def counted(obj: Json, field: str) -> int:
    """Return a number of the status; absent is 0."""
    number: int = obj.get("status", {}).get(field, 0)
    return number


def total_replicas(sets: Iterable[Json]) -> int:
    """Return the sum of `spec.replicas`."""
    return sum(replicas(one) for one in sets)


def total_counted(sets: Iterable[Json], field: str) -> int:
    """Return the sum of a number of the status."""
    return sum(counted(one, field) for one in sets)


def active(sets: Iterable[Json]) -> list[Json]:
    """Return the ReplicaSets that want pods."""
    return [one for one in sets if replicas(one) > 0]


def template_hash(template: Json, collisions: int) -> str:
    """Return the pod-template-hash: FNV-1a over the template, in letters that make no words.

    Equal templates have equal hashes, as upstream; the letters differ from upstream's, which hashes Go's memory layout.
    """
    value = _FNV_OFFSET
    text = json.dumps(template, sort_keys=True) + (str(collisions) if collisions else "")
    for byte in text.encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(value))


def same_template(left: Json, right: Json) -> bool:
    """Return whether two templates are equal but for the pod-template-hash."""
    return _without_hash(left) == _without_hash(right)


def _without_hash(template: Json) -> Json:
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _share(value: int | str, of: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = int(value.rstrip("%")) * of / 100
    return math.ceil(exact) if up else math.floor(exact)


def fenceposts(deployment: Json) -> tuple[int, int]:
    """Return (maxSurge, maxUnavailable) in pods; (0, 0) for Recreate."""
    strategy = deployment["spec"]["strategy"]
    if strategy["type"] != "RollingUpdate":
        return 0, 0
    wanted = replicas(deployment)
    surge = _share(strategy["rollingUpdate"]["maxSurge"], wanted, up=True)
    unavailable = _share(strategy["rollingUpdate"]["maxUnavailable"], wanted, up=False)
    return surge, unavailable or (0 if surge else 1)


def max_unavailable(deployment: Json) -> int:
    """Return maxUnavailable in pods, at most the replicas."""
    if not replicas(deployment):
        return 0
    return min(fenceposts(deployment)[1], replicas(deployment))


def new_set_size(deployment: Json, sets: list[Json], new: Json) -> int:
    """Return how many pods the new ReplicaSet may want now."""
    wanted = replicas(deployment)
    if deployment["spec"]["strategy"]["type"] != "RollingUpdate":
        return wanted
    surge = _share(deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"], wanted, up=True)
    room = wanted + surge - total_replicas(sets)
    if room <= 0:
        return replicas(new)
    return replicas(new) + min(room, wanted - replicas(new))


def is_saturated(deployment: Json, one: Json | None) -> bool:
    """Return whether a ReplicaSet has all the Deployment wants, available."""
    if one is None or annotations_of(one).get(DESIRED) != str(replicas(deployment)):
        return False
    return replicas(one) == replicas(deployment) == counted(one, "availableReplicas")


def proportions(deployment: Json, sets: list[Json]) -> dict[str, int]:
    """Return the size of each active ReplicaSet when the Deployment is scaled during a rollout, by name."""
    wanted = replicas(deployment)
    allowed = wanted + fenceposts(deployment)[0] if wanted > 0 else 0
    to_add = allowed - total_replicas(sets)
    ordered = sorted(sets, key=lambda one: _by_size(one, newer_first=to_add > 0))
    sizes: dict[str, int] = {}
    added = 0
    for one in ordered:
        part = _proportion(deployment, one, to_add, added) if to_add else 0
        sizes[one["metadata"]["name"]] = replicas(one) + part
        added += part
    if to_add and ordered:
        largest = ordered[0]["metadata"]["name"]
        sizes[largest] = max(sizes[largest] + to_add - added, 0)
    return sizes


def _by_size(one: Json, *, newer_first: bool) -> tuple[int, float, str]:
    made = parse_stamp(one["metadata"]["creationTimestamp"]).timestamp()
    return -replicas(one), -made if newer_first else made, one["metadata"]["name"]


def _proportion(deployment: Json, one: Json, to_add: int, added: int) -> int:
    if not replicas(one) or to_add == added:
        return 0
    left = to_add - added
    fraction = _fraction(deployment, one)
    return min(fraction, left) if to_add > 0 else max(fraction, left)


def _fraction(deployment: Json, one: Json) -> int:
    if not replicas(deployment):
        return -replicas(one)
    most = replicas(deployment) + fenceposts(deployment)[0]
    before = int(annotations_of(one).get(MAXIMUM) or 0) or counted(deployment, "replicas")
    if not before:
        return 0
    return math.floor(replicas(one) * most / before + 0.5) - replicas(one)


def replica_annotations(deployment: Json) -> dict[str, str]:
    """Return the annotations by which the controller remembers what it last scaled for."""
    wanted = replicas(deployment)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + fenceposts(deployment)[0])}


def copied_annotations(deployment: Json) -> dict[str, str]:
    """Return the annotations of a Deployment that its ReplicaSets get."""
    return {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}


def with_revision(one: Json, deployment: Json, revision: int) -> dict[str, str]:
    """Return the annotations of the new ReplicaSet at a revision."""
    before = annotations_of(one)
    annotations = {**before, **copied_annotations(deployment)}
    had = int(before.get(REVISION) or 0)
    if had < revision:
        annotations[REVISION] = str(revision)
        if REVISION in before:
            earlier = [part for part in before.get(REVISION_HISTORY, "").split(",") if part]
            annotations[REVISION_HISTORY] = ",".join([*earlier, before[REVISION]])
    return annotations


def revision_of(obj: Json) -> int:
    """Return the revision annotation as a number, 0 without one."""
    return int(annotations_of(obj).get(REVISION) or 0)


def numbers(deployment: Json, sets: list[Json], new: Json | None) -> Json:
    """Return the numbers of a Deployment's status; zeros are left out, as the API does."""
    available = total_counted(sets, "availableReplicas")
    found = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": total_counted(sets, "replicas"),
        "updatedReplicas": counted(new, "replicas") if new else 0,
        "readyReplicas": total_counted(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(total_replicas(sets) - available, 0),
        "collisionCount": counted(deployment, "collisionCount"),
    }
    return {key: value for key, value in found.items() if value}


def is_complete(deployment: Json, status: Json) -> bool:
    """Return whether every pod is new, there and available."""
    wanted = replicas(deployment)
    counts = (status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas"))
    caught_up = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return caught_up and all(count == wanted for count in counts)


def is_progressing(deployment: Json, status: Json) -> bool:
    """Return whether a status is nearer to the end than the one before."""
    old = deployment.get("status", {})
    left_before = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    left_now = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return left_now < left_before or any(status.get(field, 0) > old.get(field, 0) for field in more)


def is_ready(pod: Json) -> bool:
    """Return whether a pod is Ready."""
    return is_true(pod, "Ready")


def fully_labelled(pod: Json, template: Json) -> bool:
    """Return whether a pod has every label of a template."""
    labels = labels_of(pod)
    return all(labels.get(key) == value for key, value in (template.get("metadata", {}).get("labels") or {}).items())
