"""The newest hour and last month: what refuses now is a hole then, and a short history is one that is short."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from springtide.clock import ManualClock
from springtide.demand.connection import PrometheusAddress
from springtide.demand.model import DemandSeries
from springtide.demand.prometheus import PrometheusSource
from springtide.demand.registry import demand_source, read_demand
from springtide.demand.steps import steps_of
from springtide.demand.verdict import QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.run.estimation import estimate_for
from unit.demand.prometheus_server import Prometheus

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEEKS_AGO = NOW.timestamp() - 18 * 86_400


def spec(lookback: str = "21d", **quality: object) -> PrometheusDemand:
    return PrometheusDemand.model_validate(
        {"query": "x", "unit": "requests/s", "lookback": lookback, "step": "5m", "quality": quality}
    )


def judged(
    prometheus: Prometheus,
    tmp_path: Path,
    value: Callable[[float], float | str | None],
    of: PrometheusDemand | None = None,
) -> tuple[DemandSeries, QualityVerdict]:
    prometheus.value = value
    of = of or spec()
    source = demand_source(of, prometheus_url=prometheus.url, base=tmp_path, kept=tmp_path / "kept")
    return read_demand(source, of, now=NOW)


def messages(verdict: QualityVerdict) -> dict[str, str]:
    return {finding.rule: finding.message for finding in verdict.findings}


class TestImpossibleValues:
    @pytest.mark.parametrize("wrong", ["NaN", "-1e-10", "+Inf"])
    def test_weeks_ago_they_are_a_hole_that_is_told(self, prometheus: Prometheus, tmp_path: Path, wrong: str) -> None:
        demand, verdict = judged(prometheus, tmp_path, lambda moment: wrong if moment == WEEKS_AGO else 5)

        assert verdict.outcome is QualityOutcome.PASS
        assert "1 samples at 2026-10-24T00:00:00Z are no demand" in messages(verdict)["left_out"]
        assert WEEKS_AGO not in demand.times
        assert len(demand) == 21 * 288

    def test_what_was_kept_of_them_is_told_again(self, prometheus: Prometheus, tmp_path: Path) -> None:
        for _ in range(2):
            _, verdict = judged(prometheus, tmp_path, lambda moment: "NaN" if moment == WEEKS_AGO else 5)

            assert list(messages(verdict)) == ["left_out"]
        assert len(prometheus.asked) == 2

    def test_beyond_belief_weeks_ago_is_a_hole_as_well(self, prometheus: Prometheus, tmp_path: Path) -> None:
        demand, verdict = judged(
            prometheus, tmp_path, lambda moment: 900 if moment == WEEKS_AGO else 5, spec(at_most=50)
        )

        assert (verdict.outcome, float(demand.values.max())) == (QualityOutcome.PASS, 5)
        assert list(messages(verdict)) == ["left_out"]

    @pytest.mark.parametrize("ago", [0, 55])
    @pytest.mark.parametrize("wrong", ["NaN", "-1e-10", "900"])
    def test_in_the_newest_hour_they_refuse(
        self, prometheus: Prometheus, tmp_path: Path, wrong: str, ago: float
    ) -> None:
        when = NOW.timestamp() - 60 * ago

        with pytest.raises(DemandUnusable) as caught:
            judged(prometheus, tmp_path, lambda moment: wrong if moment == when else 5, spec(at_most=50))

        assert caught.value.code == "capacity_unusable"

    def test_many_of_them_are_many_gaps(self, prometheus: Prometheus, tmp_path: Path) -> None:
        _, verdict = judged(prometheus, tmp_path, lambda moment: "NaN" if 7200 <= moment % 86_400 < 14_400 else 5)

        assert verdict.outcome is QualityOutcome.HOLD
        assert "samples are missing" in messages(verdict)["gaps"]


class TestShortHistory:
    @pytest.mark.parametrize("days", [1, 10, 15])
    def test_a_retention_that_is_shorter_than_the_lookback_is_taken_as_it_is(
        self, prometheus: Prometheus, tmp_path: Path, days: int
    ) -> None:
        begin = NOW.timestamp() - days * 86_400
        demand, verdict = judged(prometheus, tmp_path, lambda moment: 5 if moment >= begin else None)

        assert (verdict.outcome, len(demand)) == (QualityOutcome.PASS, days * 288 + 1)
        told = messages(verdict)["short_history"]
        assert f"demand is known for {days}.0 days" in told
        assert "demand.lookback is 21d" in told

    def test_gaps_of_a_short_history_count_by_what_it_has(self, prometheus: Prometheus, tmp_path: Path) -> None:
        begin = NOW.timestamp() - 2 * 86_400
        _, verdict = judged(
            prometheus,
            tmp_path,
            lambda moment: 5 if moment >= begin and not 7200 <= NOW.timestamp() - moment < 18_000 else None,
        )

        assert verdict.outcome is QualityOutcome.HOLD
        assert "35 of 576 samples are missing" in messages(verdict)["gaps"]

    def test_less_than_a_day_of_three_weeks_is_broken_and_not_short(
        self, prometheus: Prometheus, tmp_path: Path
    ) -> None:
        begin = NOW.timestamp() - 80_000
        _, verdict = judged(prometheus, tmp_path, lambda moment: 5 if moment >= begin else None)

        assert verdict.outcome is QualityOutcome.HOLD
        assert list(messages(verdict)) == ["gaps"]

    def test_a_whole_history_is_not_spoken_of(self, prometheus: Prometheus, tmp_path: Path) -> None:
        assert judged(prometheus, tmp_path, lambda _: 5)[1] == QualityVerdict()

    def test_a_model_that_looks_ahead_says_what_it_saw(self, prometheus: Prometheus, tmp_path: Path) -> None:
        begin = NOW.timestamp() - 10 * 86_400
        prometheus.value = lambda moment: 500 if moment >= begin else None
        models = [
            {"model": "conformal", "per_replica": 100},
            {"model": "target_utilization", "per_replica": 100, "target": 0.7},
        ]
        policy = ScalingPolicy.model_validate(
            {
                "apiVersion": "springtide/v1",
                "kind": "ScalingPolicy",
                "metadata": {"name": "web", "owner": "shop"},
                "spec": {
                    "target": {"namespace": "shop", "deployment": "web", "service": "web"},
                    "replicas": {"min": 1, "max": 50},
                    "demand": spec().model_dump(mode="json", exclude_none=True),
                    "capacity": {"models": models},
                    "strategy": {"type": "in_place"},
                },
            }
        )
        source = demand_source(spec(), prometheus_url=prometheus.url, base=tmp_path)

        estimated = estimate_for(policy, source, MemoryStore(), now=NOW, current=3)

        ahead, recent = (answer.reason for answer in estimated.answers)
        assert ahead.endswith("; it saw 10.0 days of the 21d that it looks back")
        assert "it saw" not in recent


class TestJitter:
    @pytest.mark.parametrize("jitter", [0.02, 1.0, 10.0])
    @pytest.mark.parametrize("around", [0.0, 17.0, 30.0, 59.99])
    def test_samples_around_a_border_are_whole(self, tmp_path: Path, jitter: float, around: float) -> None:
        offsets = np.random.default_rng(7).uniform(-jitter, jitter, 121)
        base = NOW.timestamp() - 120 * 60 + around - 60
        times = base + 60 * np.arange(121) + offsets
        rows = [f"{datetime.fromtimestamp(float(time), UTC).isoformat()},{100}" for time in times]
        (tmp_path / "day.csv").write_text("\n".join(["timestamp,value", *rows]))
        file = FileDemand(path="day.csv", unit="requests/s")

        demand, verdict = read_demand(demand_source(file, prometheus_url=None, base=tmp_path), file, now=NOW)

        assert verdict == QualityVerdict()
        assert 59 <= len(demand) <= 61

    def test_two_samples_in_one_step_do_not_make_up_for_a_gap(self) -> None:
        times = np.array([0.0, 60, 61, 180, 240])

        assert len(np.unique(steps_of(times, 60))) == 4

    def test_finer_samples_belong_to_whole_steps(self) -> None:
        assert list(steps_of(np.arange(0.0, 120, 15), 60)) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_source_alone_leaves_out_what_is_old(prometheus: Prometheus) -> None:
    source = PrometheusSource(
        "x", "jobs", address=PrometheusAddress.parse(prometheus.url), clock=ManualClock(datetime.now(UTC))
    )
    prometheus.value = lambda moment: "NaN" if moment == NOW.timestamp() - 7200 else 5

    demand = source.read(NOW - timedelta(hours=3), NOW, MINUTE)

    assert (len(demand), list(demand.left_out)) == (180, [NOW.timestamp() - 7200])
