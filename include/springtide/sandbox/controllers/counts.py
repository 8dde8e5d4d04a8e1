"""The numbers of Deployments and ReplicaSets: what their spec wants and what their status reports."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.sandbox.objects import Json


def wanted(obj: Json | None) -> int:
    """Return `spec.replicas`; a ReplicaSet that is not there wants none."""
    number: int = (obj or {}).get("spec", {}).get("replicas", 0)
    return number


def reported(obj: Json | None, field: str) -> int:
    """Return a number of the status; a zero is left out of a status, so what is absent is 0."""
    number: int = (obj or {}).get("status", {}).get(field, 0)
    return number


def all_wanted(sets: Iterable[Json]) -> int:
    """Return the sum of `spec.replicas`."""
    return sum(wanted(replica_set) for replica_set in sets)


def all_reported(sets: Iterable[Json], field: str) -> int:
    """Return the sum of a number of the status."""
    return sum(reported(replica_set, field) for replica_set in sets)
