"""What keeps a wrong number small. Each guard looks at one number and answers with a clamp, or with None. Pure.

    bounds      replicas.min <= n <= replicas.max, whoever asked
    tolerance   a number close to the current replicas counts as no change
    step_up     n <= current x step_up, and at least one more; any n from 0, where an autoscaler sleeps
    step_down   n >= current x (1 - step_down), and at least one less
    stabilization, cooldown   not smaller, as long as what was decided lately speaks against it

The bounds win over the steps: from 1 replica with `min: 6` the next number is 6, however small the step. Only
`cooldown_up` holds growth back.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from springtide.errors import InputError
from springtide.plan.model import Clamp
from springtide.plan.recent import Recent
from springtide.policy.language.units import shown
from springtide.policy.scaling.guards import Guards
from springtide.policy.scaling.model import Replicas, ScalingPolicy
from springtide.quantities import round_down

AUTO = "auto"
"""What a person writes to have the number worked out."""

STABILIZATION: Final = "guards.stabilization.down"
ERROR: Final = "guards.stabilization.error_over"
COOLDOWN: Final = "guards.cooldown"
COOLDOWN_UP: Final = "guards.cooldown_up"
OVER_TIME: Final = frozenset({STABILIZATION, ERROR, COOLDOWN, COOLDOWN_UP})
"""The guards that look at what was decided lately."""


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


def stabilized(wanted: int, *, current: int, recent: Recent, policy: ScalingPolicy, now: datetime) -> Clamp | None:
    """Return the clamp to the highest answer of lately, or to `current` where that is less by no more than its error.

    Growth is never clamped. What is above `replicas.max` is brought in at once.
    """
    setting = policy.spec.guards.stabilization
    bounds = policy.spec.replicas
    if wanted >= current or current > bounds.max or not (setting.down or setting.error_over):
        return None
    if recent.unknown is not None:
        return _kept(STABILIZATION, wanted, current, f"what was asked for lately is not known: {recent.unknown}")
    highest = recent.highest(now - setting.down)
    allowed = wanted if highest is None else max(wanted, min(highest.replicas, bounds.max))
    error = recent.error(wanted, now - setting.error_over)
    if allowed < current <= allowed + error:
        why = f"{allowed} is less than {current} by no more than the plan's own error, {error} in the last"
        lately = "" if allowed == wanted else f"{allowed} was asked for within the last {setting.down}, and "
        return _kept(ERROR, wanted, current, f"{lately}{why} {setting.error_over}")
    if highest is None or allowed <= wanted:
        return None
    reason = f"{wanted} is below {highest.replicas}, which was asked for at {highest.at:%H:%M}, within the last"
    return Clamp(
        guard=STABILIZATION,
        was=wanted,
        replicas=min(current, allowed),
        reason=f"{reason} {setting.down} (guards.stabilization.down)",
    )


def cooled_down(wanted: int, *, current: int, recent: Recent, policy: ScalingPolicy, now: datetime) -> Clamp | None:
    """Return the clamp to `current` while the last change is more recent than the guards allow, within the bounds."""
    guards = policy.spec.guards
    is_growth = wanted > current
    guard = COOLDOWN_UP if is_growth else COOLDOWN
    wait = guards.cooldown_up if is_growth else guards.cooldown
    if wanted == current or not wait or within_bounds(current, policy.spec.replicas) is not None:
        return None
    if recent.unknown is not None and not is_growth:
        return _kept(guard, wanted, current, f"when it was changed last is not known: {recent.unknown}")
    if recent.changed_at is None or now - recent.changed_at >= wait:
        return None
    reason = f"{wanted} is not {current}, to which it was changed at {recent.changed_at:%H:%M}, within the last {wait}"
    return _kept(guard, wanted, current, f"{reason} ({guard})")


def _kept(guard: str, wanted: int, current: int, reason: str) -> Clamp:
    return Clamp(guard=guard, was=wanted, replicas=current, reason=reason)


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
