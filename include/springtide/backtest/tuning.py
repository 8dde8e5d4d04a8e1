"""Replay tuning: every day, the setting that would have served the last 7 days best, under an objective.

Textbook forecasts do not say how a service, its start-up time and its autoscaler work together; replaying them does.
Every setting of the grid is replayed through the simulator, and each day the cheapest acceptable one is taken for the
next 24 h. Choosing for a day looks at earlier days only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest.simulate import NEAR, Days, Plans, controls, course_of
from springtide.capacity.conformal import bounds, horizon_minutes
from springtide.capacity.cost_curve import cost_curve
from springtide.capacity.minutes import DAY
from springtide.capacity.predictors import PredictorWindow
from springtide.capacity.setting import UNTUNED, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from springtide.backtest.trace import Trace
    from springtide.capacity.cost_curve import CurvePoint

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995)
TARGETS = (0.5, 0.57, 0.65, 0.72, 0.8, 0.9, 1.0, 1.2)
HEADROOMS = (0.0, 1.0, 2.0, 3.0)
TRENDS = (0.0, 1.0)
ALONE = "alone"
INTERVAL = 5
"""Minutes between plans."""
GRID = tuple(
    Setting(quantile=quantile, target=target, headroom=headroom, trend=trend)
    for quantile, target, headroom, trend in product((None, *QUANTILES), TARGETS, HEADROOMS, TRENDS)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the tuned setting must be good at, on the replayed days, beside a reference autoscaler on the same days.

    It minimises violated % + `near` x nearly violated % + `price` x (cost ÷ the reference's cost): `price` is what a
    saving of one reference is worth, in percent of minutes. Nearly violated minutes make a week's few violations a
    smooth measure of the tail, so that a quiet week does not look safe; the fewer days there are, the more they count.

    `budget`: only settings that cost at most this share of the reference, less what was overspent so far.
    `limit`: only settings with at most this violated %. `no_worse`: at most the reference's violated %, or this if that
    is less. Where none qualifies: the cheapest (`budget`), the least violating (`limit`), any (`no_worse`).
    `first`: where the answer to this objective is within the budget, it is taken.
    """

    price: float
    near: float = 0.2
    budget: float | None = None
    limit: float | None = None
    no_worse: float | None = None
    days: int = 7
    first: Objective | None = None


SLO = Objective(price=1.0, limit=0.1)
"""Violations first: at most 0.1 % of the replayed minutes."""
BUDGET = Objective(price=4.0, near=0.3, budget=0.96, no_worse=0.1, first=SLO)
"""Never dearer than the autoscaler it replaces, and no worse; violations first where that fits."""
FLOOR = Objective(price=8.0)
"""A floor under somebody else's autoscaler: a quarter of its violations for a few pods more."""


def plan_rows(trace: Trace, startup_seconds: float, *, interval: int = INTERVAL) -> Plans:
    """Return the plans of every quantile of the grid: row 0 is no plan, row i that of `QUANTILES[i - 1]`."""
    window = PredictorWindow(interval, horizon_minutes(interval, startup_seconds), trace.per_replica / 10)
    return as_plans(trace, bounds(trace.demand, window, QUANTILES, trace.grid).demand, interval)


def as_plans(trace: Trace, demand: Floats, interval: int) -> Plans:
    """Return bounds on demand as replicas: a row for none, then one per row of `demand`; unknown is no plan."""
    # 1e-9: 7.0000000001 pods are 7, as Kubernetes counts in thousandths
    pods = np.maximum(trace.fewest, np.ceil(demand / trace.per_replica - 1e-9))
    known = np.where(np.isnan(pods), 0, pods).astype(np.int64)
    return Plans(np.vstack((np.zeros_like(known[:1]), known)), interval)


def row_of(setting: Setting) -> int:
    """Return the row of `plan_rows` that is this setting's floor."""
    return 0 if setting.quantile is None else 1 + QUANTILES.index(setting.quantile)


