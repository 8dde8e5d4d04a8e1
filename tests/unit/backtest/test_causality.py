"""No policy sees the future: changing it changes nothing that was decided before."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from springtide.backtest.policies import POLICIES, Workbench
from springtide.backtest.simulate import SimulatedAutoscaler, replay_autoscaler
from springtide.backtest.trace import Trace
from springtide.backtest.tuning import BUDGET, SLO, Objective, plan_rows, replay_grid, tune
from springtide.capacity.conformal import bounds
from springtide.capacity.event import Event, KnownOccurrence
from springtide.capacity.predictors import PredictorWindow, predictors
from springtide.capacity.setting import Setting
from springtide.demand.model import DemandSeries
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

    known = Workbench.of(trace, 60).decide(policy)
    unknown = Workbench.of(another_future(trace), 60).decide(policy)

    # the tick after `NOW` is decided from the ticks before it
    assert np.array_equal(known.replay.created[: past + 1], unknown.replay.created[: past + 1])
    assert not np.array_equal(known.replay.created[past + 1 :], unknown.replay.created[past + 1 :])
    assert known.settings[:2] == unknown.settings[:2]


@pytest.mark.parametrize("horizon", [7, 21])
def test_every_base_is_made_of_the_past(trace: Trace, horizon: int) -> None:
    window = PredictorWindow(15, horizon, 0.01)
    decided = NOW // 15 + 1

    known, unknown = (predictors(history.demand, window)[:, :decided] for history in (trace, another_future(trace)))

    assert np.isfinite(known[:, -1]).all()
    assert np.array_equal(known, unknown, equal_nan=True)


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_every_bound_is_made_of_the_past(trace: Trace, quantile: float) -> None:
    window = PredictorWindow(15, 21, 0.01)
    decided = NOW // 15 + 1

    known, unknown = (bounds(history.demand, window, (quantile,)) for history in (trace, another_future(trace)))

    assert np.array_equal(known.demand[:, :decided], unknown.demand[:, :decided], equal_nan=True)
    assert np.array_equal(known.base[:, :decided], unknown.base[:, :decided])


@pytest.mark.parametrize("objective", [BUDGET, SLO])
def test_tuning_for_a_day_looks_at_earlier_days_only(trace: Trace, objective: Objective) -> None:
    grid = (
        Setting(quantile=0.5, target=0.9),
        Setting(quantile=0.95, target=0.7, headroom=1.0),
        Setting(quantile=None, target=0.6, headroom=0.0, trend=1.0),
    )
    chosen = []
    for history in (trace, another_future(trace)):
        plans = plan_rows(history, 60)
        replayed = replay_grid(history, grid, plans, 60)
        reference = replay_autoscaler(history, SimulatedAutoscaler("cpu", 0.5), 60).days
        chosen.append(tune(history, grid, replayed, reference, objective))

    days = (NOW - trace.scored) // DAY + 1
    assert chosen[0][:days] == chosen[1][:days]


def event_answer(trace: Trace, occasions: tuple[KnownOccurrence, ...], minute: int) -> float:
    """Return the replicas for `occasions` at `minute`, from a series that holds what comes later, too."""
    times = 60.0 * np.arange(len(trace.demand), dtype=np.float64)
    demand = DemandSeries(times=times, values=trace.demand, unit="requests/s", source="trace")
    model = Event(per_replica=1.0, occasions=occasions, startup_seconds=330.0)
    return model.answer(demand, replicas=1, now=datetime.fromtimestamp(60.0 * minute, UTC)).replicas


def test_an_event_is_judged_by_what_lay_before_it(trace: Trace) -> None:
    starts = [*(day * DAY for day in range(6, 10)), NOW - 60]
    sales = tuple(
        KnownOccurrence(kind="sale", start=start * 60.0, end=(start + 120) * 60.0, known_at=0.0) for start in starts
    )
    decisions = [minute for start in starts for minute in range(start - 60, start + 181, 15) if minute <= NOW]
    future = another_future(trace)

    known = [event_answer(trace, sales, minute) for minute in decisions]
    unknown = [event_answer(future, sales, minute) for minute in decisions]

    assert max(known) > 0
    assert known == unknown


def test_an_event_that_is_not_known_yet_does_not_count(trace: Trace) -> None:
    start = 9 * DAY * 60.0
    past = KnownOccurrence(kind="sale", start=8 * DAY * 60.0, end=(8 * DAY + 120) * 60.0, known_at=0.0)
    announced = KnownOccurrence(kind="sale", start=start, end=start + 7200, known_at=0.0)
    late = replace(announced, known_at=start + 3600)

    assert event_answer(trace, (past, announced), 9 * DAY) > 0
    assert event_answer(trace, (past, late), 9 * DAY) == 0
    assert event_answer(trace, (past, late), 9 * DAY + 60) > 0
