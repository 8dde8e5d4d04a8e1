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
from springtide.backtest.trace import FEWEST
from springtide.capacity.bases import Window
from springtide.capacity.conformal import bounds, horizon_minutes
from springtide.capacity.minutes import DAY
from springtide.capacity.setting import UNTUNED, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from springtide.backtest.trace import Trace

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995)
TARGETS = (0.5, 0.57, 0.65, 0.72, 0.8, 0.9, 1.0, 1.2)
HEADROOMS = (0.0, 1.0, 2.0, 3.0)
TRENDS = (0.0, 1.0)
INTERVAL = 5
"""Minutes between plans."""
GRID = tuple(
    Setting(quantile, target, headroom, trend)
    for quantile, target, headroom, trend in product((None, *QUANTILES), TARGETS, HEADROOMS, TRENDS)
)


@dataclass(frozen=True, slots=True)
class Objective:
    """What the tuned setting must be good at, on the replayed days.

    It minimises violated % + `near` x nearly violated % + `price` x (cost ÷ the reference autoscaler's cost): `price`
    is what a saving of one reference is worth, in percent of minutes. Nearly violated minutes make a week's few
    violations a smooth measure of the tail. `budget`: only settings that cost at most this share of the reference.
    `limit`: only settings with at most this violated %. If none qualifies: the cheapest (budget) or the least
    violating (limit).
    """

    price: float
    near: float = 0.1
    budget: float | None = None
    limit: float | None = None
    days: int = 7


BUDGET = Objective(price=1.5, near=0.15, budget=0.96)
"""Never dearer than the autoscaler it replaces."""
SLO = Objective(price=0.5, near=0.1, limit=0.1)
"""Violations first: at most 0.1 % of the replayed minutes."""
FLOOR = Objective(price=6.0, near=0.1)
"""A floor under somebody else's autoscaler."""


def plan_rows(trace: Trace, startup_seconds: float, *, interval: int = INTERVAL) -> Plans:
    """Return the plans of every quantile of the grid: row 0 is no plan, row i that of `QUANTILES[i - 1]`."""
    window = Window(interval, horizon_minutes(interval, startup_seconds), trace.per_replica / 10)
    return as_plans(trace, bounds(trace.demand, window, QUANTILES).demand, interval)


def as_plans(trace: Trace, demand: Floats, interval: int) -> Plans:
    """Return bounds on demand as replicas: a row for none, then one per row of `demand`; unknown is no plan."""
    pods = np.maximum(FEWEST, np.ceil(demand / trace.per_replica - 1e-9))
    known = np.where(np.isnan(pods), 0, pods).astype(np.int64)
    return Plans(np.vstack((np.zeros_like(known[:1]), known)), interval)


def row_of(setting: Setting) -> int:
    """Return the row of `plan_rows` that is this setting's floor."""
    return 0 if setting.quantile is None else 1 + QUANTILES.index(setting.quantile)


def replay_grid(
    trace: Trace, settings: Sequence[Setting], plans: Plans, startup_seconds: float, *, alone: bool = False
) -> Days:
    """Replay every setting over the whole trace; each figure becomes (setting, day). `alone`: no autoscaler."""
    from springtide.backtest.ticks import EXTERNAL, PLAN, sweep

    rows = np.array([row_of(setting) for setting in settings])
    days = np.zeros((len(settings), 5, trace.day_count))
    columns = controls(PLAN if alone else EXTERNAL, settings, rows)
    sweep(course_of(trace, plans, startup_seconds), columns, NEAR, days)
    return Days(*np.moveaxis(days, 1, 0))


def choose(replayed: Days, reference: Floats, day: int, objective: Objective) -> int | None:
    """Return the index of the setting for `day`, from earlier days only; None if there are none.

    `reference` holds the pod-minutes per day of the autoscaler that cost is measured against.
    """
    past = slice(max(0, day - objective.days), day)
    minutes = DAY * (past.stop - past.start)
    if minutes <= 0:
        return None
    violated = 100 * replayed.violated[:, past].sum(axis=1) / minutes
    near = 100 * replayed.near[:, past].sum(axis=1) / minutes
    cost = replayed.pod_minutes[:, past].sum(axis=1) / reference[past].sum()
    allowed = np.ones(len(cost), np.bool_)
    if objective.budget is not None:
        allowed &= cost <= objective.budget
        if not allowed.any():
            return int(np.argmin(cost))
    if objective.limit is not None:
        within = allowed & (violated <= objective.limit)
        if not within.any():
            return int(np.lexsort((cost, violated))[0])
        allowed = within
    worth = violated + objective.near * near + objective.price * cost
    return int(np.argmin(np.where(allowed, worth, np.inf)))


def tune(
    trace: Trace, settings: Sequence[Setting], replayed: Days, reference: Floats, objective: Objective
) -> list[Setting]:
    """Return the setting of every day of `trace`, walking forward: each day's is chosen from the days before it."""
    chosen = [choose(replayed, reference, day, objective) for day in range(trace.day_count)]
    return [UNTUNED if index is None else settings[index] for index in chosen]
