"""Down and up again within the hour: counted, shown in the table, and fewer with the guards over time."""

from __future__ import annotations

import numpy as np
import pytest

from springtide.backtest.page import COLUMNS, rows
from springtide.backtest.policy import POLICY, backtest
from springtide.backtest.switches import switches
from springtide.backtest.trace import Trace
from springtide.policy.scaling.model import ScalingPolicy
from support.builders import policy
from unit.backtest.histories import DAY, daily_wave


def judged(**guards: object) -> ScalingPolicy:
    """Return a policy that follows the last quarter of an hour, with these guards."""
    model = {"model": "target_utilization", "per_replica": 0.5, "target": 0.6, "window": "15m"}
    demand = {"source": "prometheus", "query": "rps", "unit": "requests/s", "lookback": "21d"}
    return policy(demand=demand, capacity={"models": [model]}, strategy={"type": "in_place"}, guards=guards)


@pytest.mark.parametrize(
    ("course", "count"),
    [
        ([(5, 10), (4, 10), (5, 10)], 1),
        ([(5, 10), (4, 60), (5, 10)], 1),
        ([(5, 10), (4, 61), (5, 10)], 0),
        ([(5, 10), (4, 10), (3, 10), (4, 10)], 1),
        ([(5, 10), (6, 10), (5, 10)], 0),
        ([(5, 10), (4, 10), (5, 10), (4, 10), (6, 10)], 2),
        ([(5, 10), (4, 10)], 0),
        ([(5, 10)], 0),
    ],
)
def test_a_switch_is_a_fall_that_is_taken_back_within_the_hour(course: list[tuple[int, int]], count: int) -> None:
    replicas = np.repeat([number for number, _ in course], [minutes for _, minutes in course])

    assert switches(replicas) == count
    assert switches(np.repeat(replicas, 4), per_minute=4) == count


@pytest.fixture(scope="module")
def noisy() -> Trace:
    """Return demand that asks for 20 and 17 pods in turn, a quarter of an hour each."""
    trace = daily_wave(9, scored=8)
    quarters = np.arange(len(trace.demand)) // 15 % 2
    demand = (6.0 - 0.9 * quarters).astype(np.float64)
    return Trace(
        name="noisy",
        start=trace.start,
        demand=demand,
        scored=8 * DAY,
        per_replica=trace.per_replica,
    )


def switched(noisy: Trace, **guards: object) -> int:
    count = backtest(judged(tolerance="0%", **guards), noisy, 60).line(POLICY).switches
    assert count is not None
    return count


def test_the_guards_over_time_leave_none_of_them(noisy: Trace) -> None:
    free = switched(noisy, stabilization={"down": "0s", "error_over": "0s"})

    assert free > 20
    assert switched(noisy, stabilization={"down": "45m", "error_over": "0s"}) == 0
    assert switched(noisy, stabilization={"down": "0s", "error_over": "1h"}) <= 1
    assert switched(noisy, stabilization={"down": "0s", "error_over": "0s"}, cooldown="2h") < free / 3


def test_the_table_shows_them_a_day(noisy: Trace) -> None:
    report = backtest(judged(), noisy, 60)
    shown = dict(zip((line.name for line in report.lines), (row[-1] for row in rows(report)), strict=True))

    assert COLUMNS[-1] == "switches a day"
    assert shown[POLICY] == f"{(report.line(POLICY).switches or 0) / report.days:.1f}"
    assert shown["oracle"] == ""
