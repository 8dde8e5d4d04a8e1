"""A range of advice beside what ran: minutes, pod-hours, cost and changes; every doubt in the favour of what ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from springtide.backtest.advice import AdviceInputs, AdviceReport, compared
from springtide.backtest.advice_page import render_advice
from springtide.backtest.advice_words import COLUMNS, day_rows, notes, record_of, rows, verdict
from springtide.backtest.trace import Trace
from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.plan.recent import SweepDecision
from unit.backtest.histories import steps

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def sweeps(
    *told: tuple[int, int], every: timedelta = QUARTER, before: int | None = None, **values: Any
) -> list[SweepDecision]:
    """Return one sweep for each (replicas that ran and served, planned), one every quarter of an hour from noon on."""
    planned = [told[0][1] if before is None else before, *(number for _, number in told)]
    return [
        replace(
            SweepDecision(
                policy="checkout",
                at=NOON + number * every,
                before=planned[number],
                planned=planned[number + 1],
                observed=ran,
                ready=ran,
                advises=True,
            ),
            **values,
        )
        for number, (ran, _) in enumerate(told)
    ]


def demand(*levels: tuple[int, float]) -> Trace:
    """Return demand in pods, (minutes, pods) after each other from noon on."""
    return replace(steps(*levels), start=NOON.timestamp())


def report(trace: Trace, decisions: Sequence[SweepDecision], **values: Any) -> AdviceReport:
    given = AdviceInputs(policy="checkout", trace=trace, decisions=decisions, served=None, startup_seconds=60)
    return compared(replace(given, **values))


def served(*levels: tuple[int, int]) -> DemandSeries:
    """Return what metrics kept of the replicas that served, a sample a minute."""
    values = np.concatenate([np.full(minutes, pods, np.float64) for minutes, pods in levels])
    times = NOON.timestamp() + 60 * np.arange(len(values), dtype=np.float64)
    return DemandSeries(times=times, values=values, unit="replicas", source="kube-state-metrics")


class TestMinutesAndPods:
    def test_both_are_judged_by_the_same_demand(self) -> None:
        found = report(demand((60, 4.5)), sweeps(*[(4, 5)] * 4), pod_hour=0.5)

        assert (found.theirs.violated_minutes, found.theirs.pod_hours, found.theirs.cost) == (60, 4.0, 2.0)
        assert (found.ours.violated_minutes, found.ours.pod_hours, found.ours.cost) == (0, 5.0, 2.5)
        assert (found.judged, found.left_out, found.sweeps) == (60, 0, 4)

    @pytest.mark.parametrize(("startup", "violated"), [(30, 1), (60, 2), (90, 2), (91, 3)])
    def test_pods_that_are_asked_for_serve_when_their_run_and_their_start_are_over(
        self, startup: float, violated: int
    ) -> None:
        found = report(demand((15, 2), (45, 6)), sweeps((6, 2), (6, 6), (6, 6), (6, 6)), startup_seconds=startup)

        assert found.ours.violated_minutes == violated

    def test_pods_that_are_given_back_are_gone_at_once(self) -> None:
        found = report(demand((60, 6)), sweeps((6, 6), (6, 2), (6, 6), (6, 6)))

        assert found.ours.violated_minutes == 15 + 2

    def test_a_minimum_counts_where_it_is_above_what_ran(self) -> None:
        found = report(demand((60, 5)), sweeps((8, 3), (8, 3), (4, 6), (4, 6), is_floor=True))

        assert found.is_floor
        assert found.ours.pod_hours == (8 * 15 + 6 * 45) / 60
        assert (found.theirs.violated_minutes, found.ours.violated_minutes) == (30, 2)

    def test_changes_are_those_of_each(self) -> None:
        found = report(demand((60, 1)), sweeps((4, 5), (6, 5), (6, 5), (4, 7), before=3))

        assert (found.theirs.changes, found.ours.changes) == (2, 2)


class TestWhatIsKnownOfWhatRan:
    def test_a_pod_serves_from_when_it_became_ready(self) -> None:
        first, second = sweeps((4, 5), (6, 5))
        found = report(demand((30, 5)), [first, replace(second, lately_ready=(299.0, 301.0))])

        assert found.theirs.violated_minutes == 9  # both were ready before the end of the tenth minute

    def test_until_a_sweep_misses_it(self) -> None:
        first, second = sweeps((6, 5), (5, 5))
        found = report(demand((30, 6)), [first, replace(second, lately_ready=(10.0,))])

        assert found.theirs.violated_minutes == 15

    def test_between_two_sweeps_what_nobody_saw_come_was_there_and_the_mean_is_paid(self) -> None:
        found = report(demand((60, 5)), sweeps((4, 5), (6, 5), (4, 5), (4, 5)))

        assert found.is_sampled
        assert found.theirs.violated_minutes == 30
        assert found.theirs.pod_hours == (5 * 15 + 5 * 15 + 4 * 30) / 60

    def test_metrics_go_before_what_the_sweeps_saw(self) -> None:
        found = report(demand((60, 5)), sweeps(*[(9, 5)] * 4), served=served((20, 5), (40, 4)))

        assert not found.is_sampled
        assert (found.theirs.violated_minutes, found.theirs.changes) == (40, 1)
        assert found.theirs.pod_hours == pytest.approx((20 * 5 + 40 * 4) / 60, abs=0.1)

    def test_minutes_that_nobody_looked_at_are_left_out_of_both(self) -> None:
        decisions = [*sweeps(*[(4, 4)] * 4), *(replace(each, at=each.at + 3 * 16 * QUARTER) for each in sweeps((4, 4)))]
        found = report(demand((13 * 60, 5)), decisions)

        assert found.left_out == 13 * 60 - found.judged
        assert found.judged == found.theirs.violated_minutes == found.ours.violated_minutes
        assert 60 <= found.judged <= 3 * 60 + 15

    def test_a_sweep_an_hour_leaves_nothing_out(self) -> None:
        found = report(demand((4 * 60, 5)), sweeps(*[(4, 6)] * 4, every=timedelta(hours=1)))

        assert found.left_out == 0

    @pytest.mark.parametrize(
        ("decisions", "why"), [([], "no sweep advised it"), (sweeps((4, 4), ready=None, observed=None), "nobody knows")]
    )
    def test_without_both_there_is_nothing_to_compare(self, decisions: list[SweepDecision], why: str) -> None:
        with pytest.raises(DemandUnusable, match=why) as caught:
            report(demand((60, 5)), decisions)

        assert caught.value.code == "advice_missing"


@pytest.fixture
def week() -> AdviceReport:
    """Return two days and a half: an autoscaler that is late every morning, and a plan that is not."""
    day = ((8 * 60, 2.0), (8 * 60, 8.0), (8 * 60, 2.0))
    ran = [3] * 35 + [9] * 33 + [3] * 28
    planned = [3] * 31 + [9] * 33 + [3] * 32
    told = list(zip(ran, planned, strict=True))
    return report(demand(*(day * 2), *day[:1], (4 * 60, 8.0)), sweeps(*(told * 3)[: 60 * 4]), pod_hour=0.05)


class TestForAManager:
    def test_the_verdict_is_two_sentences(self, week: AdviceReport) -> None:
        theirs = week.theirs
        assert theirs.violated_minutes > 0
        assert week.ours.violated_minutes == 0
        assert verdict(week) == (
            f"checkout had too few pods in {theirs.violated_minutes} minutes; with springtide it would have had too "
            f"few in no minute. It used {theirs.pod_hours:,.0f} pod-hours; springtide would have used "
            f"{week.ours.pod_hours:,.0f}, {week.ours.pod_hours / theirs.pod_hours - 1:.0%} more: {week.ours.cost:,.2f} "
            f"instead of {theirs.cost:,.2f}."
        )

    def test_the_tables_say_the_same(self, week: AdviceReport) -> None:
        assert [len(row) for row in rows(week)] == [len(COLUMNS)] * 2
        assert [row[0] for row in rows(week)] == ["as it is", "with springtide"]
        assert len(day_rows(week)) == len(week.days) == 3
        assert sum(each.theirs[0] for each in week.days) == week.theirs.violated_minutes
        assert sum(each.ours[1] for each in week.days) == pytest.approx(week.ours.pod_hours)

    def test_programs_get_the_same_figures(self, week: AdviceReport) -> None:
        record = record_of(week)

        assert record["verdict"] == verdict(week)
        assert record["as_it_is"]["violated_minutes"] == week.theirs.violated_minutes
        assert record["with_springtide"]["cost"] == week.ours.cost
        assert len(record["days"]) == 3

    def test_what_is_assumed_is_told(self, week: AdviceReport) -> None:
        told = " ".join(notes(replace(week, is_floor=True, left_out=7)))

        for words in ("wrote nothing to the cluster", "larger of that minimum", "not seen", "7 of 3,607 minutes"):
            assert words in told
        assert "--cost-per-pod-hour" not in told
        assert "less than a day" not in told

    def test_a_short_range_and_a_missing_cost_are_told(self) -> None:
        short = report(demand((60, 4.5)), sweeps(*[(4, 5)] * 4))
        told = " ".join(notes(short))

        assert "let it run for a week" in told
        assert "--cost-per-pod-hour" in told
        assert rows(short)[0][3] == ""
        assert verdict(short).endswith("springtide would have used 5, 25% more.")

    def test_the_page_works_offline_and_shows_what_others_wrote_as_text(self, week: AdviceReport) -> None:
        page = render_advice([week, replace(week, policy="<b>search</b>")], ["mail: <i>no demand</i>"])

        assert page.startswith("<!doctype html>")
        assert verdict(week) in page
        assert "&lt;b&gt;search&lt;/b&gt;" in page
        assert "mail: &lt;i&gt;no demand&lt;/i&gt;" in page
        assert not [part for part in page.split("<script")[1:] if part.lstrip().startswith("src=")]
