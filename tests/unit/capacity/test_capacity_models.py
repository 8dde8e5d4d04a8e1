"""One suite over every model, then what each of them computes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from springtide.capacity.fixed import Fixed
from springtide.capacity.learned import NOTHING_LEARNED, Learned, fingerprint_of
from springtide.capacity.minutes import seen_minutes
from springtide.capacity.model import CapacityModel, ModelAnswer
from springtide.capacity.registry import build_model, fitting_of
from springtide.capacity.target_utilization import TargetUtilization
from springtide.capacity.weighted_demand import WeightedDemand
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.policy.scaling.capacity import ModelSpec
from springtide.policy.scaling.capacity_ahead import ForecastSpec

NOW = datetime(2026, 11, 11, tzinfo=UTC)
SPECS: list[dict[str, Any]] = [
    {"model": "target_utilization", "per_replica": 50},
    {"model": "fixed", "replicas": 7},
    {"model": "weighted_demand", "request": "100m", "limit": "200m", "max_replicas": 500, "growth": 2},
    {"model": "sqrt_headroom", "per_replica": 50},
    {"model": "percentile", "per_replica": 50},
    {"model": "queueing", "per_replica": 50, "workers": 4},
    {
        "model": "usl",
        "measured": [{"replicas": n, "throughput": x} for n, x in ((1, 50.0), (2, 78.0), (4, 110.0))],
    },
]
AHEAD: list[dict[str, Any]] = [
    {"model": "seasonal", "per_replica": 5, "season": "day"},
    {"model": "conformal", "per_replica": 5},
    {"model": "forecast", "per_replica": 5},
    {
        "model": "event",
        "per_replica": 5,
        "events": [
            {"kind": "sale", "start": "2026-11-10T00:05:00Z", "end": "2026-11-10T02:00:00Z"},
            {"kind": "sale", "start": "2026-11-11T00:05:00Z", "end": "2026-11-11T02:00:00Z"},
        ],
    },
]


def demand(*values: float, unit: str = "requests/s", newest: float = 0) -> DemandSeries:
    """Return one value a minute; the newest is `newest` seconds old."""
    times = NOW.timestamp() - newest - 60 * np.arange(len(values) - 1, -1, -1, dtype=np.float64)
    return DemandSeries(times=times, values=np.array(values, np.float64), unit=unit, source="test")


def model(spec: dict[str, Any]) -> CapacityModel:
    """Return the model that a policy would get."""
    return build_model(TypeAdapter(ModelSpec).validate_python(spec))


def learned(spec: dict[str, Any], known: DemandSeries) -> Learned:
    """Return what the daily history run would have learned for `spec` at `NOW`."""
    parsed = TypeAdapter(ModelSpec).validate_python(spec)
    if not isinstance(parsed, ForecastSpec):
        return NOTHING_LEARNED
    return Learned(forecasts={fingerprint_of(parsed): fitting_of(parsed).fit(seen_minutes(known, NOW))})


@pytest.mark.parametrize("spec", AHEAD, ids=lambda spec: spec["model"])
class TestEveryModelOfWhatComes:
    def test_it_answers_from_a_past_that_is_long_enough(self, spec: dict[str, Any]) -> None:
        past = demand(*[100.0 + minute % 60 for minute in range(4 * 1440)])

        answer = build_model(TypeAdapter(ModelSpec).validate_python(spec), learned(spec, past)).answer(
            past, replicas=4, now=NOW
        )

        assert (answer.model, answer.abstains) == (spec["model"], False)
        assert 15 < answer.replicas < 60
        assert ModelAnswer(**answer.to_record()) == answer

    def test_it_sees_nothing_after_now(self, spec: dict[str, Any]) -> None:
        past = demand(*[100.0 + minute % 60 for minute in range(4 * 1440)])
        ahead = NOW.timestamp() + 60.0 * np.arange(1, 1440)
        later = DemandSeries(
            times=np.append(past.times, ahead),
            values=np.append(past.values, 1e6 + 0 * ahead),
            unit=past.unit,
            source="test",
        )

        answers = [
            build_model(TypeAdapter(ModelSpec).validate_python(spec), learned(spec, series)).answer(
                series, replicas=4, now=NOW
            )
            for series in (past, later)
        ]

        assert answers[0] == answers[1]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["model"])
class TestEveryModel:
    def test_it_answers_by_its_name_with_inputs_and_a_reason(self, spec: dict[str, Any]) -> None:
        answer = model(spec).answer(demand(1, 2, 3), replicas=4, now=NOW)

        assert answer.model == spec["model"]
        assert answer.replicas >= 0
        assert answer.inputs
        assert answer.reason

    def test_its_answer_survives_its_stored_form(self, spec: dict[str, Any]) -> None:
        answer = model(spec).answer(demand(1, 2, 3), replicas=4, now=NOW)

        assert ModelAnswer(**answer.to_record()) == answer

    def test_it_sees_nothing_after_now(self, spec: dict[str, Any]) -> None:
        known = demand(1, 2, 3)
        later = DemandSeries(
            times=np.append(known.times, NOW.timestamp() + 1),
            values=np.append(known.values, 1e6),
            unit=known.unit,
            source=known.source,
        )

        assert model(spec).answer(later, replicas=4, now=NOW) == model(spec).answer(known, replicas=4, now=NOW)

    def test_the_same_question_has_the_same_answer(self, spec: dict[str, Any]) -> None:
        answers = [model(spec).answer(demand(1, 2, 3), replicas=4, now=NOW) for _ in range(2)]

        assert answers[0] == answers[1]

    def test_no_replicas_now_is_no_trouble(self, spec: dict[str, Any]) -> None:
        assert model(spec).answer(demand(0), replicas=0, now=NOW).replicas >= 0


class TestTargetUtilization:
    def test_it_is_the_recent_peak_at_what_a_replica_may_serve(self) -> None:
        answer = TargetUtilization(per_replica=50, target=0.7).answer(demand(100, 700, 350), replicas=1, now=NOW)

        assert answer.replicas == pytest.approx(700 / 35)
        assert answer.inputs["peak"] == 700
        assert answer.reason == "peak 700 requests/s of the last 0:05:00 at 35 a replica (50 x 0.7)"

    def test_only_the_window_counts(self) -> None:
        window = timedelta(minutes=2)

        answer = TargetUtilization(50, 1.0, window).answer(demand(1000, 100, 50), replicas=1, now=NOW)

        assert answer.replicas == 2

    def test_demand_that_is_too_old_for_the_window_is_refused(self) -> None:
        with pytest.raises(DemandUnusable) as caught:
            TargetUtilization(50, 0.7).answer(demand(5, newest=301), replicas=1, now=NOW)

        assert caught.value.code == "capacity_unusable"

    @given(st.floats(0, 1e9), st.floats(0.01, 1e6), st.floats(0.01, 1), st.floats(0, 1e9))
    @settings(deadline=None)
    def test_more_demand_never_means_fewer_replicas(
        self, peak: float, per_replica: float, target: float, more: float
    ) -> None:
        capacity = TargetUtilization(per_replica, target)

        few = capacity.answer(demand(peak), replicas=1, now=NOW).replicas
        many = capacity.answer(demand(peak + more), replicas=1, now=NOW).replicas

        assert many >= few >= 0
        assert few * per_replica * target == pytest.approx(peak)


class TestFixed:
    def test_it_is_the_number_whatever_demand_is(self) -> None:
        assert Fixed(7).answer(demand(1e9), replicas=1, now=NOW).replicas == 7
        assert Fixed(7).answer(demand(), replicas=1, now=NOW).replicas == 7


class TestWeightedDemand:
    """The article's pods: M = 100m, L = 200m, N = 5, ΣW = 0.8, so 160m are used."""

    @staticmethod
    def pods(**changes: Any) -> WeightedDemand:
        return WeightedDemand(**{"request": 0.1, "limit": 0.2, "max_replicas": 12, "growth": 7, **changes})

    @pytest.mark.parametrize(
        ("changes", "replicas"),
        [
            ({}, 384 / 140),
            ({"growth": 0}, 160 / 100),
            ({"growth": 0, "request": 0.2}, 160 / 140),
            ({"reserve": 0.2}, 584 / 140),
            ({"target": 1.0}, 384 / 200),
            ({"max_replicas": 2}, 2),
        ],
    )
    def test_every_term_counts_in_its_unit(self, changes: dict[str, Any], replicas: float) -> None:
        answer = self.pods(**changes).answer(demand(0.16, unit="cores"), replicas=5, now=NOW)

        assert answer.replicas == pytest.approx(replicas)

    def test_the_inputs_let_a_reader_check_it(self) -> None:
        answer = self.pods().answer(demand(0.16, unit="cores"), replicas=5, now=NOW)

        shown = {key: value for key, value in answer.inputs.items() if isinstance(value, str | int)}
        assert shown == {
            "M_request": "100m", "L_limit": "200m", "N_replicas": 5, "Q_growth": 7, "S_max": 12, "used": "160m",
            "growth": "224m", "reserve": "0m", "needed": "384m",
        }  # fmt: skip
        assert answer.inputs["sum_W"] == pytest.approx(0.8)
        assert answer.inputs["mean_W"] == pytest.approx(0.16)
        assert answer.inputs["literal_C_without_unit"] == pytest.approx(88.02)

    def test_the_literal_formula_is_shown_and_never_acted_on(self) -> None:
        small = self.pods(max_replicas=12)
        large = self.pods(max_replicas=1000)

        answers = [model.answer(demand(0.16, unit="cores"), replicas=5, now=NOW) for model in (small, large)]

        assert answers[0].replicas == answers[1].replicas
        assert answers[0].inputs["literal_C_without_unit"] != answers[1].inputs["literal_C_without_unit"]

    @given(st.floats(0, 1000), st.integers(1, 100), st.integers(0, 100), st.floats(0.01, 4), st.floats(0.05, 1))
    @settings(deadline=None)
    def test_the_answer_does_not_depend_on_how_cpu_is_written(
        self, used: float, replicas: int, growth: int, limit: float, target: float
    ) -> None:
        """What the literal formula fails: the same pods in millicores need the same number of pods."""
        cores = WeightedDemand(request=limit / 2, limit=limit, max_replicas=10_000, growth=growth, target=target).needs(
            used, replicas=replicas
        )
        milli = WeightedDemand(
            request=limit * 500, limit=limit * 1000, max_replicas=10_000, growth=growth, target=target
        ).needs(used * 1000, replicas=replicas)

        assert milli.replicas == pytest.approx(cores.replicas)
        assert cores.needed >= cores.used
        assert cores.replicas <= 10_000
