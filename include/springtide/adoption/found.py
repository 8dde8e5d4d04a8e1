"""The objects that an import looks at, as they came from a cluster or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from springtide.adoption.remarks import Remark, Standing, shortened
from springtide.workload import Workload, WorkloadKind

DEFAULT_NAMESPACE: Final = "default"
"""Where `kubectl apply` puts an object that names no namespace."""

_LONGEST_TITLE: Final = 400
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?")
_KINDS: Final = {kind.noun: kind for kind in WorkloadKind}

WORKLOADS: Final = tuple(_KINDS)
"""The kinds of object that can be scaled, as manifests call them."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One object, and where it was found; fields that are of another shape than they should be count as empty."""

    raw: Mapping[str, Any]
    place: str

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.raw.get("kind", ""))

    @property
    def group(self) -> str:
        """Its API group; "" for the core."""
        return str(self.raw.get("apiVersion", "")).rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its name."""
        return str(mapping(self.raw.get("metadata")).get("name", ""))

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(mapping(self.raw.get("metadata")).get("namespace") or DEFAULT_NAMESPACE)

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations, as text."""
        raw = mapping(mapping(self.raw.get("metadata")).get("annotations"))
        return {str(key): annotation_text(value) for key, value in raw.items()}

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec."""
        return mapping(self.raw.get("spec"))

    @property
    def created(self) -> datetime | None:
        """When it was created; None where nobody says."""
        return moment_of(mapping(self.raw.get("metadata")).get("creationTimestamp"))

    @property
    def title(self) -> str:
        """The object as people write it: `ScaledObject shop/checkout`."""
        return shortened(f"{self.kind} {self.namespace}/{self.name}", _LONGEST_TITLE)

    @property
    def wrong_name(self) -> tuple[str, str] | None:
        """The first name in it that Kubernetes would not take, with its field; a template has such before rendering."""
        reference = mapping(self.spec.get("scaleTargetRef"))
        named = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "scaleTargetRef.name": str(reference.get("name") or "none"),
        }
        return next(((field, name) for field, name in named.items() if not _OBJECT_NAME.fullmatch(name)), None)

    @property
    def workload(self) -> Workload | None:
        """What it is to springtide; None where it is nothing that can be scaled."""
        kind = _KINDS.get(self.kind)
        return (
            None if kind is None else Workload(namespace=self.namespace, deployment=self.name, service=None, kind=kind)
        )

    @property
    def replicas(self) -> int:
        """How many replicas a workload's spec wants; 1 where it leaves that to Kubernetes."""
        value = self.spec.get("replicas")
        return value if isinstance(value, int) and not isinstance(value, bool) else 1

    def remark(self, standing: Standing, field: str, value: object, advice: str) -> Remark:
        """Return a remark about one of its fields."""
        return Remark(standing=standing, subject=self.title, field=field, value=shortened(value), advice=advice)


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """All that was found; of two objects of one name and kind the later one counts, as with `kubectl apply`."""

    by_title: Mapping[str, FoundObject]

    @classmethod
    def of(cls, found: Iterable[FoundObject]) -> FoundObjects:
        """Return `found` by their titles."""
        return cls({each.title: each for each in found})

    def of_kind(self, *kinds: str) -> list[FoundObject]:
        """Return the objects of these kinds, in the order of their titles."""
        return [each for _, each in sorted(self.by_title.items()) if each.kind in kinds]

    def named(self, kind: str, namespace: str, name: str) -> FoundObject | None:
        """Return one object; None where it was not found."""
        return self.by_title.get(f"{kind} {namespace}/{name}")

    def namespace(self, name: str) -> FoundObject | None:
        """Return a Namespace, which stands in none itself."""
        return next((each for each in self.of_kind("Namespace") if each.name == name), None)


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of the list `value`; of anything else none."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def annotation_text(value: object) -> str:
    """Return an annotation as text: YAML that was not quoted may hold a truth value or a date."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def whole_number(value: object) -> int | None:
    """Return `value` as a whole number of at least 0, written as a number or as text; None where it is none."""
    if isinstance(value, bool):
        return None
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None  # noqa: PLR2004  # an int32


def moment_of(value: object) -> datetime | None:
    """Return an instant that is written as Kubernetes does, or was read from YAML as one; None for anything else."""
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(str(value))
        except ValueError:
            return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def scaled_by(found: FoundObject) -> Workload | None:
    """Return the workload that `spec.scaleTargetRef` of `found` names; None for a kind that springtide cannot scale."""
    reference = mapping(found.spec.get("scaleTargetRef"))
    kind = _KINDS.get(str(reference.get("kind") or "Deployment"))
    name = reference.get("name")
    if kind is None or not name:
        return None
    return Workload(namespace=found.namespace, deployment=str(name), service=None, kind=kind)
