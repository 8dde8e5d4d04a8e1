"""From an estimate to a plan: pure, and every change of the number recorded with its reason.

A number of a model is clamped, for nobody waits for an answer and a smaller step is better than none. A number of a
person is done exactly or refused, never changed: who asks for 80 and is silently given 36 is misled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from springtide.capacity.model import CapacityEstimate
from springtide.errors import InputError
from springtide.plan.guards import (
    above_owner_minimum,
    check_bounds,
    cooled_down,
    stabilized,
    within_bounds,
    within_step,
    within_tolerance,
)
from springtide.plan.model import Baseline, Clamp, PlanOutcome, ScalingPlan
from springtide.plan.rehearsed import rehearsal_findings
from springtide.plan.seasons import season_findings
from springtide.policy.language.units import shown
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import BlueGreen, Floor, InPlace

STRATEGIES = tuple(part.model_fields["type"].default for part in (BlueGreen, InPlace, Floor))
"""The strategies that a run can be asked for."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of replicas on its way through the guards; `source` says where it is from, if not from models."""

    replicas: int
    clamps: tuple[Clamp, ...] = ()
    source: str = ""

    def after(self, clamp: Clamp | None) -> _Number:
        return self if clamp is None else _Number(clamp.replicas, (*self.clamps, clamp), self.source)


def require_known(strategy: str) -> None:
    """Refuse a name that is no strategy's.

    Raises:
        InputError: it is none (`strategy_unknown`).
    """
    if strategy not in STRATEGIES:
        raise InputError(
            f"strategy: expected {' or '.join(STRATEGIES)}, got {shown(strategy)}.",
            code="strategy_unknown",
            field="strategy",
        )


def make_plan(
    policy: ScalingPolicy,
    estimate: CapacityEstimate,
    *,
    current: int | Baseline,
    strategy: str,
    now: datetime,
    explicit: bool,
) -> ScalingPlan:
    """Return what a run does about `estimate`, with `current` desired replicas now; a `Baseline` knows more of before.

    `explicit` says that a person gave the number: then tolerance does not apply, and a number outside of the bounds or
    beyond the step limits is refused instead of clamped. Equal numbers are "nothing to do", an outcome like any other.

    Raises:
        InputError: no such strategy (`strategy_unknown`), or a person's number breaks the bounds (`pods_too_many`,
            `pods_below_min`) or a step limit (`factor_exceeded`).
    """
    require_known(strategy)
    baseline = current if isinstance(current, Baseline) else Baseline(current=current, running=current)
    current = baseline.current
    if current < 0:
        raise InputError(f"current: replicas are at least 0, got {current}.", code="pods_negative", field="current")
    number = _guarded(policy, estimate, baseline, explicit=explicit, now=now)
    return _plan(policy, estimate, number, current=current, strategy=strategy, now=now)


def make_floor_plan(
    policy: ScalingPolicy, estimate: CapacityEstimate, *, baseline: Baseline, now: datetime, explicit: bool
) -> ScalingPlan:
    """Return what a run does about `estimate` where an autoscaler owns the replicas: see `make_plan`.

    What is changed is the minimum. It never gets below the one that the autoscaler's owner set, and a step up counts
    from the replicas that run, where those are more.

    Raises:
        InputError: as `make_plan`, or a person's number is below the minimum that the owner set (`pods_below_min`).
    """
    number = _guarded(policy, estimate, baseline, explicit=explicit, now=now)
    return _plan(policy, estimate, number, current=baseline.current, strategy="floor", now=now)


def held_longer(plan: ScalingPlan, until: datetime) -> ScalingPlan:
    """Return the `plan` of a floor that is held `until` then: there is something to do even where its number stands."""
    if plan.outcome is not PlanOutcome.NOTHING_TO_DO:
        return plan
    return replace(plan, outcome=PlanOutcome.SCALE, reason=f"{plan.reason}; held until {until:%Y-%m-%d %H:%M} UTC")


def make_release_plan(
    policy: ScalingPolicy, estimate: CapacityEstimate, *, current: int, is_held: bool, now: datetime
) -> ScalingPlan:
    """Return the plan that restores the minimum: what the owner set, which no guard may change.

    There is something to do as long as springtide's annotation `is_held`, even where the number is back already.
    """
    number = _Number(estimate.replicas, source=f"the minimum that its owner set, {estimate.replicas}, is restored")
    plan = _plan(policy, estimate, number, current=current, strategy="floor", now=now)
    return replace(plan, outcome=PlanOutcome.SCALE if is_held else PlanOutcome.NOTHING_TO_DO)


def advised(policy: ScalingPolicy, plan: ScalingPlan) -> ScalingPlan:
    """Return `plan` as one that no run carries out, where the mode of `policy` is to advise."""
    if not policy.spec.advises or plan.outcome is not PlanOutcome.SCALE:
        return plan
    return replace(plan, outcome=PlanOutcome.PLANNED_ONLY, reason=f"{plan.reason}; planned only: mode advise")


def require_still_allowed(policy: ScalingPolicy, plan: ScalingPlan, strategy: str, baseline: Baseline) -> None:
    """Return when `plan` is what `policy` allows now, with what stands there now.

    Between a plan and its run a person may have thought for a day, in which the policy was changed; and where plans are
    passed on, others may write, too.

    Raises:
        InputError: it is for another workload or strategy, or breaks a bound or a step limit (`plan_stale`).
    """
    target = policy.spec.target.workload
    expected = {"policy": policy.name, "target": str(target), "service": target.service, "strategy": strategy}
    planned = {
        "policy": plan.policy,
        "target": str(plan.target),
        "service": plan.target.service,
        "strategy": plan.strategy,
    }
    for field, value in expected.items():
        if planned[field] != value:
            raise _stale(f"its {field} is {planned[field]}, and now it would be {value}", field=field)
    replicas = policy.spec.replicas
    basis = _basis(plan.replicas, baseline)
    bounds = within_bounds(plan.replicas, replicas) if plan.replicas != baseline.owner_minimum else None
    clamp = bounds or within_step(plan.replicas, current=basis, replicas=replicas, guards=policy.spec.guards)
    if clamp is not None:
        raise _stale(f"{clamp.reason}; allowed is {clamp.replicas}", field="replicas")