def replay_grid(
    trace: Trace, settings: Sequence[Setting], plans: Plans, startup_seconds: float, *, kind: str = "rps"
) -> Days:
    """Replay every setting over the whole trace; each figure becomes (setting, day).

    `kind` is the metric of the autoscaler over the plans, or `ALONE`: there is none.
    """
    from springtide.backtest.ticks import CPU, EXTERNAL, PLAN, sweep

    rows = np.array([row_of(setting) for setting in settings])
    days = np.zeros((len(settings), 5, trace.day_count))
    columns = controls({ALONE: PLAN, "cpu": CPU, "rps": EXTERNAL}[kind], settings, rows)
    sweep(course_of(trace, plans, startup_seconds), columns, NEAR, days)
    return Days.of_tally(np.moveaxis(days, 1, 0))


def choose(replayed: Days, reference: Days, day: int, objective: Objective, *, overspent: float = 0.0) -> int | None:
    """Return the index of the setting for `day`, from earlier days only; None if there are none.

    `overspent` are the pod-minutes by which the settings chosen so far went over budget: they are saved over the next
    `objective.days`.
    """
    past = slice(max(0, day - objective.days), day)
    minutes = DAY * (past.stop - past.start)
    if minutes <= 0:
        return None
    paid = max(1.0, float(reference.pod_minutes[past].sum()))
    violated = 100 * replayed.violated[:, past].sum(axis=1) / minutes
    cost = replayed.pod_minutes[:, past].sum(axis=1) / paid
    # The conditions narrow the grid one after the other. One that nothing meets falls back to the nearest setting: some
    # setting must run tomorrow.
    allowed = np.ones(len(cost), np.bool_)
    if objective.budget is not None:
        allowed = cost <= objective.budget - max(0.0, overspent) / paid
        if not allowed.any():
            return int(np.argmin(cost))
        if objective.first is not None:
            preferred = choose(replayed, reference, day, objective.first)
            if preferred is not None and allowed[preferred]:
                return preferred
    if objective.limit is not None:
        allowed &= violated <= objective.limit
        if not allowed.any():
            return int(np.lexsort((cost, violated))[0])  # the least violating, and of those the cheapest
    if objective.no_worse is not None:
        # Where even the reference violates hardly anything, being no worse than it would forbid every saving.
        theirs = 100 * float(reference.violated[past].sum()) / minutes
        within = allowed & (violated <= max(theirs, objective.no_worse))
        allowed = within if within.any() else allowed
    near = 100 * replayed.near[:, past].sum(axis=1) / minutes
    # A day without violations says less than a week without: near misses stand in for the days that are missing.
    caution = objective.near * objective.days / (past.stop - past.start)
    worth = violated + caution * near + objective.price * cost
    return int(np.argmin(np.where(allowed, worth, np.inf)))


def reached(replayed: Days, reference: Days, minutes: int) -> tuple[CurvePoint, ...]:
    """Return what all settings together reached in the same `minutes` as `reference`: violated minutes against cost."""
    paid = max(1.0, float(reference.pod_minutes.sum()))
    return cost_curve(replayed.pod_minutes.sum(axis=1) / paid, 100 * replayed.violated.sum(axis=1) / minutes)


def tune(
    trace: Trace, settings: Sequence[Setting], replayed: Days, reference: Days, objective: Objective
) -> list[Setting]:
    """Return the setting of every scored day, walking forward: each is chosen from the days before it."""
    chosen: list[Setting] = []
    overspent = 0.0
    for day in range(trace.first_day, trace.day_count):
        index = choose(replayed, reference, day, objective, overspent=overspent)
        # No earlier day, nothing to choose from: then the setting that suits most services untuned.
        chosen.append(UNTUNED if index is None else settings[index])
        if index is not None:
            overspent += overspending(replayed, reference, index, day, objective)
    return chosen


def overspending(replayed: Days, reference: Days, index: int, day: int, objective: Objective) -> float:
    """Return the pod-minutes by which setting `index` went over budget on `day`; negative where it saved."""
    if objective.budget is None:
        return 0.0
    return float(replayed.pod_minutes[index, day]) - objective.budget * float(reference.pod_minutes[day])
