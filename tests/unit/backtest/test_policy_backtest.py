"""A policy against history: what it plans is its own, nothing looks ahead, and the verdict says what the table says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from springtide.backtest import baselines
from springtide.backtest.headline import best_rival, verdict
from springtide.backtest.page import COLUMNS, render, rows
from springtide.backtest.policy import POLICY, BacktestReport, Line, backtest, capacity_of_a_pod
from springtide.backtest.trace import Trace
from springtide.errors import InputError
from springtide.policy.scaling.model import ScalingPolicy
from unit.backtest.histories import DAY, daily_wave, steps

TARGET = {"model": "target_utilization", "per_replica": 0.5, "target": 0.6}
AUTO = {"model": "auto", "per_replica": 0.5}


def policy(*models: dict[str, Any], least: int = 2, **spec: Any) -> ScalingPolicy:
    """Return a policy of these models."""
    return ScalingPolicy.model_validate(
        {
            "apiVersion": "springtide/v1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "web", "owner": "team-web"},
            "spec": {
                "target": {"namespace": "shop", "deployment": "web", "service": "web"},
                "replicas": {"min": least, "max": 100},
                "demand": {"source": "prometheus", "query": "sum(x)", "unit": "requests/s", "lookback": "21d"},
                "capacity": {"models": list(models)},
                "strategy": {"type": "in_place"},
                **spec,
            },
        }
    )


@pytest.fixture(scope="module")
def trace() -> Trace:
    return daily_wave(10, scored=8)


@pytest.fixture(scope="module")
def report(trace: Trace) -> BacktestReport:
    return backtest(policy(TARGET), trace, 60)


def planned(report: BacktestReport) -> Any:
    replicas = report.line(POLICY).replicas
    assert replicas is not None
    return replicas


def test_every_way_of_scaling_has_its_line(report: BacktestReport) -> None:
    names = [line.name for line in report.lines]

    assert names == [
        POLICY, "HPA cpu 50%", "HPA cpu 70%", "HPA rps 70%", "cron", "static peak", "oracle",
    ]  # fmt: skip
    assert report.days == 2
    assert len(planned(report)) == 2 * DAY


def test_the_oracle_is_the_measure_and_the_static_peak_misses_nothing(report: BacktestReport) -> None:
    assert report.line("oracle").score.cost == 1.0
    assert report.line("static peak").score.violated_minutes == 0
    assert report.line("static peak").pod_hours > report.line(POLICY).pod_hours > report.line("oracle").pod_hours


@pytest.mark.parametrize("models", [(TARGET,), (AUTO,), ({**AUTO, "autoscaler": "tuned"}, TARGET)], ids=str)
def test_no_plan_sees_what_comes(trace: Trace, models: tuple[dict[str, Any], ...]) -> None:
    now = 9 * DAY + 615
    demand = trace.demand.copy()
    demand[now:] = demand[now:][::-1] * 3 + 1
    past = now - trace.scored

    known = planned(backtest(policy(*models), trace, 60))
    unknown = planned(backtest(policy(*models), replace(trace, demand=demand), 60))

    assert np.array_equal(known[:past], unknown[:past])
    assert not np.array_equal(known[past:], unknown[past:])


def test_bounds_and_guards_are_the_policys_own(trace: Trace) -> None:
    free = planned(backtest(policy(TARGET), trace, 60))
    floored = planned(backtest(policy(TARGET, least=30), trace, 60))
    lazy = planned(backtest(policy(TARGET, guards={"tolerance": "40%"}), trace, 60))

    assert free.min() < 30 <= floored.min()
    assert np.count_nonzero(np.diff(lazy)) < np.count_nonzero(np.diff(free))


def test_a_second_model_lifts_the_plans_of_auto(trace: Trace) -> None:
    alone = planned(backtest(policy(AUTO), trace, 60))
    lifted = planned(backtest(policy(AUTO, {"model": "fixed", "replicas": 40}), trace, 60))

    assert alone.max() > 40
    assert alone[60:].min() < 40 <= lifted[60:].min()


def test_what_a_pod_carries_is_in_the_models() -> None:
    assert capacity_of_a_pod(policy({"model": "fixed", "replicas": 3}, TARGET)) == 0.5

    with pytest.raises(InputError, match="--per-replica"):
        capacity_of_a_pod(policy({"model": "fixed", "replicas": 3}))


def test_a_schedule_is_last_weeks_peak_of_the_hour() -> None:
    level = np.repeat([10.0, 20.0, 10.0], [3 * 60, 60, 20 * 60])
    trace = Trace(name="days", start=0.0, demand=np.tile(level, 9), scored=8 * DAY, per_replica=1.0)

    replayed = baselines.cron(trace, 60).replay.created

    # 20 % above the level; the higher one from the start of the hour before, which sees 15 minutes of the next
    assert set(replayed[4 * 60 :]) == {12, 24}
    assert replayed[4 * 135] == 24
    assert replayed[4 * (4 * 60 + 15)] == 12


def test_the_verdict_compares_with_the_best_of_the_others(trace: Trace) -> None:
    report = backtest(policy({**TARGET, "target": 0.95}), trace, 60)
    ours = report.lines[0]
    best = best_rival(report)
    sentence = verdict(report)

    assert sentence.startswith(
        f"web would have missed {ours.score.violated_minutes:,} minutes on {ours.missed_days} of 2"
    )
    assert f"; {best.name}, the best of the others, " in sentence
    assert best.score.violated_minutes == min(line.score.violated_minutes for line in report.lines[1:-2])
    assert [line.name for line in report.lines[-2:]] == ["static peak", "oracle"]


@pytest.mark.parametrize(
    ("ours", "theirs", "end"),
    [
        ((0, 1.02), (0, 1.00), "It costs 2% more, and 1.02 times the clairvoyant minimum. rival does better here."),
        ((0, 1.00), (0, 1.00), "It costs the same, and 1.00 times the clairvoyant minimum. rival does as well here."),
        ((5, 1.20), (0, 1.10), "It costs 9% more, and 1.20 times the clairvoyant minimum. rival does better here."),
        ((0, 1.20), (5, 1.10), "It costs 9% more, and 1.20 times the clairvoyant minimum."),
        ((5, 1.00), (0, 1.25), "It costs 20% less, and 1.00 times the clairvoyant minimum."),
    ],
    ids=["dearer", "same", "worse", "safer", "cheaper"],
)
def test_where_a_rival_does_as_well_the_verdict_says_so(
    ours: tuple[int, float], theirs: tuple[int, float], end: str, report: BacktestReport
) -> None:
    def line(name: str, judged: tuple[int, float]) -> Line:
        first = report.lines[0]
        return replace(first, name=name, score=replace(first.score, violated_minutes=judged[0], cost=judged[1]))

    worst = line("worst", (90, 3.0))
    lines = (line("web", ours), worst, line("rival", theirs), *report.lines[-2:])

    assert verdict(replace(report, lines=lines)).endswith(end)


def test_a_smooth_service_is_missed_by_nobody() -> None:
    trace = replace(steps((2 * DAY, 7.0)), per_replica=0.5)

    assert verdict(backtest(policy(TARGET), trace, 60)).startswith("web would have missed nothing; ")


def test_the_page_holds_the_table_and_loads_nothing(report: BacktestReport) -> None:
    page = render(replace(report, policy="<web>"))

    assert "&lt;web&gt;" in page
    assert "<web>" not in page
    assert all(f"<td>{cell}</td>" in page for row in rows(report) for cell in row)
    assert all(len(row) == len(COLUMNS) for row in rows(report))
    # plotly names its home page in strings; nothing is fetched: no script, style or image has a source
    body = page.replace("</script>", "<script").split("<script")
    assert not [part for part in body if part.lstrip().startswith("src=")]
    assert "<link" not in page
    assert "<img" not in page.partition("</table>")[0]
