"""What is scaled, and every name in the cluster that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from springtide.stored import Stored

DEFAULT_CLUSTER: Final = ""
"""The cluster of a policy that names none: whichever the command or Airflow's default connection leads to."""

Cluster = Annotated[str, Field(exclude_if=lambda name: name == DEFAULT_CLUSTER)]
"""A cluster's name as it is stored: not at all for the default one, so what earlier versions wrote reads the same."""


def in_cluster(text: str, cluster: str) -> str:
    """Return `text` with the cluster that it is about, where that is not the default one."""
    return text if cluster == DEFAULT_CLUSTER else f"{text} in cluster {cluster}"


class WorkloadKind(StrEnum):
    """The kinds of object that can be scaled, as `kubectl` and a policy's `target` call them."""

    DEPLOYMENT = "deployment"
    STATEFUL_SET = "statefulset"
    ROLLOUT = "rollout"

    @property
    def noun(self) -> str:
        """What its manifest says under `kind`."""
        return _NOUNS[self]


_NOUNS = {
    WorkloadKind.DEPLOYMENT: "Deployment",
    WorkloadKind.STATEFUL_SET: "StatefulSet",
    WorkloadKind.ROLLOUT: "Rollout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload(Stored):
    """A Deployment, and the Service whose endpoints lead to it; None where nobody calls its pods.

    With another `kind`, `deployment` is the name of a StatefulSet or of a Rollout of Argo Rollouts: Leases of before
    there were others hold it under this name. `cluster` is what the policy calls its cluster, "" for the default one:
    the same names in two clusters are two workloads.
    """

    namespace: str
    deployment: str
    service: str | None
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    cluster: Cluster = DEFAULT_CLUSTER

    def __str__(self) -> str:
        return in_cluster(f"{self.namespace}/{self.reference}", self.cluster)

    @property
    def reference(self) -> str:
        """Its name as `kubectl` takes it: `checkout` for a Deployment, `statefulset/db` for another kind."""
        is_deployment = self.kind is WorkloadKind.DEPLOYMENT
        return self.deployment if is_deployment else f"{self.kind.value}/{self.deployment}"

    @classmethod
    def of_reference(
        cls, namespace: str, reference: str, service: str | None, *, cluster: str = DEFAULT_CLUSTER
    ) -> Workload:
        """Return the workload whose `reference` this is.

        Raises:
            ValueError: there is no such kind.
        """
        kind, _, name = reference.rpartition("/")
        of_kind = WorkloadKind(kind or WorkloadKind.DEPLOYMENT)
        return cls(namespace=namespace, deployment=name, service=service, kind=of_kind, cluster=cluster)

    @property
    def title(self) -> str:
        """The object as people write it: `Deployment checkout`."""
        return f"{self.kind.noun} {self.deployment}"

    @property
    def field(self) -> str:
        """Where a policy names it: `target.deployment`."""
        return f"target.{self.kind.value}"

    @property
    def lease_name(self) -> str:
        """The name of its Lease; no Deployment's has a dot behind `springtide`."""
        if self.kind is WorkloadKind.DEPLOYMENT:
            return f"springtide-{self.deployment}"
        return f"springtide.{self.kind.value}.{self.deployment}"
