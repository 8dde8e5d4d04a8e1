"""A policy's guards over a replay: each answer judged from the number before it and from the answers of lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from springtide.plan.guards import within_bounds
from springtide.plan.model import Baseline
from springtide.plan.planner import within_guards
from springtide.plan.recent import PastAnswer, Recent

if TYPE_CHECKING:
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
        if not self.current:  # nothing runs before the first plan, so nothing is near
            clamp = within_bounds(answer, self.policy.spec.replicas)
            return answer if clamp is None else clamp.replicas
        recent = Recent(tuple(self.answers), self.changed_at)
        baseline = Baseline(current=self.current, running=self.current, recent=recent)
        return within_guards(self.policy, answer, baseline, now)