def _stale(why: str, *, field: str) -> InputError:
    return InputError(f"the plan is not what the policy allows now: {why}. Plan again.", code="plan_stale", field=field)


def _plan(
    policy: ScalingPolicy, estimate: CapacityEstimate, number: _Number, *, current: int, strategy: str, now: datetime
) -> ScalingPlan:
    outcome = PlanOutcome.NOTHING_TO_DO if number.replicas == current else PlanOutcome.SCALE
    return ScalingPlan(
        policy=policy.name,
        target=policy.spec.target.workload,
        strategy=strategy,
        current=current,
        replicas=number.replicas,
        outcome=outcome,
        estimate=estimate,
        clamps=number.clamps,
        decided_at=now,
        reason=_reason(estimate, number, current=current),
        findings=(*rehearsal_findings(estimate), *season_findings(policy, estimate)),
    )


def _guarded(
    policy: ScalingPolicy, estimate: CapacityEstimate, baseline: Baseline, *, explicit: bool, now: datetime
) -> _Number:
    wanted = estimate.replicas
    number = _refuse(policy, wanted, baseline) if explicit else _clamp(policy, wanted, baseline, now)
    # Last, and over all the guards: bad data may cost pods that nobody needs, never pods that somebody does.
    return number.after(_hold(estimate, number.replicas, baseline.current))


def _hold(estimate: CapacityEstimate, wanted: int, current: int) -> Clamp | None:
    """Return the clamp to `current` where demand is not good enough to shrink by: even above `replicas.max`."""
    if estimate.hold is None or wanted >= current:
        return None
    return Clamp(
        guard="demand.quality",
        was=wanted,
        replicas=current,
        reason=f"{wanted} is less than {current} and is not trusted: {estimate.hold}",
    )


def within_guards(policy: ScalingPolicy, wanted: int, baseline: Baseline, now: datetime) -> int:
    """Return what the guards of `policy` leave of `wanted`, an answer of its models that is trusted."""
    return _clamp(policy, wanted, baseline, now).replicas


def _clamp(policy: ScalingPolicy, wanted: int, baseline: Baseline, now: datetime) -> _Number:
    replicas = policy.spec.replicas
    guards = policy.spec.guards
    number = _Number(wanted).after(within_bounds(wanted, replicas))
    number = number.after(above_owner_minimum(number.replicas, baseline.owner_minimum))
    for guard in (stabilized, cooled_down):
        clamp = guard(number.replicas, current=baseline.current, recent=baseline.recent, policy=policy, now=now)
        number = number.after(clamp)
    # Before the steps: a number that counts as no change must not be clamped to a step, which would be one.
    near = within_tolerance(number.replicas, current=baseline.current, replicas=replicas, guards=guards)
    if near is not None:
        return number.after(near)
    basis = _basis(number.replicas, baseline)
    return number.after(within_step(number.replicas, current=basis, replicas=replicas, guards=guards))


def _refuse(policy: ScalingPolicy, wanted: int, baseline: Baseline) -> _Number:
    replicas = policy.spec.replicas
    guards = policy.spec.guards
    check_bounds(policy, wanted)
    if low := above_owner_minimum(wanted, baseline.owner_minimum):
        raise InputError(f"pods: {low.reason}, which a floor only raises.", code="pods_below_min", field="pods")
    step = within_step(wanted, current=_basis(wanted, baseline), replicas=replicas, guards=guards)
    if step is not None and wanted != baseline.current:
        raise InputError(
            f"pods: {step.reason}. One run may go to {step.replicas}: ask for that first, then for {wanted}. To "
            f"confirm the whole step at once, widen {step.guard} in policy {policy.name}.",
            code="factor_exceeded",
            field="pods",
        )
    return _Number(wanted, source=f"{wanted} replicas were asked for")


def _basis(wanted: int, baseline: Baseline) -> int:
    """Return the number that a step counts from: a floor under what runs already is no step at all, up or down."""
    # An autoscaler with minimum 3 that runs 20 pods now: a floor of 15 starts none, so `step_up` has nothing to limit.
    # Counted from 3, a sale could only be held 9 high while 20 pods carry it.
    if baseline.current < wanted <= baseline.running:
        return wanted
    # Above what runs, the step is from what runs; on the way down what counts is the minimum that is lowered.
    return max(baseline.current, baseline.running) if wanted > baseline.current else baseline.current


def _reason(estimate: CapacityEstimate, number: _Number, *, current: int) -> str:
    """Return the plan in one sentence: the number's source, its clamps, its effect."""
    if number.source:
        parts = [number.source]
    else:
        largest = estimate.largest
        how = f"{largest.model}: {largest.reason}" if estimate.combine == "max" else f"sum of {len(estimate.answers)}"
        parts = [f"{estimate.replicas} replicas are needed ({how})"]
    parts += [f"{clamp.reason}, so {clamp.replicas}" for clamp in number.clamps]
    same = number.replicas == current
    parts.append(f"{current} are desired already" if same else f"from {current} to {number.replicas}")
    return "; ".join(parts)
