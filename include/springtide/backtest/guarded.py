"""A policy's guards over a replay: each answer judged from the number before it and from the answers of lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from springtide.plan.guards import cooled_down, stabilized, within_bounds, within_step, within_tolerance
from springtide.plan.recent import PastAnswer, Recent

if TYPE_CHECKING:
    from springtide.plan.model import Clamp
    from springtide.policy.scaling.model import ScalingPolicy

_LOOKS_BACK = timedelta(days=1)
"""The longest that a guard over time may look back."""


@dataclass(slots=True, kw_only=True)
class GuardedPast:
    """What was decided so far; `current` is 0 before the first plan."""

    policy: ScalingPolicy
    current: int = 0
    answers: list[PastAnswer] = field(default_factory=list)
    changed_at: datetime | None = None

    def after(self, answer: int, now: datetime) -> int:
        """Return the replicas that a run at `now` leaves, and keep what it decided."""
        wanted = self._within_guards(answer, now)
        self.answers = [*(each for each in self.answers if each.at > now - _LOOKS_BACK), PastAnswer(now, answer)]
        if self.current and wanted != self.current:
            self.changed_at = now
        self.current = wanted
        return wanted

    def _within_guards(self, answer: int, now: datetime) -> int:
        policy = self.policy
        replicas = policy.spec.replicas
        guards = policy.spec.guards
        wanted = _clamped(answer, within_bounds(answer, replicas))
        if not self.current:  # nothing runs before the first plan, so nothing is near
            return wanted
        recent = Recent(tuple(self.answers), self.changed_at)
        for guard in (stabilized, cooled_down):
            clamp = guard(wanted, current=self.current, recent=recent, policy=policy, now=now)
            wanted = _clamped(wanted, clamp)
        near = within_tolerance(wanted, current=self.current, replicas=replicas, guards=guards)
        return _clamped(wanted, near or within_step(wanted, current=self.current, replicas=replicas, guards=guards))


def _clamped(wanted: int, clamp: Clamp | None) -> int:
    return wanted if clamp is None else clamp.replicas
