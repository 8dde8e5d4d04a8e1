"""What it takes for the cluster to hold a manifest of ours: nothing, a new object, or a change of our own fields. Pure.

Only what the manifest says is compared and written: a label, an annotation or a `behavior` that somebody added stays.
A field that another manager set last is left to it, and refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final

from springtide import labels
from springtide.errors import Conflict, InputError
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.objects import Json, Kind, KubeObject, Version
from springtide.plan.managed_fields import managers_of

Path = tuple[str | int, ...]

KINDS: Final = {
    "PrometheusRule": Kind.PROMETHEUS_RULE,
    "HorizontalPodAutoscaler": Kind.AUTOSCALER,
    "ScaledObject": Kind.SCALED_OBJECT,
}
"""What a manifest calls itself, and how springtide reaches it."""


class Action(StrEnum):
    """What becomes of one manifest."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is to change; None where there is nothing."""

    path: Path
    before: Any
    after: Any

    @property
    def field(self) -> str:
        """The field as people write it: `spec.metrics[0].type`."""
        return _text(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One manifest, and what is done for the cluster to hold it; `version` is that of the object that was judged."""

    manifest: Json
    action: Action
    differences: tuple[Difference, ...] = ()
    version: Version | None = None

    @property
    def kind(self) -> Kind:
        """How it is reached."""
        return KINDS[self.manifest["kind"]]

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def title(self) -> str:
        """The object as people write it."""
        return f"{self.manifest['kind']} {self.manifest['metadata']['namespace']}/{self.name}"

    @property
    def change(self) -> Json:
        """The merge patch; a list is always written whole."""
        found: Json = {}
        for path in {_mergeable(one.path): None for one in self.differences}:
            below = found
            for step in path[:-1]:
                below = below.setdefault(step, {})
            below[path[-1]] = _at(self.manifest, path)
        return found

    def to_record(self) -> dict[str, Any]:
        """Return the form that `--output json` shows: on purpose not the fields, for people compare it with a diff."""
        changed = [{"field": one.field, "before": one.before, "after": one.after} for one in self.differences]
        return {"object": self.title, "action": self.action.value, "differences": changed}


def write_for(manifest: Json, found: KubeObject | None) -> Write:
    """Return what it takes for the cluster to hold `manifest` where `found` stands.

    Raises:
        InputError: what stands there is not springtide's (`not_ours`).
        Conflict: a field that would change was set by somebody else last (`field_owned`).
    """
    if found is None:
        return Write(manifest=manifest, action=Action.CREATE)
    _require_ours(manifest, found)
    differences = tuple(_differences(_compared(manifest), found.raw, ()))
    if not differences:
        return Write(manifest=manifest, action=Action.KEEP, version=found.version)
    _require_own_fields(manifest["kind"], found, differences)
    return Write(manifest=manifest, action=Action.CHANGE, differences=differences, version=found.version)


def beside(manifest: Json, found: Autoscaler | None, active: str) -> Json:
    """Return the autoscaler's manifest as it fits the cluster of now.

    It scales the set that is `active`, be it the workload's own or its twin; while a run holds the minimum raised, both
    bounds are the run's, and stay.
    """
    spec = manifest["spec"] | {"scaleTargetRef": manifest["spec"]["scaleTargetRef"] | {"name": active}}
    if found is not None and found.floor_annotation:
        spec = {key: value for key, value in spec.items() if key not in found.keys}
    return manifest | {"spec": spec}


def require_alone(owners: tuple[Autoscaler, ...], manifest: Json) -> Autoscaler | None:
    """Return the one of `owners` that is `manifest`'s own object, None where nothing owns the replicas yet.

    Raises:
        InputError: something else owns them (`autoscaler_present`).
    """
    kind = KINDS[manifest["kind"]]
    name = manifest["metadata"]["name"]
    others = [one for one in owners if (one.kind, one.name) != (kind, name)]
    if others:
        raise InputError(
            f"{others[0].title} in {manifest['metadata']['namespace']} owns the replicas of {others[0].target} "
            f"already; two that decide would fight. Delete it, then apply {manifest['kind']} {name}. Nothing was "
            "written.",
            code="autoscaler_present",
            field=others[0].name,
        )
    return owners[0] if owners else None


def _require_ours(manifest: Json, found: KubeObject) -> None:
    if found.labels.get(labels.MANAGED_BY) != "springtide":
        title = f"{manifest['kind']} {found.name}"
        raise InputError(
            f"{title} is there already and is not springtide's: it has no label {labels.MANAGED_BY}=springtide. Delete "
            "it, or give it the label to have it changed. Nothing was written.",
            code="not_ours",
            field=found.name,
        )


def _compared(manifest: Json) -> Json:
    """Return what counts of a manifest; an object from a list has neither `kind` nor `apiVersion`."""
    return {"metadata": {"labels": manifest["metadata"]["labels"]}, "spec": manifest["spec"]}


def _require_own_fields(kind: str, found: KubeObject, differences: tuple[Difference, ...]) -> None:
    taken = [
        f"{one.field} was set by {manager} to {one.before!r}, and {one.after!r} is wanted"
        for one in differences
        if (manager := _other_manager(found, _mergeable(one.path)))
    ]
    if taken:
        raise Conflict(
            f"{kind} {found.name}: {'; '.join(taken)}. Agree with its owner: undo that "
            "change, have the policy say the same, or delete the object to have it made anew. Nothing was written.",
            code="field_owned",
            field=differences[0].field,
        )


def _other_manager(found: KubeObject, path: tuple[str, ...]) -> str | None:
    return next((manager for manager in managers_of(found, path) if manager != FIELD_MANAGER), None)


def _differences(wanted: Any, found: Any, path: Path) -> Iterator[Difference]:
    """Yield where `found` lacks something of `wanted`; what it has beyond that is no difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from _differences(value, found.get(key), (*path, key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, (*path, index))
    elif wanted != found:
        yield Difference(path, found, wanted)


def _mergeable(path: Path) -> tuple[str, ...]:
    """Return the path up to the first list, which a merge patch replaces as a whole."""
    return tuple(takewhile(lambda step: isinstance(step, str), path))  # type: ignore[arg-type]  # all of them are str


def _at(document: Json, path: tuple[str, ...]) -> Any:
    found: Any = document
    for step in path:
        found = found[step]
    return found


def _text(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
