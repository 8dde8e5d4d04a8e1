"""Everything that goes wrong with metrics, with a real Prometheus: what becomes of a service that has 20 replicas.

The table of docs/capacity.md ("When metrics fail") tells the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.clock import ManualClock
from springtide.demand.connection import PrometheusAddress
from springtide.demand.prometheus import PrometheusSource
from springtide.demand.registry import demand_source
from springtide.errors import DemandUnavailable, DemandUnusable
from springtide.plan.model import ScalingPlan
from springtide.plan.planner import make_plan
from springtide.record.memory import MemoryStore
from springtide.run.assembly import Metrics, instant_of
from springtide.run.estimation import EstimateInputs, estimate_for
from support.builders import policy
from support.prometheus_process import Series, Server, make_blocks, running

pytestmark = pytest.mark.xdist_group("prometheus")  # one worker makes the month of data
CURRENT = 20


def plan(
    url: str, query: str, now: datetime, *, lookback: str = "4h", alive: tuple[str, ...] = (), **quality: Any
) -> ScalingPlan:
    """Return what a run plans for a service whose replicas serve 10 each."""
    demand = {"source": "prometheus", "query": query, "unit": "requests/s", "lookback": lookback, "quality": quality}
    demand["alive"] = list(alive)
    models = [{"model": "target_utilization", "per_replica": 10, "target": 1.0}]
    of = policy(demand=demand, capacity={"models": models})
    assert of.spec.demand is not None
    source = demand_source(of.spec.demand, prometheus_url=url, base=Path())
    inputs = EstimateInputs(instant_of(Metrics(url=url)))
    estimate = estimate_for(of, source, MemoryStore(), now=now, current=CURRENT, inputs=inputs)
    return make_plan(of, estimate, current=CURRENT, strategy="in_place", now=now, explicit=False)


def refusal(url: str, query: str, now: datetime, **quality: Any) -> DemandUnusable:
    """Return why the run is refused."""
    with pytest.raises(DemandUnusable) as caught:
        plan(url, query, now, **quality)
    return caught.value


def test_metrics_that_are_whole_are_acted_on(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "steady", now)

    assert (scaling_plan.estimate.replicas, scaling_plan.replicas) == (10, 10)
    assert scaling_plan.estimate.quality == {"outcome": "pass", "findings": [], "pages": None}


def hour(now: datetime) -> Series:
    """Return an hour of steady demand."""
    return "steady", [(now.timestamp() - 60 * back, 100.0) for back in range(60, -1, -1)]


def test_a_killed_prometheus_changes_nothing_and_may_be_asked_again(now: datetime, tmp_path: Path) -> None:
    make_blocks(tmp_path / "data", [hour(now)])
    with running(tmp_path / "data") as server:
        assert plan(server.url, "steady", now, lookback="30m").replicas == 10
        server.kill()

        with pytest.raises(DemandUnavailable, match="no answer"):
            plan(server.url, "steady", now, lookback="30m")


def test_a_gap_of_two_hours_holds_what_runs(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "gap", now)

    assert (scaling_plan.estimate.replicas, scaling_plan.replicas) == (10, CURRENT)
    assert "samples are missing" in scaling_plan.reason


def test_with_a_gap_it_still_grows(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "grown", now)

    assert (scaling_plan.estimate.replicas, scaling_plan.replicas) == (40, 40)


def test_a_metric_that_ended_holds_what_runs(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "ended", now)

    assert scaling_plan.replicas == CURRENT
    assert scaling_plan.estimate.quality is not None
    assert [finding["rule"] for finding in scaling_plan.estimate.quality["findings"]] == ["freshness", "gaps"]


def test_demand_that_vanished_in_an_outage_holds_what_runs(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "vanished", now)

    assert (scaling_plan.estimate.replicas, scaling_plan.replicas) == (0, CURRENT)
    assert "demand fell from 100 requests/s before to 0" in scaling_plan.reason


def test_demand_of_zero_is_held_while_other_signals_live_however_long_ago_it_fell(
    server: Server, now: datetime
) -> None:
    forgotten = plan(server.url, "vanished", now, lookback="20m")
    held = plan(server.url, "vanished", now, lookback="20m", alive=("steady",))
    outage = plan(server.url, "vanished", now, lookback="20m", alive=("absent_metric",))

    assert forgotten.replicas == CURRENT // 2  # guards.step_down
    assert (held.estimate.replicas, held.replicas, outage.replicas) == (0, CURRENT, CURRENT)
    assert "demand has vanished while 'steady' is 100: the service is used" in held.reason
    assert "'absent_metric' is missing: an outage of the metrics" in outage.reason


def test_nothing_is_refused(server: Server, now: datetime) -> None:
    assert "the query returns nothing" in refusal(server.url, "absent_metric", now).message


def test_nan_is_refused(server: Server, now: datetime) -> None:
    assert "are NaN, infinite or negative" in refusal(server.url, "numerator / numerator", now).message


def test_a_counter_that_starts_anew_is_no_trouble(server: Server, now: datetime) -> None:
    scaling_plan = plan(server.url, "sum(rate(requests_total[2m]))", now, lookback="1h")

    assert scaling_plan.estimate.quality is not None
    assert scaling_plan.estimate.quality["outcome"] == "pass"
    assert scaling_plan.replicas in {10, 11}  # rate() extrapolates a little around the reset


def test_a_raw_counter_that_starts_anew_is_not_taken_for_an_outage_that_passed(server: Server, now: datetime) -> None:
    """Who forgets rate() is not scaled down by the reset."""
    assert plan(server.url, "requests_total", now, lookback="1h", sudden_fall="80%").replicas >= CURRENT


def test_two_series_are_refused(server: Server, now: datetime) -> None:
    told = refusal(server.url, "twice", now).message

    assert "returns 2 series" in told
    assert "Wrap it in sum(...)" in told


def test_series_that_are_counted_twice_are_refused_where_a_limit_is_set(server: Server, now: datetime) -> None:
    assert "more than quality.at_most 150" in refusal(server.url, "sum(twice)", now, at_most=150).message
    assert plan(server.url, "max(twice)", now, at_most=150).replicas == 10


@pytest.mark.parametrize(("minutes", "side"), [(10, "behind"), (-10, "ahead of")])
def test_a_clock_that_is_ten_minutes_off_is_refused(server: Server, now: datetime, minutes: int, side: str) -> None:
    source = PrometheusSource(
        "steady",
        "requests/s",
        address=PrometheusAddress.parse(server.url),
        clock=ManualClock(now + timedelta(minutes=minutes)),
    )

    with pytest.raises(DemandUnusable, match=rf"its clock is \d+ s {side} ours") as caught:
        source.read(now - timedelta(hours=1), now, timedelta(minutes=1))

    assert caught.value.code == "demand_clock"


def test_an_answer_with_warnings_is_not_taken_as_whole(tmp_path: Path, now: datetime) -> None:
    """A store behind it does not answer: Prometheus gives what it has, with a warning."""
    make_blocks(tmp_path / "data", [hour(now)])
    away = "remote_read: [{url: 'http://127.0.0.1:9/api/v1/read', read_recent: true, remote_timeout: 1s}]\n"
    with running(tmp_path / "data", away) as server, pytest.raises(DemandUnavailable, match="its answer is not whole"):
        plan(server.url, "steady", now, lookback="30m")
