"""What keeps a wrong number small. Each guard looks at one number and answers with a clamp, or with None. Pure.

    bounds      replicas.min <= n <= replicas.max, whoever asked
    tolerance   a number close to the current replicas counts as no change
    step_up     n <= current x step_up, and at least one more; any n from 0, where an autoscaler sleeps
    step_down   n >= current x (1 - step_down), and at least one less

The bounds win over the steps: from 1 replica with `min: 6` the next number is 6, however small the step.
"""

from __future__ import annotations

import re

from springtide.errors import InputError
from springtide.plan.model import Clamp
from springtide.policy.language.units import shown
from springtide.policy.scaling.model import Guards, Replicas, ScalingPolicy
from springtide.quantities import round_down

AUTO = "auto"
"""What a person writes to have the number worked out."""


def within_bounds(wanted: int, replicas: Replicas) -> Clamp | None:
    """Return the clamp to [min, max]."""
    if wanted > replicas.max:
        return Clamp(
            guard="replicas.max",
            was=wanted,
            replicas=replicas.max,
            reason=f"{wanted} is above replicas.max {replicas.max}",
        )
    if wanted < replicas.min:
        return Clamp(
            guard="replicas.min",
            was=wanted,
            replicas=replicas.min,
            reason=f"{wanted} is below replicas.min {replicas.min}",
        )
    return None


def above_owner_minimum(wanted: int, owner_minimum: int) -> Clamp | None:
    """Return the clamp to the minimum that the autoscaler's owner set: a floor is never lower."""
    if wanted >= owner_minimum:
        return None
    return Clamp(
        guard="autoscaler.minimum",
        was=wanted,
        replicas=owner_minimum,
        reason=f"{wanted} is below {owner_minimum}, the minimum that the autoscaler's owner set",
    )


def within_tolerance(wanted: int, *, current: int, replicas: Replicas, guards: Guards) -> Clamp | None:
    """Return the clamp to `current` when `wanted` is that near to it; never when `current` is out of bounds."""
    if wanted == current or within_bounds(current, replicas) is not None:
        return None
    near = round_down(current * guards.tolerance)
    if abs(wanted - current) > near:
        return None
    reason = f"{wanted} is within guards.tolerance {guards.tolerance} of {current}"
    return Clamp(guard="guards.tolerance", was=wanted, replicas=current, reason=reason)


def within_step(wanted: int, *, current: int, replicas: Replicas, guards: Guards) -> Clamp | None:
    """Return the clamp to what one run may grow or remove."""
    if not current:  # a multiple of nothing says nothing: what KEDA took to 0 would wake up with 1 pod for a sale
        return None
    # A run may always step back into the bounds, however far: outside of them nothing is safe to keep.
    highest = max(largest_step_up(current, guards), replicas.min)
    lowest = min(largest_step_down(current, guards), replicas.max)
    if wanted > highest:
        reason = f"{wanted} is more than guards.step_up {guards.step_up} of {current}"
        return Clamp(guard="guards.step_up", was=wanted, replicas=highest, reason=reason)
    if wanted < lowest:
        reason = f"{wanted} removes more than guards.step_down {guards.step_down} of {current}"
        return Clamp(guard="guards.step_down", was=wanted, replicas=lowest, reason=reason)
    return None


def largest_step_up(current: int, guards: Guards) -> int:
    """Return the most replicas that one run may grow to: always at least one more."""
    return max(current + 1, round_down(current * guards.step_up))


def largest_step_down(current: int, guards: Guards) -> int:
    """Return the fewest replicas that one run may shrink to: at least one less, unless `step_down` is 0%."""
    if not guards.step_down:
        return current
    return current - max(1, round_down(current * guards.step_down))


def parse_replicas(text: str | int, *, policy: ScalingPolicy) -> int | None:
    """Return the number of replicas that a person asks for; None for `auto`, which has it worked out.

    Only ASCII digits are a number: `+5`, ` 5`, `1e3`, `0x10`, `1.5`, `٣` and True are refused, not guessed at.

    Raises:
        InputError: `pods_required`, `pods_not_integer`, `pods_negative`, `zero_refused`, `pods_below_min` or
            `pods_too_many`; the message names what is allowed, and where that is set.
    """
    if text == "":
        raise _refused_pods("pods_required", "a number is required", policy)
    if text == AUTO:
        return None
    wanted = _integer(text)
    if wanted is None:
        raise _refused_pods("pods_not_integer", f"ASCII digits only, or {AUTO}; got {shown(text)}", policy)
    if wanted < 0:
        raise _refused_pods("pods_negative", f"{shown(wanted)} is negative", policy)
    check_bounds(policy, wanted)
    return wanted


def _integer(text: object) -> int | None:
    if isinstance(text, bool):
        return None
    if isinstance(text, int):
        return text
    if isinstance(text, str) and re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return int(text[:30])  # what is longer is too many all the same
    return None


def check_bounds(policy: ScalingPolicy, wanted: int) -> None:
    """Return when a person may have `wanted` replicas as far as the bounds go.

    Raises:
        InputError: `zero_refused`, `pods_too_many` or `pods_below_min`.
    """
    if wanted == 0:
        raise _refused_pods("zero_refused", "0 replicas are refused in this release", policy)
    if wanted > policy.spec.replicas.max:
        raise _refused_pods("pods_too_many", f"{shown(wanted)} is too many", policy)
    if wanted < policy.spec.replicas.min:
        raise _refused_pods("pods_below_min", f"{shown(wanted)} is too few", policy)


def _refused_pods(code: str, problem: str, policy: ScalingPolicy) -> InputError:
    bounds = policy.spec.replicas
    allowed = f"Allowed: {bounds.min} to {bounds.max}, the replicas.min and replicas.max of policy {policy.name}"
    return InputError(f"pods: {problem}. {allowed}.", code=code, field="pods")
