"""Runs a controller against a trace and scores it: who decides, what it cost, what was missed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest.trace import Trace
from springtide.capacity.setting import TREND_MINUTES, Setting
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import EllipsisType

    from numpy.typing import NDArray

    from springtide.backtest.ticks import ReplayInput

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

TICK_SECONDS = 15
NEAR = 1.1
"""A minute that 10 % more demand would have violated was nearly violated: one tolerance of the autoscaler."""


@dataclass(frozen=True, slots=True)
class Plans:
    """Replicas decided every `interval` minutes: `replicas[row, decision]`, 0 where there was no plan."""

    replicas: Counts
    interval: int


NO_PLANS = Plans(np.zeros((1, 1), np.int64), 10**9)
"""Plans that never ask for anything."""
ALONE = Setting(quantile=None, target=0.8)
"""Where plans alone decide, the target is that of the first replicas only."""


@dataclass(frozen=True, slots=True)
class SimulatedAutoscaler:
    """An HPA v2 as it is: `cpu` (resource metric) or `rps` (external metric, AverageValue), at a target utilization."""

    metric: str
    target: float

    def __post_init__(self) -> None:
        if self.metric not in {"cpu", "rps"} or not self.target > 0:
            raise InputError(
                f"autoscaler metric {self.metric!r} at {self.target}: metric must be cpu or rps, target above 0",
                code="out_of_range",
                field="autoscaler",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """What a replay did, per day: minutes violated and nearly so, demand underserved, pod-minutes, replica changes."""

    violated: Floats
    near: Floats
    underserved: Floats
    pod_minutes: Floats
    changes: Floats

    @classmethod
    def of_tally(cls, tally: Floats) -> Days:
        """Return the days of a tally of the loop: its first axis are the rows of `ticks.VIOLATED` and following."""
        violated, near, underserved, pod_minutes, changes = tally
        return cls(violated=violated, near=near, underserved=underserved, pod_minutes=pod_minutes, changes=changes)

    def since(self, day: int) -> Days:
        """Return the days from `day` on."""
        return self._at((..., slice(day, None)))

    def only(self, rows: int | Counts) -> Days:
        """Return the days of one setting, or of some."""
        return self._at(rows)

    def _at(self, index: int | Counts | tuple[EllipsisType, slice]) -> Days:
        return Days(
            violated=self.violated[index],
            near=self.near[index],
            underserved=self.underserved[index],
            pod_minutes=self.pod_minutes[index],
            changes=self.changes[index],
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay: its days, and created and Ready pods per tick."""

    days: Days
    created: Counts
    ready: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The judgement over the scored minutes. `cost` is pod-hours over those of the clairvoyant minimum."""

    violated_percent: float
    violated_minutes: int
    underserved_percent: float
    cost: float
    changes: int


def oracle_pod_minutes(trace: Trace) -> float:
    """Return the pod-minutes of the clairvoyant minimum, scored minutes only: what two minutes need, at least 2."""
    pods = trace.demand[trace.scored :] / trace.per_replica
    # Even with foresight no pod lives for one minute only: it serves this one and the next.
    ahead = np.maximum(pods, np.append(pods[1:], pods[-1:]))
    return float(np.maximum(trace.fewest, np.ceil(ahead)).sum())


def score(trace: Trace, replay: Replay) -> Score:
    """Return the judgement over the scored days of `trace`, on which `replay` was made."""
    scored = slice(trace.first_day, None)
    days = replay.days
    minutes = len(trace.demand) - trace.scored
    violated = int(days.violated[scored].sum())
    demand = float(trace.demand[trace.scored :].sum()) / trace.per_replica or 1.0  # none: nothing is underserved
    return Score(
        violated_percent=100 * violated / minutes,
        violated_minutes=violated,
        underserved_percent=100 * float(days.underserved[scored].sum()) / demand,
        cost=float(days.pod_minutes[scored].sum()) / oracle_pod_minutes(trace),
        changes=int(days.changes[scored].sum()),
    )


def replay_autoscaler(
    trace: Trace,
    autoscaler: SimulatedAutoscaler,
    startup_seconds: float,
    *,
    plans: Plans = NO_PLANS,
    row: Counts | None = None,
) -> Replay:
    """Replay an autoscaler as it is; `plans` are its floor, `row` says which of them each day follows."""
    from springtide.backtest.ticks import CPU, EXTERNAL

    # No headroom and no trend: those are our metric's, an autoscaler as it is has a target alone.
    kind = CPU if autoscaler.metric == "cpu" else EXTERNAL
    daily = [Setting(quantile=None, target=autoscaler.target)] * trace.day_count
    return _replay(trace, controls(kind, daily, row), plans, startup_seconds)


def replay_plans(trace: Trace, plans: Plans, row: Counts, startup_seconds: float) -> Replay:
    """Replay plans as the only controller: each is the replica count until the next."""
    from springtide.backtest.ticks import PLAN

    return _replay(trace, controls(PLAN, [ALONE] * trace.day_count, row), plans, startup_seconds)


def replay_settings(
    trace: Trace, settings: Sequence[Setting], row: Counts, plans: Plans, startup_seconds: float
) -> Replay:
    """Replay our own external metric over a floor of plans, one setting and one row of `plans` for each day."""
    from springtide.backtest.ticks import EXTERNAL

    return _replay(trace, controls(EXTERNAL, settings, row), plans, startup_seconds)


def controls(kind: int, settings: Sequence[Setting], row: Counts | None) -> Floats:
    """Return settings as the columns that the loop takes (rows of `ticks.KIND` and following)."""
    rows = np.zeros(len(settings)) if row is None else row
    shapes = [(kind, setting.target or ALONE.target, setting.headroom, setting.trend) for setting in settings]
    return np.vstack((np.array(shapes, np.float64).T, rows))


def course_of(trace: Trace, plans: Plans, startup_seconds: float) -> ReplayInput:
    """Return what a replay runs on: demand in pods and the external metric at every tick, beside the plans."""
    from springtide.backtest.ticks import EXTERNAL_WINDOW, TICKS, ReplayInput

    ticks = np.repeat(trace.demand / trace.per_replica, TICKS)
    total = np.concatenate(([0.0], np.cumsum(ticks)))
    # Means by a running sum: both are needed at every tick of every setting, so they are worked out once, outside.
    mean = np.zeros(len(ticks))
    growth = np.zeros(len(ticks))
    mean[EXTERNAL_WINDOW:] = (total[EXTERNAL_WINDOW:-1] - total[: -EXTERNAL_WINDOW - 1]) / EXTERNAL_WINDOW
    back = TREND_MINUTES * TICKS
    # Only rises count: a falling trend would remove pods before demand is gone.
    growth[back + EXTERNAL_WINDOW :] = np.maximum(0.0, mean[back + EXTERNAL_WINDOW :] - mean[EXTERNAL_WINDOW:-back])
    startup = round(startup_seconds / TICK_SECONDS)
    return ReplayInput(
        np.stack((ticks, mean, growth)), plans.replicas, plans.interval, startup, trace.offset, trace.fewest
    )


def _replay(trace: Trace, control: Floats, plans: Plans, startup_seconds: float) -> Replay:
    from springtide.backtest.ticks import CREATED, DEMAND, READY, TARGET, drive, tally

    course = course_of(trace, plans, startup_seconds)
    ticks = course.signal.shape[1]
    # Longer than the trace by the start-up time: pods of the last ticks become Ready after its end.
    log = np.zeros((4, ticks + course.startup + 1), np.int64)
    # Begun with what the target asks for: with fewer pods the first hour would be scored for its start.
    drive(course, control, log, max(trace.fewest, math.ceil(course.signal[DEMAND, 0] / control[TARGET, 0])))
    days = np.zeros((5, trace.day_count))
    tally(course, log, NEAR, days)
    return Replay(Days.of_tally(days), log[CREATED, :ticks], log[READY, :ticks])
