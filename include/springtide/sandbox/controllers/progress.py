"""A Deployment's status: its numbers, whether enough pods are available, and how far its rollout is."""

from __future__ import annotations

from datetime import datetime, timedelta

from springtide.sandbox.controllers import conditions
from springtide.sandbox.controllers.counts import all_reported, all_wanted, reported, wanted
from springtide.sandbox.controllers.revisions import OwnedSets
from springtide.sandbox.controllers.rollout import Bounds
from springtide.sandbox.objects import Json, parse_stamp, stamp

_DONE = "NewReplicaSetAvailable"
_OVERDUE = "ProgressDeadlineExceeded"


def numbers(owned: OwnedSets) -> Json:
    """Return the numbers of the status; zeros are left out, as the API does."""
    available = all_reported(owned.every, "availableReplicas")
    counted = {
        "observedGeneration": owned.deployment["metadata"]["generation"],
        "replicas": all_reported(owned.every, "replicas"),
        "updatedReplicas": reported(owned.present, "replicas"),
        "readyReplicas": all_reported(owned.every, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(all_wanted(owned.every) - available, 0),
        "collisionCount": reported(owned.deployment, "collisionCount"),
    }
    return {field: number for field, number in counted.items() if number}


def with_availability(owned: OwnedSets, now: datetime) -> Json:
    """Return the status with its numbers and the condition Available."""
    status = numbers(owned)
    if status.get("availableReplicas", 0) >= Bounds.of(owned.deployment).min_available:
        claim = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        claim = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    condition = conditions.make("Available", *claim, stamp(now))
    return {**status, "conditions": conditions.put(conditions.of(owned.deployment), condition)}


def with_progress(owned: OwnedSets, now: datetime) -> Json:
    """Return the whole status: numbers, Available, Progressing and ReplicaFailure."""
    status = with_availability(owned, now)
    known: list[Json] = status["conditions"]
    if _deadline(owned.deployment) is None:
        known = conditions.drop(known, "Progressing")
    else:
        known = _progressing(owned, status, now)
    failure = _replica_failure(owned)
    known = conditions.put(known, failure) if failure else conditions.drop(known, "ReplicaFailure")
    return {**status, "conditions": known}


def _progressing(owned: OwnedSets, status: Json, now: datetime) -> list[Json]:
    """Return the conditions with Progressing as this status makes it."""
    known: list[Json] = status["conditions"]
    # a rollout that was finished stays so while only its size changes: no deadline runs for scaling
    if _reason(known) == _DONE and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return known
    if is_complete(owned.deployment, status):
        return conditions.put(known, _claim(owned, "True", _DONE, "has successfully progressed", now))
    if _is_further(owned.deployment, status):
        # put anew each time: the deadline counts from the last step forward
        return conditions.renew(known, _claim(owned, "True", "ReplicaSetUpdated", "is progressing", now))
    if _is_overdue(owned.deployment, known, now):
        return conditions.put(known, _claim(owned, "False", _OVERDUE, "has timed out progressing", now))
    return known


def _claim(owned: OwnedSets, status: str, reason: str, predicate: str, now: datetime) -> Json:
    described = owned.present or owned.deployment
    kind = "Deployment" if owned.present is None else "ReplicaSet"
    message = f'{kind} "{described["metadata"]["name"]}" {predicate}.'
    return conditions.make("Progressing", status, reason, message, stamp(now))


def is_complete(deployment: Json, status: Json) -> bool:
    """Return whether every pod is new, there and available."""
    counts = [status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas")]
    is_current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return is_current and counts == [wanted(deployment)] * len(counts)


def _is_further(deployment: Json, status: Json) -> bool:
    """Return whether a status is nearer to the end than the one that the Deployment has."""
    before = deployment.get("status", {})
    if _old_pods(status) < _old_pods(before):
        return True
    return any(
        status.get(field, 0) > before.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _old_pods(status: Json) -> int:
    count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    return count


def _is_overdue(deployment: Json, known: list[Json], now: datetime) -> bool:
    left = seconds_left(deployment, known, now)
    return _reason(known) == _OVERDUE or (left is not None and left < 0)


def seconds_left(deployment: Json, known: list[Json], now: datetime) -> float | None:
    """Return the seconds until the progress deadline, None when none runs."""
    progressing = conditions.find(known, "Progressing")
    deadline = _deadline(deployment)
    if progressing is None or deadline is None or progressing["reason"] in {_DONE, _OVERDUE}:
        return None
    return (parse_stamp(progressing["lastUpdateTime"]) + timedelta(seconds=deadline) - now).total_seconds()


def pause_claim(deployment: Json) -> tuple[str, str] | None:
    """Return the reason and message by which a pause, or its end, is announced; None when there is no news."""
    reason = _reason(conditions.of(deployment))
    if _deadline(deployment) is None or reason == _OVERDUE:
        return None
    is_paused = bool(deployment["spec"].get("paused"))
    if is_paused == (reason == "DeploymentPaused"):
        return None
    if is_paused:
        return "DeploymentPaused", "Deployment is paused"
    return "DeploymentResumed", "Deployment is resumed"


def _deadline(deployment: Json) -> int | None:
    seconds: int | None = deployment["spec"].get("progressDeadlineSeconds")
    return seconds


def _reason(known: list[Json]) -> str:
    progressing = conditions.find(known, "Progressing")
    return progressing["reason"] if progressing else ""


def _replica_failure(owned: OwnedSets) -> Json | None:
    """Return the failure of the present ReplicaSet, else of another: nothing else tells why pods are missing."""
    present = () if owned.present is None else (owned.present,)
    for replica_set in (*present, *owned.former):
        failure = conditions.find(conditions.of(replica_set), "ReplicaFailure")
        if failure:
            return {**failure, "lastUpdateTime": failure["lastTransitionTime"]}
    return None
