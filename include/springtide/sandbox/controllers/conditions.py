"""Conditions of Deployments and ReplicaSets, kept as upstream keeps them."""

from __future__ import annotations

from springtide.sandbox.objects import Json


def make(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    """Return a Deployment condition that changed now."""
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def put(conditions: list[Json], new: Json) -> list[Json]:
    """Return the conditions with one replaced; the same status and reason again changes nothing."""
    old = next((one for one in conditions if one["type"] == new["type"]), None)
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return conditions
    if old is not None and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*drop(conditions, new["type"]), new]


def drop(conditions: list[Json], kind: str) -> list[Json]:
    """Return the conditions without one."""
    return [one for one in conditions if one["type"] != kind]


def find(conditions: list[Json], kind: str) -> Json | None:
    """Return one condition."""
    return next((one for one in conditions if one["type"] == kind), None)
