"""ReplicaSets as a test takes them from their Deployment and gives them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from e2e.manifests import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2e.manifests import Json
    from e2e.observer import Observer

MARK = "springtide.dev/aside-of"
REVISION = "deployment.kubernetes.io/revision"


def the_set(see: Observer) -> Json:
    """Return the only ReplicaSet that the Deployment owns."""
    (owned,) = [each for each in see.objects("replicasets") if "ownerReferences" in each["metadata"]]
    return owned


def release(see: Observer) -> Json:
    """Take the labels and the owner of the Deployment's only ReplicaSet off; return it as it was.

    What comes in its place is younger in the seconds that ages are told in; within one, the names would decide.
    """
    before = the_set(see)
    created = datetime.fromisoformat(before["metadata"]["creationTimestamp"])
    see.until("a second is over", lambda: datetime.now(UTC) - created >= timedelta(seconds=1))
    labels = dict.fromkeys(before["metadata"]["labels"]) | {MARK: NAME}
    see.patch("replicasets", name_of(before), {"metadata": {"labels": labels, "ownerReferences": None}})
    return before


def hand_back(see: Observer, before: Json) -> None:
    """Put the labels of a released ReplicaSet on again."""
    see.patch("replicasets", name_of(before), {"metadata": {"labels": before["metadata"]["labels"] | {MARK: None}}})


def sizes(see: Observer) -> dict[str, int]:
    """Return the wanted replicas of each ReplicaSet."""
    return {name_of(each): each["spec"]["replicas"] for each in see.objects("replicasets")}


def revisions(see: Observer) -> dict[str, int]:
    """Return the wanted replicas of each ReplicaSet by its revision."""
    return {each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"] for each in see.objects("replicasets")}


def pods_of(see: Observer, replica_set: Json) -> set[str]:
    """Return the names of a ReplicaSet's pods that are ready endpoints of the Service."""
    return {name for name in see.ready_endpoints() if name.startswith(f"{name_of(replica_set)}-")}


def hashes(sets: Iterable[Json]) -> set[str]:
    """Return the hashes that the pods of ReplicaSets carry."""
    return {each["spec"]["selector"]["matchLabels"]["pod-template-hash"] for each in sets}


def name_of(replica_set: Json) -> str:
    """Return a ReplicaSet's name."""
    return str(replica_set["metadata"]["name"])
