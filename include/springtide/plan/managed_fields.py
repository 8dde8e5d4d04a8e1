"""Who set a field of an object last, by the API server's own account (`metadata.managedFields`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from springtide.kube.objects import Json, KubeObject

_NUMBERS: Final = frozenset(
    {"f:replicas", "f:minReplicas", "f:maxReplicas", "f:minReplicaCount", "f:maxReplicaCount", "f:paused"}
)
"""What a scaler sets of a spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWriter:
    """Who has set a field: `at` is when, as the API writes it, "" where it does not say.

    `deploys` says that it has set other parts of the spec, too, as whoever deploys the object does.
    """

    manager: str
    operation: str
    subresource: str
    at: str
    deploys: bool

    def __str__(self) -> str:
        through = f" through {self.subresource}" if self.subresource else ""
        when = f", {self.at}" if self.at else ""
        return f"{self.manager or 'somebody without a name'} ({self.operation}{through}{when})"


def managers_of(thing: KubeObject, path: Iterable[str]) -> Iterator[str]:
    """Yield the managers that have set the field at `path`; who only writes the object's status has set none."""
    for writer in writers_of(thing, path):
        yield writer.manager


def writers_of(thing: KubeObject, path: Iterable[str]) -> Iterator[FieldWriter]:
    """Yield the same, each with how and when it wrote."""
    steps = tuple(path)
    for entry in thing.raw["metadata"].get("managedFields") or ():
        if entry.get("subresource") != "status" and _has_field(entry.get("fieldsV1") or {}, steps):
            yield FieldWriter(
                manager=str(entry.get("manager", "")),
                operation=str(entry.get("operation", "")),
                subresource=str(entry.get("subresource", "")),
                at=str(entry.get("time", "")),
                deploys=not set((entry.get("fieldsV1") or {}).get("f:spec") or {}) <= _NUMBERS,
            )


def _has_field(fields: Json, path: tuple[str, ...]) -> bool:
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True
