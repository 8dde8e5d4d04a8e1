"""The shipped default: the conformal plan with the caution that daily tuning found best for this service.

Tuning itself (`springtide.backtest`) takes a second and is done once a day; here its answer is only used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from springtide.capacity.conformal import Conformal
from springtide.capacity.cost_curve import curve_in_words
from springtide.capacity.model import ModelAnswer
from springtide.capacity.setting import UNTUNED, Setting, Tuned
from springtide.demand.local_time import STEADY, LocalClock

if TYPE_CHECKING:
    from springtide.demand.model import DemandSeries

LONGEST_KEPT = timedelta(days=7)
"""A setting older than what it was tuned on says nothing about now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """The plan of `model: auto`: the replica count where nobody else decides, else the autoscaler's minimum."""

    per_replica: float
    autoscaler: str = "alone"
    interval: int = 15
    startup_seconds: float = 60.0
    tuned: Tuned | None = None
    clock: LocalClock = STEADY

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas that carry demand until the next plan's pods are Ready, as sure as the setting says.

        Raises:
            DemandUnusable: less than two hours of demand lie before `now`.
        """
        setting, source = self.setting(now)
        inputs: dict[str, float | int | str] = {
            "source": source,
            "startup_seconds": self.startup_seconds,
            "interval_minutes": self.interval,
        }
        if self.tuned is not None and self.tuned.curve:
            inputs["reach"] = curve_in_words(self.tuned.curve)
        # Without a plan the bound is still worked out: an event multiplies what demand most likely needs.
        quantile = setting.quantile or UNTUNED.quantile or 1.0
        plan = Conformal(
            per_replica=self.per_replica,
            quantile=quantile,
            interval=self.interval,
            startup_seconds=self.startup_seconds,
            clock=self.clock,
        )
        answer = plan.answer(demand, replicas=replicas, now=now)
        if setting.quantile is None:
            # Tuning replayed "no floor" against every floor and found it best: 0 leaves it all to the autoscaler.
            reason = f"the autoscaler needs no floor under it ({source})"
            return ModelAnswer(model="auto", replicas=0.0, inputs=inputs, reason=reason, expected=answer.expected)
        reason = f"{answer.reason}; {source}"
        return ModelAnswer(
            model="auto",
            replicas=answer.replicas,
            inputs={**answer.inputs, **inputs},
            reason=reason,
            expected=answer.expected,
        )

    def setting(self, now: datetime) -> tuple[Setting, str]:
        """Return the setting to use, and in words where it is from."""
        if self.tuned is None:
            return UNTUNED, "not tuned yet"
        when = f"{self.tuned.decided_at:%Y-%m-%d %H:%M}"
        if now - self.tuned.decided_at > LONGEST_KEPT:
            return UNTUNED, f"tuned on {when}, too long ago"
        return self.tuned.setting, (
            f"tuned on {when} over {self.tuned.days} days: {self.tuned.violated_percent:.2f} % of minutes violated "
            f"at {self.tuned.cost_ratio:.2f} of the autoscaler's cost"
        )
