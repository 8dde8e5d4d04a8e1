"""Resources of other projects, defined where a cluster does not serve them: any content, and nobody acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.manifests import Json

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Definition:
    """One resource; its plural is its kind in small letters, with an s."""

    group: str
    version: str
    kind: str

    @property
    def plural(self) -> str:
        """The collection."""
        return f"{self.kind.lower()}s"

    @property
    def name(self) -> str:
        """The definition's own name."""
        return f"{self.plural}.{self.group}"

    def manifest(self) -> Json:
        """Return the CustomResourceDefinition."""
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": self.version, "served": True, "storage": True, "schema": schema}
        names = {
            "plural": self.plural,
            "singular": self.kind.lower(),
            "kind": self.kind,
            "listKind": f"{self.kind}List",
        }
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name},
            "spec": {"group": self.group, "scope": "Namespaced", "names": names, "versions": [version]},
        }


SCALED_OBJECTS = Definition("keda.sh", "v1alpha1", "ScaledObject")
RULES = Definition("monitoring.coreos.com", "v1", "PrometheusRule")
