"""The number that somebody gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always `replicas`; `reason` says whose number it is. Looks at no demand."""

    replicas: int
    reason: str = "the policy's fixed number"

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:  # noqa: ARG002  # Protocol
        """Return the number."""
        return ModelAnswer(
            model="fixed", replicas=self.replicas, inputs={"replicas": self.replicas}, reason=self.reason
        )
