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
        patch: Json = {}
        for path in {_mergeable(difference.path): None for difference in self.differences}:
            below = patch
            for step in path[:-1]:
                below = below.setdefault(step, {})
            below[path[-1]] = _at(self.manifest, path)
        return patch

    def to_record(self) -> dict[str, Any]:
        """Return the form that `--output json` shows: on purpose not the fields, for people compare it with a diff."""
        changed = [{"field": item.field, "before": item.before, "after": item.after} for item in self.differences]
        return {"object": self.title, "action": self.action.value, "differences": changed}


def write_for(manifest: Json, present: KubeObject | None) -> Write:
    """Return what it takes for the cluster to hold `manifest` where `present` stands.

    Raises:
        InputError: what stands there is not springtide's (`not_ours`).
        Conflict: a field that would change was set by somebody else last (`field_owned`).
    """
    if present is None:
        return Write(manifest=manifest, action=Action.CREATE)
    _require_ours(manifest, present)
    differences = tuple(_differences(_compared(manifest), present.raw, ()))
    if not differences:
        return Write(manifest=manifest, action=Action.KEEP, version=present.version)
    # After the differences: a field that somebody else set to what is wanted anyway is nobody's quarrel.
    _require_own_fields(manifest["kind"], present, differences)
    return Write(manifest=manifest, action=Action.CHANGE, differences=differences, version=present.version)


def beside(manifest: Json, present: Autoscaler | None) -> Json:
    """Return the manifest as it fits the present autoscaler: bounds that a run holds raised are the run's, and stay."""
    spec = manifest["spec"]
    # Written over, the floor would be gone in the middle of the event that it is held for.
    if present is not None and present.floor_annotation:
        spec = {key: value for key, value in spec.items() if key not in present.keys}
    return manifest | {"spec": spec}


def require_alone(owners: tuple[Autoscaler, ...], manifest: Json) -> Autoscaler | None:
    """Return the one of `owners` that is `manifest`'s own object, None where nothing owns the replicas yet.

    Raises:
        InputError: something else owns them (`autoscaler_present`).
    """
    kind = KINDS[manifest["kind"]]
    name = manifest["metadata"]["name"]
    others = [owner for owner in owners if (owner.kind, owner.name) != (kind, name)]
    if others:
        raise InputError(
            f"{others[0].title} in {manifest['metadata']['namespace']} owns the replicas of {others[0].target} "
            f"already; two that decide would fight. Delete it, then apply {manifest['kind']} {name}. Nothing was "
            "written.",
            code="autoscaler_present",
            field=others[0].name,
        )
    return owners[0] if owners else None


def _require_ours(manifest: Json, present: KubeObject) -> None:
    if present.labels.get(labels.MANAGED_BY) != "springtide":
        title = f"{manifest['kind']} {present.name}"
        raise InputError(
            f"{title} is there already and is not springtide's: it has no label {labels.MANAGED_BY}=springtide. Delete "
            "it, or give it the label to have it changed. Nothing was written.",
            code="not_ours",
            field=present.name,
        )


def _compared(manifest: Json) -> Json:
    """Return what counts of a manifest; an object from a list has neither `kind` nor `apiVersion`."""
    return {"metadata": {"labels": manifest["metadata"]["labels"]}, "spec": manifest["spec"]}


def _require_own_fields(kind: str, present: KubeObject, differences: tuple[Difference, ...]) -> None:
    taken = [
        f"{difference.field} was set by {manager} to {difference.before!r}, and {difference.after!r} is wanted"
        for difference in differences
        if (manager := _other_manager(present, _mergeable(difference.path)))
    ]
    if taken:
        raise Conflict(
            f"{kind} {present.name}: {'; '.join(taken)}. Agree with its owner: undo that "
            "change, have the policy say the same, or delete the object to have it recreated. Nothing was written.",
            code="field_owned",
            field=differences[0].field,
        )


def _other_manager(present: KubeObject, path: tuple[str, ...]) -> str | None:
    return next((manager for manager in managers_of(present, path) if manager != FIELD_MANAGER), None)


def _differences(wanted: Any, present: Any, path: Path) -> Iterator[Difference]:
    """Yield where `present` lacks something of `wanted`; what it has beyond that is not a difference."""
    if isinstance(wanted, dict) and isinstance(present, dict):
        for key, value in wanted.items():
            yield from _differences(value, present.get(key), (*path, key))
    elif isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        for index, (entry, other) in enumerate(zip(wanted, present, strict=True)):
            yield from _differences(entry, other, (*path, index))
    elif wanted != present:
        yield Difference(path, present, wanted)


def _mergeable(path: Path) -> tuple[str, ...]:
    """Return the path up to the first list, which a merge patch replaces as a whole."""
    return tuple(takewhile(lambda step: isinstance(step, str), path))  # type: ignore[arg-type]  # all of them are str


def _at(document: Json, path: tuple[str, ...]) -> Any:
    value: Any = document
    for step in path:
        value = value[step]
    return value


def _text(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
