"""From the answers of several models to one number of replicas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

import numpy as np

from springtide.capacity.fixed import Fixed
from springtide.capacity.model import CapacityEstimate, CapacityModel, ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.quantities import round_up

Combine = Literal["max", "sum"]


def estimate(
    models: Sequence[CapacityModel], demand: DemandSeries | None, *, combine: Combine, replicas: int, now: datetime
) -> CapacityEstimate:
    """Return what `models` say together: the largest answer (`max`) or all of them (`sum`), rounded up once.

    `demand` is None for models that look at none; `replicas` are desired now. The estimate's own `demand` is the newest
    sample; what each model made of the series is in its inputs. 3.0000000001 rounds to 3.

    A model that abstains has no say, but with `sum` its share would be missing.

    Raises:
        DemandUnusable: a model lacks what it needs, or answers with no finite number, or all abstain, or one of a sum
            does (`capacity_unusable`).
    """
    series = (
        DemandSeries(times=np.empty(0), values=np.empty(0), unit="", source="no demand") if demand is None else demand
    )
    answers = tuple(model.answer(series, replicas=replicas, now=now) for model in models)
    for answer in answers:
        _check(answer)
    # With `max` a silent model is no loss: another one decides. With `sum` its share of the work would get no pods.
    numbers = [answer.replicas for answer in answers if not answer.abstains]
    if not numbers or (combine == "sum" and len(numbers) < len(answers)):
        raise _silent([answer for answer in answers if answer.abstains], combine)
    return CapacityEstimate(
        # Rounded once: three models of a third of a pod each need one pod, not three.
        replicas=round_up(max(numbers) if combine == "max" else math.fsum(numbers)),
        answers=answers,
        combine=combine,
        demand=float(series.values[-1]) if len(series) else None,
        unit=series.unit or None,
    )


def requested(replicas: int, *, now: datetime) -> CapacityEstimate:
    """Return the estimate of a person: `replicas` and nothing else."""
    asked = Fixed(replicas, reason="the number that was asked for")
    return estimate([asked], None, combine="max", replicas=replicas, now=now)


def held(estimate: CapacityEstimate | None, *, replicas: int, reason: str) -> CapacityEstimate:
    """Return `estimate` as one that never shrinks what runs; without one, the current `replicas`."""
    if estimate is not None:
        return replace(estimate, hold=reason)
    kept = ModelAnswer(
        model="fixed",
        replicas=replicas,
        inputs={"replicas": replicas},
        reason="the current replica count: demand cannot be judged",
    )
    return CapacityEstimate(replicas=replicas, answers=(kept,), combine="max", demand=None, unit=None, hold=reason)


def _silent(aside: Sequence[ModelAnswer], combine: Combine) -> DemandUnusable:
    reasons = "; ".join(f"{answer.model} {answer.reason}" for answer in aside)
    problem = "no model has an answer" if combine == "max" else "a share of the sum is missing"
    return DemandUnusable(
        f"capacity: {problem}: {reasons}. Add a model of recent demand, or a fixed number.",
        code="capacity_unusable",
        field="capacity.models",
    )


def _check(answer: ModelAnswer) -> None:
    if not math.isfinite(answer.replicas) or answer.replicas < 0:
        raise DemandUnusable(
            f"capacity model {answer.model} answers {answer.replicas} replicas ({answer.reason}): check its inputs "
            "in the policy.",
            code="capacity_unusable",
            field=f"capacity.models.{answer.model}",
        )
