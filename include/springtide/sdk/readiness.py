"""Whether a Deployment serves with the number that was asked for, from its own fields. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from springtide.sdk.errors import Conflict, NotReady

HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"})
"""Reasons for which a container never starts until somebody changes the workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How many pods of a Deployment are ready; `why` is what the pods that are not say themselves."""

    name: str
    wanted: int
    ready: int
    is_settled: bool
    why: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f": {'; '.join(self.why)}" if self.why else ""
        return f"{self.ready} of {self.wanted} pods of {self.name} are ready{said}"


def readiness_of(deployment: Any, wanted: int, why: Iterable[str] = ()) -> Readiness:
    """Return how `deployment`, as the official client reads it, stands against `wanted`.

    Raises:
        Conflict: somebody asks for another number meanwhile (`replicas_changed`).
        NotReady: the cluster has given up (`progress_deadline`), or refuses to make pods (`replica_failure`).
    """
    name = deployment.metadata.name
    status = deployment.status
    if deployment.spec.replicas != wanted:
        raise Conflict(
            f"{name} was asked for {wanted} replicas, and is asked for {deployment.spec.replicas} now: somebody else "
            "scales it.",
            code="replicas_changed",
            field="replicas",
        )
    is_seen = (status.observed_generation or 0) >= deployment.metadata.generation
    if is_seen:
        _require_hope(name, status.conditions or ())
    counts = {status.replicas or 0, status.ready_replicas or 0, status.available_replicas or 0}
    is_settled = is_seen and counts == {wanted} and (status.updated_replicas or 0) == wanted
    return Readiness(name=name, wanted=wanted, ready=status.ready_replicas or 0, is_settled=is_settled, why=tuple(why))


def _require_hope(name: str, conditions: Iterable[Any]) -> None:
    for each in conditions:
        if (each.type, each.status) == ("Progressing", "False"):
            raise NotReady(f"{name}: {each.message} ({each.reason}).", code="progress_deadline", field="replicas")
        if (each.type, each.status) == ("ReplicaFailure", "True"):
            raise NotReady(f"{name}: {each.message} ({each.reason}).", code="replica_failure", field="replicas")


def words_of(pods: Iterable[Any]) -> tuple[str, ...]:
    """Return what pods that are not ready say: each sentence once.

    Raises:
        NotReady: a container can never start (`container_hopeless`).
    """
    said: dict[str, None] = {}
    for pod in pods:
        for condition in pod.status.conditions or ():
            if (condition.type, condition.status) == ("PodScheduled", "False"):
                said[str(condition.message)] = None
        for container in pod.status.container_statuses or ():
            waiting = container.state.waiting if container.state else None
            if waiting is None or waiting.reason in {None, "ContainerCreating", "PodInitializing"}:
                continue
            sentence = f"{waiting.reason}: {waiting.message}" if waiting.message else str(waiting.reason)
            if waiting.reason in HOPELESS:
                raise NotReady(f"{pod.metadata.name}: {sentence}", code="container_hopeless", field="image")
            said[sentence] = None
    return tuple(said)
