"""Conditions of Deployments and ReplicaSets: what is known, since when, and why."""

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
    """Return the conditions with one replaced; the same status and reason again changes nothing, not even its times."""
    old = find(conditions, new["type"])
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return conditions
    return renew(conditions, new)


def renew(conditions: list[Json], new: Json) -> list[Json]:
    """Return the conditions with one replaced; it keeps the time since when it has its status."""
    old = find(conditions, new["type"])
    if old is not None and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*drop(conditions, new["type"]), new]


def drop(conditions: list[Json], kind: str) -> list[Json]:
    """Return the conditions without one."""
    return [condition for condition in conditions if condition["type"] != kind]


def find(conditions: list[Json], kind: str) -> Json | None:
    """Return one condition."""
    return next((condition for condition in conditions if condition["type"] == kind), None)


def of(obj: Json) -> list[Json]:
    """Return the conditions of an object's status."""
    conditions: list[Json] = obj.get("status", {}).get("conditions", [])
    return conditions
