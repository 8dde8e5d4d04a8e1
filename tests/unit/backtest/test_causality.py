"""No policy sees the future: changing it changes nothing that was decided before."""

from dataclasses import replace

import numpy as np
import pytest

from springtide.backtest.policies import POLICIES, Shared
from springtide.backtest.simulate import Autoscaler, replay_autoscaler
from springtide.backtest.trace import Trace
from springtide.backtest.tuning import BUDGET, SLO, Objective, plan_rows, replay_grid, tune
from springtide.capacity.bases import Window, bases
from springtide.capacity.conformal import bounds
from springtide.capacity.event import Occasion, event_floor
from springtide.capacity.minutes import Minutes
from springtide.capacity.setting import Setting
from unit.backtest.histories import DAY, daily_wave

NOW = 9 * DAY + 615
"""The minute after which everything is different. Half past some quarter of an hour, in the middle of a day."""


def another_future(trace: Trace) -> Trace:
    changed = trace.demand.copy()
    changed[NOW:] = changed[NOW:][::-1] * 3 + 1
    return replace(trace, demand=changed)


@pytest.fixture(scope="module")
def trace() -> Trace:
    return daily_wave(11, scored=8)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_sees_what_comes(trace: Trace, policy: str) -> None:
    past = (NOW - trace.scored) * 4

    known = Shared.of(trace, 60).decide(policy)
    unknown = Shared.of(another_future(trace), 60).decide(policy)

    # the tick after `NOW` is decided from the ticks before it
    assert np.array_equal(known.replay.created[: past + 1], unknown.replay.created[: past + 1])
    assert not np.array_equal(known.replay.created[past + 1 :], unknown.replay.created[past + 1 :])
    assert known.settings[:2] == unknown.settings[:2]


@pytest.mark.parametrize("horizon", [7, 21])
def test_every_base_is_made_of_the_past(trace: Trace, horizon: int) -> None:
    window = Window(15, horizon, 0.01)
    decided = NOW // 15 + 1

    known, unknown = (bases(one.demand, window)[:, :decided] for one in (trace, another_future(trace)))

    assert np.isfinite(known[:, -1]).all()
    assert np.array_equal(known, unknown, equal_nan=True)


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_every_bound_is_made_of_the_past(trace: Trace, quantile: float) -> None:
    window = Window(15, 21, 0.01)
    decided = NOW // 15 + 1

    known, unknown = (bounds(one.demand, window, (quantile,)) for one in (trace, another_future(trace)))

    assert np.array_equal(known.demand[:, :decided], unknown.demand[:, :decided], equal_nan=True)
    assert np.array_equal(known.base[:, :decided], unknown.base[:, :decided])


@pytest.mark.parametrize("objective", [BUDGET, SLO])
def test_tuning_for_a_day_looks_at_earlier_days_only(trace: Trace, objective: Objective) -> None:
    grid = (Setting(0.5, 0.9), Setting(0.95, 0.7, 1.0), Setting(None, 0.6, 0.0, 1.0))
    chosen = []
    for one in (trace, another_future(trace)):
        plans = plan_rows(one, 60)
        replayed = replay_grid(one, grid, plans, 60)
        reference = replay_autoscaler(one, Autoscaler("cpu", 0.5), 60).days
        chosen.append(tune(one, grid, replayed, reference, objective))

    days = (NOW - trace.scored) // DAY + 1
    assert chosen[0][:days] == chosen[1][:days]


def test_an_event_is_judged_by_what_lay_before_it(trace: Trace) -> None:
    sales = tuple(Occasion("sale", day * DAY * 60.0, (day * DAY + 120) * 60.0, 0.0) for day in range(2, 11))

    known, unknown = (event_floor(Minutes(0.0, one.demand), sales, 15, 21) for one in (trace, another_future(trace)))

    assert known[: NOW // 15 + 1].max() > 0
    assert np.array_equal(known[: NOW // 15 + 1], unknown[: NOW // 15 + 1])


def test_an_event_that_is_not_known_yet_does_not_count(trace: Trace) -> None:
    start = 9 * DAY * 60.0
    past = Occasion("sale", 8 * DAY * 60.0, (8 * DAY + 120) * 60.0, 0.0)
    seen = Minutes(0.0, trace.demand)

    known = event_floor(seen, (past, Occasion("sale", start, start + 7200, 0.0)), 15, 21)
    late = event_floor(seen, (past, Occasion("sale", start, start + 7200, start + 3600)), 15, 21)

    assert known[9 * DAY // 15] > 0
    assert late[9 * DAY // 15] == 0
    assert late[(9 * DAY + 60) // 15] > 0
