"""Does somebody else write the number of replicas, and who: told by name, as soon as it shows."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.errors import Conflict
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.objects import KubeObject
from springtide.kube.observation import PodSet
from springtide.plan.managed_fields import writers_of
from springtide.plan.owners import REPLICAS


def require_kept(pod_set: PodSet, replicas: int, *, or_more: bool = False) -> None:
    """Return while the number is the one that the run has written, or left as it was; with `or_more` also above it.

    What is more than that takes nothing from anybody, so it need not end a run that has switched already.

    Raises:
        Conflict: somebody put another one there (`replicas_changed`); the message names who, where the API server
            says so.
    """
    scaled = pod_set.scaled
    if scaled.replicas < replicas or (scaled.replicas > replicas and not or_more):
        raise Conflict(
            f"{scaled.title}: {who_scaled(pod_set)} set replicas to {scaled.replicas} during the run, which has "
            f"{replicas} there now. Nothing more is changed: let one of the two decide.",
            code="replicas_changed",
        )


def who_scaled(pod_set: PodSet) -> str:
    """Return who wrote the number of replicas last, as a sentence begins."""
    return who_wrote(pod_set.scaled, REPLICAS)


def who_wrote(thing: KubeObject, path: Iterable[str]) -> str:
    """Return who besides springtide wrote a field last, by the API server's account; "somebody" where it has none."""
    others = [writer for writer in writers_of(thing, path) if writer.manager != FIELD_MANAGER]
    return str(max(others, key=lambda writer: writer.at or "")) if others else "somebody"
