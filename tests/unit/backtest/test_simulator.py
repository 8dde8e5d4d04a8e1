"""The simulator, tick by tick, on histories small enough to work out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.backtest.simulate import (
    Plans,
    SimulatedAutoscaler,
    oracle_pod_minutes,
    replay_autoscaler,
    replay_plans,
    score,
)
from springtide.backtest.trace import Trace
from springtide.errors import InputError
from unit.backtest.histories import steps


def test_constant_demand_keeps_the_first_replicas() -> None:
    trace = steps((60, 7.0))

    replayed = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.7), 60)

    assert set(replayed.created) == {10}
    assert score(trace, replayed).changes == 0


def test_new_pods_are_paid_at_once_and_serve_after_their_startup() -> None:
    trace = steps((10, 7.0), (20, 14.0))

    replayed = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.7), 120)
    grown = int(np.argmax(replayed.created > 10))

    # the first tick that has seen the new demand is the one after it began
    assert grown == 41
    assert replayed.ready[grown + 7] == 10
    assert replayed.ready[grown + 8] > 10


def test_one_sync_at_most_doubles() -> None:
    trace = steps((10, 7.0), (20, 140.0))

    replayed = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.7), 60)
    first = int(np.argmax(replayed.created > 10))

    assert list(replayed.created[first : first + 3]) == [20, 40, 80]


def test_scale_down_waits_for_the_stabilization_window() -> None:
    trace = steps((10, 7.0), (30, 3.5))

    replayed = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.7), 60)
    shrunk = int(np.argmax(replayed.created < 10))

    # tick 43 is the last that sees more than the tolerance above the new level; 20 earlier ticks hold it
    assert 10 * 4 + 20 < shrunk <= 10 * 4 + 4 + 21
    assert replayed.created[-1] == 5


def test_saturated_cpu_hides_how_much_is_missing() -> None:
    trace = steps((10, 5.0), (10, 50.0))

    by_cpu = replay_autoscaler(trace, SimulatedAutoscaler("cpu", 0.5), 60).created
    by_rps = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.5), 60).created

    assert by_cpu[10 * 4 + 3] < by_rps[10 * 4 + 3]


def test_a_plan_takes_effect_thirty_seconds_after_its_decision() -> None:
    trace = steps((20, 2.0))
    plans = Plans(np.array([[3, 6, 6, 6]]), interval=5)

    replayed = replay_plans(trace, plans, np.zeros(1, np.int64), 60)

    assert list(replayed.created[5 * 4 : 5 * 4 + 4]) == [3, 3, 6, 6]


def test_the_autoscaler_jumps_to_its_floor_and_may_exceed_it() -> None:
    trace = steps((10, 7.0), (10, 21.0))
    plans = Plans(np.full((1, 5), 20), interval=5)

    replayed = replay_autoscaler(trace, SimulatedAutoscaler("rps", 0.7), 60, plans=plans)

    assert replayed.created[4] == 20
    assert replayed.created[-1] == 30


def test_removing_takes_the_newest_unready_pods_first() -> None:
    trace = steps((30, 2.0))
    plans = Plans(np.array([[2, 8, 4, 4, 4, 4]]), interval=5)

    replayed = replay_plans(trace, plans, np.zeros(1, np.int64), 600)

    assert replayed.ready[10 * 4 + 8] == 2
    assert replayed.ready[15 * 4 + 8] == 4


def test_the_oracle_pays_what_two_minutes_need() -> None:
    assert oracle_pod_minutes(steps((2, 2.0), (2, 5.0))) == 2 + 5 + 5 + 5


@pytest.mark.parametrize(("metric", "target"), [("memory", 0.5), ("cpu", 0.0)])
def test_an_autoscaler_that_cannot_be_is_refused(metric: str, target: float) -> None:
    with pytest.raises(InputError, match="metric must be cpu or rps"):
        SimulatedAutoscaler(metric, target)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 60), min_size=8, max_size=90),
    st.sampled_from([15, 60, 300]),
    st.sampled_from(["cpu", "rps"]),
    st.sampled_from([0.5, 0.7, 0.95]),
)
def test_pods_are_neither_lost_nor_invented(demand: list[float], startup: int, metric: str, target: float) -> None:
    trace = Trace(name="any", start=0.0, demand=np.array(demand), scored=0, per_replica=1.0)

    replayed = replay_autoscaler(trace, SimulatedAutoscaler(metric, target), startup)

    assert (replayed.created >= 2).all()
    assert (replayed.ready >= 0).all()
    assert (replayed.ready <= replayed.created).all()
    # what was created a startup ago and never removed is Ready now
    ago = startup // 15
    lasting = np.minimum.accumulate(replayed.created[::-1])[::-1]
    steady = np.array([replayed.created[t - ago : t + 1].min() for t in range(ago, len(replayed.created))])
    assert (replayed.ready[ago:] >= np.minimum(steady, lasting[ago:])).all()
    assert score(trace, replayed).cost > 0
