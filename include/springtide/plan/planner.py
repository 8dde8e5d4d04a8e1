"""From an estimate to a plan: pure, and every change of the number recorded with its reason.

A number of a model is clamped, for nobody waits for an answer and a smaller step is better than none. A number of a
person is done exactly or refused, never changed: who asks for 80 and is silently given 36 is misled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from springtide.capacity.model import CapacityEstimate
from springtide.errors import InputError
from springtide.plan.guards import check_bounds, parse_replicas, within_bounds, within_step, within_tolerance
from springtide.plan.model import Clamp, PlanOutcome, ScalingPlan, Target
from springtide.policy.model import BlueGreen, InPlace, ScalingPolicy
from springtide.policy.units import shown

__all__ = ["STRATEGIES", "make_plan", "parse_replicas"]

STRATEGIES = tuple(part.model_fields["type"].default for part in (BlueGreen, InPlace))
"""The strategies that a run can be asked for."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of replicas on its way through the guards."""

    replicas: int
    clamps: tuple[Clamp, ...] = ()

    def after(self, clamp: Clamp | None) -> _Number:
        return self if clamp is None else _Number(clamp.replicas, (*self.clamps, clamp))


def make_plan(
    policy: ScalingPolicy,
    estimate: CapacityEstimate,
    *,
    current: int,
    strategy: str,
    now: datetime,
    explicit: bool,
) -> ScalingPlan:
    """Return what a run does about `estimate`, with `current` desired replicas now.

    `explicit` says that a person gave the number: then tolerance does not apply, and a number outside of the bounds or
    beyond the step limits is refused instead of clamped. Equal numbers are "nothing to do", an outcome like any other.

    Raises:
        InputError: no such strategy (`strategy_unknown`), or a person's number breaks the bounds (`pods_too_many`,
            `pods_below_min`) or a step limit (`factor_exceeded`).
    """
    if strategy not in STRATEGIES:
        raise InputError(
            f"strategy: expected {' or '.join(STRATEGIES)}, got {shown(strategy)}.",
            code="strategy_unknown",
            field="strategy",
        )
    if current < 0:
        raise InputError(f"current: replicas are at least 0, got {current}.", code="pods_negative", field="current")
    guard = _refuse if explicit else _clamp
    number = guard(policy, estimate.replicas, current)
    target = policy.spec.target
    outcome = PlanOutcome.NOTHING_TO_DO if number.replicas == current else PlanOutcome.SCALE
    return ScalingPlan(
        policy=policy.name,
        target=Target(target.namespace, target.deployment, target.service),
        strategy=strategy,
        current=current,
        replicas=number.replicas,
        outcome=outcome,
        estimate=estimate,
        clamps=number.clamps,
        decided_at=now,
        reason=_reason(estimate, number, current=current, explicit=explicit),
    )


def _clamp(policy: ScalingPolicy, wanted: int, current: int) -> _Number:
    replicas, guards = policy.spec.replicas, policy.spec.guards
    number = _Number(wanted).after(within_bounds(wanted, replicas))
    near = within_tolerance(number.replicas, current=current, replicas=replicas, guards=guards)
    if near is not None:
        return number.after(near)
    return number.after(within_step(number.replicas, current=current, replicas=replicas, guards=guards))


def _refuse(policy: ScalingPolicy, wanted: int, current: int) -> _Number:
    replicas, guards = policy.spec.replicas, policy.spec.guards
    check_bounds(policy, wanted)
    step = within_step(wanted, current=current, replicas=replicas, guards=guards)
    if step is not None and wanted != current:
        raise InputError(
            f"pods: {step.reason}. One run may go to {step.replicas}: ask for that first, then for {wanted}. To "
            f"confirm the whole step at once, widen {step.guard} in policy {policy.name}.",
            code="factor_exceeded",
            field="pods",
        )
    return _Number(wanted)


def _reason(estimate: CapacityEstimate, number: _Number, *, current: int, explicit: bool) -> str:
    """Return the plan in one sentence: the number's source, its clamps, its effect."""
    if explicit:
        parts = [f"{estimate.replicas} replicas were asked for"]
    else:
        largest = estimate.largest
        how = f"{largest.model}: {largest.reason}" if estimate.combine == "max" else f"sum of {len(estimate.answers)}"
        parts = [f"{estimate.replicas} replicas are needed ({how})"]
    parts += [f"{clamp.reason}, so {clamp.replicas}" for clamp in number.clamps]
    same = number.replicas == current
    parts.append(f"{current} are desired already" if same else f"from {current} to {number.replicas}")
    return "; ".join(parts)
