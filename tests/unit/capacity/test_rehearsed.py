"""A measure of a rehearsal raises what is asked for when it is lower than planned, and never lowers it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from springtide.capacity.learned import NOTHING_LEARNED
from springtide.capacity.model import ModelAnswer
from springtide.capacity.registry import build_model, rehearsed_model
from springtide.capacity.rehearsed import MeasuredLoad, planned_load
from springtide.demand.model import DemandSeries
from springtide.events.rehearsed import RehearsalOutcome, RehearsalVerdict
from springtide.plan.findings import FindingStatus
from springtide.plan.planner import make_plan
from springtide.policy.scaling.capacity import ModelSpec
from springtide.record.memory import MemoryStore
from springtide.run.estimation import estimate_for
from support.builders import policy

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
UTILIZATION = {"model": "target_utilization", "per_replica": 100, "target": 0.7}
LIMIT = MeasuredLoad(per_replica=35, replicas=6, is_limit=True, at=NOW)


class Steady:
    """Demand that never changes."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        times = np.arange(start.timestamp(), end.timestamp() + 1, step.total_seconds())
        return DemandSeries(times=times, values=np.full(len(times), 100.0), unit="requests/s", source="a test")


def spec(**model: Any) -> Any:
    return TypeAdapter(ModelSpec).validate_python(model)


def answer(rehearsed: MeasuredLoad | None, /, **model: Any) -> ModelAnswer:
    series = Steady().read(NOW - timedelta(hours=1), NOW, timedelta(minutes=1))
    judging = rehearsed_model(spec(**model), NOTHING_LEARNED, rehearsed)
    return judging.answer(series, replicas=2, now=NOW)


@pytest.mark.parametrize(
    ("model", "planned"),
    [
        (UTILIZATION, 70),
        ({"model": "percentile", "per_replica": 60, "margin": "1.2x"}, 50),
        ({"model": "queueing", "per_replica": 60}, 60),
        ({"model": "fixed", "replicas": 3}, None),
    ],
)
def test_what_a_model_plans_to_put_on_one_replica(model: dict[str, Any], planned: float | None) -> None:
    assert planned_load(spec(**model)) == (None if planned is None else pytest.approx(planned))


def test_a_lower_limit_raises_the_answer_and_says_why() -> None:
    plain = answer(None, **UTILIZATION)
    raised = answer(LIMIT, **UTILIZATION)

    assert raised.replicas == pytest.approx(2 * plain.replicas)
    assert raised.reason.endswith(
        "times 2: rehearsed at most 35 requests/s a replica, 6 replicas on 2026-11-11, not 70"
    )


@given(st.floats(0.1, 1000), st.booleans())
def test_no_measure_ever_lowers_an_answer(per_replica: float, is_limit: bool) -> None:  # noqa: FBT001
    measured = MeasuredLoad(per_replica=per_replica, replicas=6, is_limit=is_limit, at=NOW)

    rehearsed = answer(measured, **UTILIZATION).replicas
    plain = answer(None, **UTILIZATION).replicas

    assert rehearsed >= plain
    assert (rehearsed > plain) == (is_limit and per_replica < 70 and rehearsed != plain)


def test_the_law_is_fitted_with_the_limit_and_the_larger_answer_counts() -> None:
    points = [{"replicas": count, "throughput": 20 * count} for count in (1, 2, 4)]
    usl = {"model": "usl", "measured": points, "target": 0.7}

    plain = answer(None, **usl).replicas
    lower = MeasuredLoad(per_replica=18.5, replicas=6, is_limit=True, at=NOW)
    higher = MeasuredLoad(per_replica=40, replicas=6, is_limit=True, at=NOW)
    assert answer(lower, **usl).replicas > plain
    assert answer(higher, **usl).replicas >= plain
    assert answer(replace(lower, is_limit=False), **usl).replicas == plain


def test_a_model_that_steps_aside_is_left_alone() -> None:
    seasonal = spec(model="seasonal", per_replica=50, season="day")
    series = Steady().read(NOW - timedelta(hours=1), NOW, timedelta(minutes=1))

    rehearsed = rehearsed_model(seasonal, NOTHING_LEARNED, LIMIT).answer(series, replicas=2, now=NOW)

    assert rehearsed == build_model(seasonal).answer(series, replicas=2, now=NOW)
    assert rehearsed.abstains


class TestThePlan:
    @staticmethod
    def plan(measured: MeasuredLoad, *, unit: str = "requests/s") -> Any:
        web = policy(demand={"source": "file", "path": "demand.csv", "unit": unit}, capacity={"models": [UTILIZATION]})
        store = MemoryStore()
        store.save_rehearsed(
            RehearsalOutcome(
                run_id="r1",
                policy="web",
                event="sales.flash",
                at=NOW,
                verdict=RehearsalVerdict.NOT_PROVEN,
                message="",
                measured=measured,
            )
        )
        estimated = estimate_for(web, Steady(), store, now=NOW, current=2)
        return make_plan(web, estimated, current=2, strategy="in_place", now=NOW, explicit=False)

    def test_it_warns_when_less_was_measured_than_is_planned_with(self) -> None:
        plan = self.plan(LIMIT)

        assert (plan.estimate.replicas, [finding.status for finding in plan.findings]) == (3, [FindingStatus.WARNING])
        assert plan.findings[0].code == "rehearsal_below_plan"
        assert plan.findings[0].message.startswith(
            "at most 35 requests/s a replica, 6 replicas on 2026-11-11; target_utilization plans with 70. More"
        )

    def test_it_only_shows_a_higher_measure(self) -> None:
        plan = self.plan(MeasuredLoad(per_replica=90, replicas=6, is_limit=False, at=NOW))

        assert (plan.estimate.replicas, [finding.status for finding in plan.findings]) == (2, [FindingStatus.PASSED])
        assert plan.findings[0].message.startswith("at least 90 requests/s a replica")

    def test_a_measure_of_requests_says_nothing_about_cores(self) -> None:
        plan = self.plan(LIMIT, unit="jobs")

        assert (plan.estimate.replicas, plan.findings) == (2, ())
