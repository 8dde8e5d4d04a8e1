"""What a policy is measured against beside autoscalers: a schedule, the static peak, and the clairvoyant minimum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest.policies import Replayed
from springtide.backtest.simulate import Plans, Score, oracle_pod_minutes, replay_plans, score
from springtide.capacity.minutes import DAY, HOUR, WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from springtide.backtest.trace import Trace

MARGIN = 1.2
"""What an operator adds to last week's peak of the hour."""
_LEAD = 15
"""Minutes into the next hour that its pods must already be there for: an operator schedules before the rush."""


def cron(trace: Trace, startup_seconds: float) -> Replayed:
    """Return how a schedule by the hour does: last week's peak of the hour and 15 min, and 20 % more.

    Its hours are those of the customers' clocks, as far as they change on the hour.

    With less than a week of history it is yesterday's peak; with less than a day, the present demand.
    """
    aligned = trace.aligned(HOUR)  # a schedule changes on the hour
    hours = len(aligned.demand) // HOUR + 1
    pods = np.zeros((1, hours), np.int64)
    # The pods of an hour are there for the quarter of an hour after it as well.
    length = len(aligned.demand) + HOUR + _LEAD
    earlier = [aligned.grid.days_before(aligned.demand, days, length) for days in (WEEK // DAY, 1)]
    for hour in range(hours):
        pods[0, hour] = _scheduled(aligned, hour * HOUR, earlier)
    scored = aligned.from_scored()
    plans = Plans(pods[:, aligned.scored // HOUR :], HOUR)
    replay = replay_plans(scored, plans, np.zeros(scored.day_count, np.int64), startup_seconds)
    return Replayed((), replay, score(scored, replay))


def _scheduled(trace: Trace, minute: int, earlier: Sequence[NDArray[np.float64]]) -> int:
    """Return the pods of the hour from `minute` on; `earlier` is the demand of a week before, and of a day before."""
    for lag, demand in zip((WEEK, DAY), earlier, strict=True):
        if minute >= lag:
            peak = np.nanmax(demand[minute : minute + HOUR + _LEAD])
            return max(trace.fewest, math.ceil(MARGIN * float(peak) / trace.per_replica))
    return max(trace.fewest, math.ceil(MARGIN * float(trace.demand[max(0, minute - 1)]) / trace.per_replica))


def static_peak(trace: Trace) -> Score:
    """Return how the replicas of the highest minute do, all the time: chosen in hindsight, so nothing is violated."""
    demand = trace.demand[trace.scored :]
    replicas = max(trace.fewest, math.ceil(float(demand.max()) / trace.per_replica))
    return Score(
        violated_percent=0.0,
        violated_minutes=0,
        underserved_percent=0.0,
        cost=replicas * len(demand) / oracle_pod_minutes(trace),
        changes=0,
    )


def oracle(trace: Trace) -> Score:
    """Return the clairvoyant minimum: what everything else's cost is divided by."""
    pods = trace.demand[trace.scored :] / trace.per_replica
    needed = np.maximum(trace.fewest, np.ceil(np.maximum(pods, np.append(pods[1:], pods[-1:]))))
    return Score(
        violated_percent=0.0,
        violated_minutes=0,
        underserved_percent=0.0,
        cost=1.0,
        changes=int(np.count_nonzero(np.diff(needed))),
    )
