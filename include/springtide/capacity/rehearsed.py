"""What a rehearsal measured, held against what a policy plans to put on one replica.

Only a lower measure counts: where a replica served less within its limits than a model plans with, the model's answer
is raised so that no replica gets more than was measured. A higher measure is shown, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from springtide.capacity.model import CapacityModel, ModelAnswer
from springtide.policy.scaling.capacity_part import ModelPart

if TYPE_CHECKING:
    from springtide.demand.model import DemandSeries
    from springtide.policy.language.parts import Part

MEASURED: Final = "rehearsed_per_replica"
PLANNED: Final = "planned_per_replica"
REHEARSED: Final = "rehearsed"
RAISED_BY: Final = "raised_by"
"""The inputs of an answer by which a reader, and the plan's finding, see the measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLoad:
    """What one of `replicas` served at a rehearsal, in requests/s.

    `is_limit`: with more, answers came too late. Else it is what was tried and held: it may well serve more.
    """

    per_replica: float
    replicas: int
    is_limit: bool
    at: datetime

    def message(self) -> str:
        """Return it for a message."""
        how = "at most" if self.is_limit else "at least"
        return f"{how} {self.per_replica:.4g} requests/s a replica, {self.replicas} replicas on {self.at:%Y-%m-%d}"


def planned_load(spec: Part) -> float | None:
    """Return what a model plans to put on one replica: per_replica · target ÷ margin, where it has them; else None."""
    per_replica = spec.rated_load if isinstance(spec, ModelPart) else None
    if per_replica is None:
        return None
    # Each model has its own word for headroom; by its absence a model says that it plans with the whole replica.
    return per_replica * float(getattr(spec, "target", 1.0)) / float(getattr(spec, "margin", 1.0))


@dataclass(frozen=True, slots=True)
class RehearsedModel:
    """The answers of `model`, which plans `planned` on one replica, in the light of what was `measured`."""

    model: CapacityModel
    planned: float
    measured: MeasuredLoad

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the model's answer, raised where a replica was measured to serve less than it plans with.

        Raises:
            DemandUnusable: as the model does.
        """
        answer = self.model.answer(demand, replicas=replicas, now=now)
        if answer.abstains:
            return answer
        seen: dict[str, float | int | str] = {MEASURED: self.measured.per_replica, PLANNED: self.planned}
        seen[REHEARSED] = self.measured.message()
        shown = replace(answer, inputs={**answer.inputs, **seen})
        # A load that held proves nothing about more of it, and a replica that serves more than planned is headroom:
        # an owner takes that by a higher per_replica, never by a rehearsal alone.
        if not self.measured.is_limit or self.measured.per_replica >= self.planned:
            return shown
        factor = self.planned / self.measured.per_replica
        reason = f"{answer.reason}, times {factor:.3g}: rehearsed {self.measured.message()}, not {self.planned:.4g}"
        inputs = {**shown.inputs, RAISED_BY: factor}
        expected = None if answer.expected is None else answer.expected * factor
        return replace(shown, replicas=answer.replicas * factor, expected=expected, inputs=inputs, reason=reason)


@dataclass(frozen=True, slots=True)
class MaxOf:
    """The larger of two models' answers."""

    first: CapacityModel
    second: CapacityModel

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return it; the first one's where they are equal.

        Raises:
            DemandUnusable: as either does.
        """
        answers = [model.answer(demand, replicas=replicas, now=now) for model in (self.first, self.second)]
        return max(answers, key=lambda model: model.replicas)
