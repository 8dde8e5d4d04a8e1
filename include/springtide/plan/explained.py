"""Every guard of a plan, also those that did not bind: what it allowed, and what it did. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from springtide.plan.guards import largest_step_down, largest_step_up
from springtide.quantities import round_down

if TYPE_CHECKING:
    from springtide.plan.model import ScalingPlan
    from springtide.policy.scaling.guards import Guards
    from springtide.policy.scaling.model import ScalingPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLine:
    """One guard: what it is set to, what that means for the replicas of now, and what became of the number."""

    guard: str
    setting: str
    allows: str
    effect: str


def guard_lines(policy: ScalingPolicy, plan: ScalingPlan) -> tuple[GuardLine, ...]:
    """Return the guards in the order in which they look at the number."""
    guards = policy.spec.guards
    bounds = policy.spec.replicas
    current = plan.current
    near = round_down(current * guards.tolerance)
    rows = [
        ("replicas.min", str(bounds.min), f"at least {bounds.min}"),
        ("replicas.max", str(bounds.max), f"at most {bounds.max}"),
        *_over_time(guards),
        ("guards.tolerance", str(guards.tolerance), f"{current - near} to {current + near} is {current}"),
        ("guards.step_up", str(guards.step_up), f"at most {largest_step_up(current, guards)} from {current}"),
        ("guards.step_down", str(guards.step_down), f"at least {largest_step_down(current, guards)} from {current}"),
    ]
    return tuple(
        GuardLine(guard=name, setting=setting, allows=allows, effect=_effect(name, plan))
        for name, setting, allows in rows
    )


def _over_time(guards: Guards) -> list[tuple[str, str, str]]:
    held = guards.stabilization
    return [
        ("guards.stabilization.down", str(held.down), "down to the highest answer in it"),
        ("guards.stabilization.error_over", str(held.error_over), "down by more than the plan's error in it"),
        ("guards.cooldown", str(guards.cooldown), "down so long after a change"),
        ("guards.cooldown_up", str(guards.cooldown_up), "up so long after a change"),
    ]


def _effect(guard: str, plan: ScalingPlan) -> str:
    bound = next((clamp for clamp in plan.clamps if clamp.guard == guard), None)
    return "did not bind" if bound is None else f"{bound.was} → {bound.replicas}: {bound.reason}"
