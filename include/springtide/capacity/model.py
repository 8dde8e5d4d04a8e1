"""A model's answer, and the Protocol that every model follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from springtide.quantities import round_up
from springtide.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from springtide.demand.model import DemandSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer(Stored):
    """What one model says: `replicas` before rounding, and the inputs that a reader needs to check it by hand.

    `abstains`: the model has no say this time, `reason` tells why, and `replicas` is 0. `expected` is what demand
    most likely needs, without the caution of `replicas` and whoever brings the pods; None where both are the same.
    """

    model: str
    replicas: float
    inputs: Mapping[str, float | int | str]
    reason: str
    abstains: bool = False
    expected: float | None = None


def abstaining(model: str, reason: str) -> ModelAnswer:
    """Return the answer of a model that has no say this time."""
    return ModelAnswer(model=model, replicas=0.0, inputs={}, reason=f"abstains: {reason}", abstains=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityEstimate(Stored):
    """All models' answers and the one number they are combined to (pods, rounded up, before any guard).

    `hold` tells why what runs must not shrink by this estimate, None where it may; `quality` is the stored form of what
    the gate found.
    """

    replicas: int
    answers: tuple[ModelAnswer, ...]
    combine: str
    demand: float | None
    unit: str | None
    hold: str | None = None
    quality: Mapping[str, Any] | None = None

    @property
    def largest(self) -> ModelAnswer:
        """The answer that decides where the largest one does."""
        return max((answer for answer in self.answers if not answer.abstains), key=lambda answer: answer.replicas)

    @property
    def abstained(self) -> tuple[str, ...]:
        """The models that had no say."""
        return tuple(answer.model for answer in self.answers if answer.abstains)

    @property
    def gate(self) -> str:
        """What the metrics gate said of demand: `pass` or `hold`; "" where no demand was read."""
        if self.demand is None and self.hold is None:
            return ""
        return "pass" if self.hold is None else "hold"

    @property
    def expected(self) -> int:
        """What demand most likely needs, whoever brings it: what an event multiplies."""
        answers = [answer for answer in self.answers if not answer.abstains]
        each = [answer.replicas if answer.expected is None else answer.expected for answer in answers]
        # fsum: the order of the models in a policy must not decide how 0.1 + 0.2 is rounded up
        return round_up(max(each, default=0.0) if self.combine == "max" else math.fsum(each))


class CapacityModel(Protocol):
    """A pure function of history, present replicas and time."""

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return how many replicas `demand` needs; `replicas` are desired now. Sees nothing after `now`.

        Raises:
            DemandUnusable: the series does not hold what this model needs; the message says what.
        """
        ...


@runtime_checkable
class AnswersTogether(Protocol):
    """A model that works the answers at several moments out at once, for little more than one of them costs."""

    def answers(self, demand: DemandSeries, moments: Sequence[datetime]) -> Sequence[ModelAnswer | None]:
        """Return what `answer` returns at each of `moments`; None where it raises `DemandUnusable`.

        They are ascending and whole hours apart, and a sample of each minute before each of them is there.

        Raises:
            DemandUnusable: no sample lies before the last of them.
        """
        ...
