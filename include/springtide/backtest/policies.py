"""The policies that are compared on one trace and start-up time: three HPAs, and ours in its three ways of control."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest.simulate import (
    Autoscaler,
    Plans,
    Replay,
    replay_autoscaler,
    replay_plans,
    replay_settings,
    score,
)
from springtide.backtest.tuning import (
    BUDGET,
    FLOOR,
    GRID,
    INTERVAL,
    QUANTILES,
    SLO,
    plan_rows,
    replay_grid,
    row_of,
    tune,
)
from springtide.capacity.setting import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.backtest.simulate import Days, Score
    from springtide.backtest.trace import Trace
    from springtide.backtest.tuning import Objective

AUTOSCALERS = {
    "hpa-cpu-50": Autoscaler("cpu", 0.5),
    "hpa-cpu-70": Autoscaler("cpu", 0.7),
    "hpa-rps-70": Autoscaler("rps", 0.7),
}
REFERENCE = "hpa-cpu-50"
FLOORED = "hpa-rps-70"
OURS = ("auto-alone", "auto-floor", "auto-tuned-budget", "auto-tuned-slo")
POLICIES = (*AUTOSCALERS, *OURS)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a policy decided over the scored part: the setting of each scored day, and what the replay made of it."""

    settings: tuple[Setting, ...]
    replay: Replay
    score: Score


@dataclass(frozen=True)
class Shared:
    """One trace at one start-up time, with what its policies share: the plans and the reference autoscaler's days."""

    trace: Trace
    startup_seconds: float
    plans: Plans
    reference: Days

    @classmethod
    def of(cls, trace: Trace, startup_seconds: float) -> Shared:
        """Return the course: computes every plan of the trace, which takes 0.1 to 5 s."""
        aligned = trace.aligned(INTERVAL)
        shadow = replay_autoscaler(aligned, AUTOSCALERS[REFERENCE], startup_seconds)
        return cls(aligned, startup_seconds, plan_rows(aligned, startup_seconds), shadow.days)

    def decide(self, policy: str) -> Decided:
        """Return what `policy` (one of `POLICIES`) decides and how it does."""
        if policy in AUTOSCALERS:
            scored = self.trace.from_scored()
            replay = replay_autoscaler(scored, AUTOSCALERS[policy], self.startup_seconds)
            return Decided((), replay, score(scored, replay))
        if policy == "auto-alone":
            return self._alone(SLO)
        if policy == "auto-floor":
            return self._floor(FLOOR)
        return self._tuned(BUDGET if policy == "auto-tuned-budget" else SLO)

    @cached_property
    def grid_days(self) -> Days:
        """What every setting of the grid did on every day: 0.5 to 20 s, shared by the objectives."""
        return replay_grid(self.trace, GRID, self.plans, self.startup_seconds)

    def _chosen(self, settings: tuple[Setting, ...], replayed: Days, objective: Objective) -> list[Setting]:
        return tune(self.trace, settings, replayed, self.reference, objective)

    def _tuned(self, objective: Objective) -> Decided:
        daily = self._chosen(GRID, self.grid_days, objective)
        scored = self.trace.from_scored()
        replay = replay_settings(scored, daily, _rows(daily), self._scored_plans(), self.startup_seconds)
        return Decided(tuple(daily), replay, score(scored, replay))

    def _floor(self, objective: Objective) -> Decided:
        autoscaler = AUTOSCALERS[FLOORED]
        settings = tuple(Setting(q, autoscaler.target) for q in (None, *QUANTILES))
        replayed = replay_grid(self.trace, settings, self.plans, self.startup_seconds)
        daily = self._chosen(settings, replayed, objective)
        scored = self.trace.from_scored()
        replay = replay_autoscaler(
            scored, autoscaler, self.startup_seconds, plans=self._scored_plans(), row=_rows(daily)
        )
        return Decided(tuple(daily), replay, score(scored, replay))

    def _alone(self, objective: Objective) -> Decided:
        settings = tuple(Setting(q, None) for q in QUANTILES)
        replayed = replay_grid(self.trace, settings, self.plans, self.startup_seconds, alone=True)
        daily = self._chosen(settings, replayed, objective)
        scored = self.trace.from_scored()
        replay = replay_plans(scored, self._scored_plans(), _rows(daily), self.startup_seconds)
        return Decided(tuple(daily), replay, score(scored, replay))

    def _scored_plans(self) -> Plans:
        first = self.trace.scored // self.plans.interval
        return Plans(self.plans.replicas[:, first:], self.plans.interval)


def _rows(daily: list[Setting]) -> NDArray[np.int64]:
    return np.array([row_of(setting) for setting in daily])
