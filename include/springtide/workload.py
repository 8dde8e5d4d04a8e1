"""What is scaled, and every name in the cluster that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from springtide.stored import Stored


@dataclass(frozen=True, slots=True)
class Workload(Stored):
    """A Deployment, and the Service whose endpoints lead to it; None where nobody calls its pods."""

    namespace: str
    deployment: str
    service: str | None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.deployment}"

    @property
    def lease_name(self) -> str:
        """The name of its Lease."""
        return f"springtide-{self.deployment}"
