"""A model's answer, and the Protocol that every model follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.demand.model import DemandSeries


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What one model says: `replicas` before rounding, and the inputs that a reader needs to check it by hand."""

    model: str
    replicas: float
    inputs: Mapping[str, float | int | str]
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return the stored form."""
        return asdict(self) | {"inputs": dict(self.inputs)}


@dataclass(frozen=True, slots=True)
class CapacityEstimate:
    """All models' answers and the one number they are combined to (pods, rounded up, before any guard)."""

    replicas: int
    answers: tuple[ModelAnswer, ...]
    combine: str
    demand: float | None
    unit: str | None

    def to_record(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "replicas": self.replicas,
            "answers": [answer.to_record() for answer in self.answers],
            "combine": self.combine,
            "demand": self.demand,
            "unit": self.unit,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CapacityEstimate:
        """Return the estimate that `to_record` stored."""
        return cls(**{**record, "answers": tuple(ModelAnswer(**answer) for answer in record["answers"])})


class CapacityModel(Protocol):
    """A pure function of history, present replicas and time."""

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return how many replicas `demand` needs; `replicas` are desired now. Sees nothing after `now`.

        Raises:
            DemandUnusable: the series does not hold what this model needs; the message says what.
        """
        ...
