"""The policies that are compared on one trace and start-up time: three HPAs, and ours in its three ways of control."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from springtide.backtest.simulate import (
    Plans,
    Replay,
    SimulatedAutoscaler,
    replay_autoscaler,
    replay_plans,
    replay_settings,
    score,
)
from springtide.backtest.tuning import (
    ALONE,
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
    from springtide.backtest.simulate import Days, Score
    from springtide.backtest.trace import Trace
    from springtide.backtest.tuning import Objective

AUTOSCALERS = {
    "hpa-cpu-50": SimulatedAutoscaler("cpu", 0.5),
    "hpa-cpu-70": SimulatedAutoscaler("cpu", 0.7),
    "hpa-rps-70": SimulatedAutoscaler("rps", 0.7),
}
REFERENCE = "hpa-cpu-50"
FLOORED = "hpa-rps-70"


@dataclass(frozen=True, slots=True)
class ControlMode:
    """One of our three ways of being in control, and what tuning must be good at.

    `alone`: the plan is the replica count. `floor`: `under` runs as it is, over the plan. `tuned`: our own metric over
    the plan.
    """

    way: Literal["alone", "floor", "tuned"]
    objective: Objective
    under: SimulatedAutoscaler = AUTOSCALERS[FLOORED]

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What tuning may choose from."""
        if self.way == "tuned":
            return GRID
        if self.way == "alone":
            # There is no "no plan" here: nobody else would decide.
            return tuple(Setting(quantile=quantile, target=None) for quantile in QUANTILES)
        return tuple(Setting(quantile=quantile, target=self.under.target) for quantile in (None, *QUANTILES))


OURS = {
    "auto-alone": ControlMode("alone", SLO),
    "auto-floor": ControlMode("floor", FLOOR),
    "auto-tuned-budget": ControlMode("tuned", BUDGET),
    "auto-tuned-slo": ControlMode("tuned", SLO),
}
POLICIES = (*AUTOSCALERS, *OURS)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a policy decided over the scored part: the setting of each scored day, and what the replay made of it."""

    settings: tuple[Setting, ...]
    replay: Replay
    score: Score


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """One trace at one start-up time, with what its policies share: the plans and the reference autoscaler's days."""

    trace: Trace
    startup_seconds: float
    plans: Plans
    reference: Days

    @classmethod
    def of(
        cls,
        trace: Trace,
        startup_seconds: float,
        *,
        interval: int = INTERVAL,
        reference: SimulatedAutoscaler = AUTOSCALERS[REFERENCE],
    ) -> Workbench:
        """Return the course: computes every plan of the trace, which takes 0.1 to 5 s."""
        aligned = trace.aligned(interval)  # once for all: policies on traces that begin differently cannot be compared
        shadow = replay_autoscaler(aligned, reference, startup_seconds)
        return cls(
            trace=aligned,
            startup_seconds=startup_seconds,
            plans=plan_rows(aligned, startup_seconds, interval=interval),
            reference=shadow.days,
        )

    def decide(self, policy: str) -> Replayed:
        """Return what `policy` (one of `POLICIES`) decides and how it does."""
        return self.control(OURS[policy]) if policy in OURS else self.stand_alone(AUTOSCALERS[policy])

    def stand_alone(self, autoscaler: SimulatedAutoscaler) -> Replayed:
        """Return how an autoscaler does with no plan under it."""
        scored = self.trace.from_scored()
        replay = replay_autoscaler(scored, autoscaler, self.startup_seconds)
        return Replayed((), replay, score(scored, replay))

    def control(self, control: ControlMode) -> Replayed:
        """Return what we decide, walking forward, and how it does."""
        daily = tune(self.trace, control.settings, self.days_of(control), self.reference, control.objective)
        # Each day's setting is chosen from replays of the days before it; then all days are replayed in one piece, for
        # pods live on past midnight.
        scored = self.trace.from_scored()
        replay = self._replay(scored, control, daily)
        return Replayed(tuple(daily), replay, score(scored, replay))

    @cached_property
    def grid_days(self) -> Days:
        """What every setting of the grid did on every day: 0.5 to 20 s, shared by the objectives."""
        return replay_grid(self.trace, GRID, self.plans, self.startup_seconds)

    def days_of(self, control: ControlMode) -> Days:
        """Return what every setting that tuning may choose from did on every day."""
        if control.way == "tuned":
            return self.grid_days
        kind = ALONE if control.way == "alone" else control.under.metric
        return replay_grid(self.trace, control.settings, self.plans, self.startup_seconds, kind=kind)

    def _replay(self, scored: Trace, control: ControlMode, daily: list[Setting]) -> Replay:
        rows = np.array([row_of(setting) for setting in daily])
        first = self.trace.scored // self.plans.interval
        plans = Plans(self.plans.replicas[:, first:], self.plans.interval)
        if control.way == "alone":
            return replay_plans(scored, plans, rows, self.startup_seconds)
        if control.way == "floor":
            return replay_autoscaler(scored, control.under, self.startup_seconds, plans=plans, row=rows)
        return replay_settings(scored, daily, rows, plans, self.startup_seconds)
