"""A run as values: its sentence by how it ended, when it may end, its chart, and the same as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.overview.run_chart import chart_of
from springtide.overview.run_view import RunView
from springtide.overview.run_words import run_markdown, run_text
from springtide.overview.runs import expected_end, view_of
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.moments import PodCounts, RunMoment
from unit.record.run_builders import NOON, PLAN, VERDICT, a_run, an_ended_run, at

WHY = {"code": "smoke_failed", "field": None, "message": "0 of 10 answered 200"}


def ended(outcome: RunOutcome, **values: Any) -> ScalingRun:
    plan = {"plan": PLAN | {"current": 4}} if values.pop("has_plan", True) else {}
    return an_ended_run(outcome, **(plan | values))


def phase(name: str, begin: float, end: float | None, message: str = "") -> PhaseRecord:
    return PhaseRecord(
        phase=name,
        status=PhaseStatus.RUNNING if end is None else PhaseStatus.SUCCEEDED,
        started_at=at(begin),
        ended_at=None if end is None else at(end),
        message=message,
    )


def view(run: ScalingRun, *moments: RunMoment, durations: tuple[float, ...] = ()) -> RunView:
    return view_of(run, moments, lease=None, durations=durations, now=NOON + timedelta(seconds=30))


COURSE = (
    RunMoment(at=at(1), counts=PodCounts(stable=4, new=0, stable_serving=4, new_serving=0)),
    RunMoment(at=at(5), write="switch <b>to</b> the new set"),
    RunMoment(at=at(6), counts=PodCounts(stable=4, new=6, stable_serving=0, new_serving=6)),
)


class TestSentence:
    """What was done, how it ended, why, and what serves."""

    def test_of_a_run_that_succeeded(self) -> None:
        run = replace(ended(RunOutcome.SUCCEEDED), phases=(phase("instances_removed", 1, 2, "exactly 6 pods serve"),))

        assert view(run).headline.startswith("checkout 4 → 6, done after ")
        assert view(run).headline.endswith(": exactly 6 pods serve.")

    def test_of_one_that_was_rolled_back(self) -> None:
        back = phase("roll_back", 3, 4, "Deployment checkout serves as before")
        run = replace(ended(RunOutcome.ROLLED_BACK, error=WHY), phases=(phase("create_instances", 1, 2), back))

        assert "rolled back after" in view(run).headline
        assert view(run).headline.endswith("0 of 10 answered 200. Deployment checkout serves as before.")
        assert view(run).tone == "warn"

    def test_of_one_that_was_refused(self) -> None:
        refused = view(ended(RunOutcome.FAILED, error=WHY, has_plan=False))

        assert refused.headline == "checkout, refused: 0 of 10 answered 200."
        assert (refused.is_refused, refused.outcome_words, chart_of(refused)) == (True, "refused", None)

    def test_of_one_that_failed_half_way(self) -> None:
        run = replace(ended(RunOutcome.FAILED, error=WHY), phases=(phase("create_instances", 1, 2),))

        assert ", failed after " in view(run).headline
        assert not view(run).is_refused

    def test_of_one_that_needs_a_person_with_what_to_do(self) -> None:
        run = replace(ended(RunOutcome.NEEDS_ATTENTION, error=WHY), phases=(phase("create_instances", 1, 2),))

        assert view(run).headline.endswith("Both sets of pods may be up.")
        assert "`springtide roll-back checkout`" in view(run).what_to_do

    @pytest.mark.parametrize(("outcome", "is_dry"), [(RunOutcome.SUCCEEDED, True), (RunOutcome.PLANNED_ONLY, False)])
    def test_of_one_that_only_planned(self, outcome: RunOutcome, is_dry: bool) -> None:  # noqa: FBT001  pytest calls it
        planned = view(ended(outcome, dry_run=is_dry))

        assert "checkout 4 → 6: only planned, nothing was changed." in planned.headline
        assert planned.outcome_words == "planned only"

    def test_of_one_that_goes_on(self) -> None:
        run = a_run(plan=PLAN | {"current": 4}, phases=(phase("instances_ready", 2, None),))

        assert view(run).headline == "checkout 4 → 6: ready is under way."
        assert view(run).is_live


class TestEnd:
    """When a run that goes on may end, by those before it."""

    @pytest.mark.parametrize(
        ("durations", "took", "left", "words"),
        [
            ((), 5, None, "nobody knows yet"),
            ((10, 20), 5, None, "nobody knows yet"),
            ((10, 20, 30), 5, 15, "ends in about 15 s; 95 % of 3 runs took at most 30 s"),
            ((10, 20, 30), 25, 5, "ends in at most 5 s"),
            ((10, 20, 30), 31, None, "takes longer than 95 % of 3 runs, which took at most 30 s"),
        ],
    )
    def test_is_what_half_of_the_runs_took_then_what_nearly_all_did(
        self, durations: tuple[float, ...], took: float, left: float | None, words: str
    ) -> None:
        seconds, told = expected_end(durations, took)

        assert seconds == left
        assert told.startswith(words)


class TestChart:
    """Both sets stacked, who has traffic, phases, smoke results and writes, over the seconds of the run."""

    def test_holds_what_the_run_saw_up_to_its_last_second(self) -> None:
        run = a_run(phases=(phase("create_instances", 0, 5), phase("switch_endpoints", 5, None)))

        chart = chart_of(view(run, *COURSE))

        assert chart is not None
        stable, new, *_ = chart["data"]
        assert (stable["x"], stable["y"], new["y"]) == ([1.0, 6.0, 30.0], [4, 4, 4], [0, 6, 6])
        assert [(shape["x0"], shape["x1"]) for shape in chart["layout"]["shapes"]] == [(0.0, 5.0), (5.0, 30.0)]
        assert [name["text"] for name in chart["layout"]["annotations"]] == ["Create", "Switch"]

    def test_foreign_words_are_no_markup_of_plotly(self) -> None:
        chart = chart_of(view(a_run(), *COURSE))

        assert chart is not None
        (writes,) = [trace for trace in chart["data"] if trace["name"] == "writes"]
        assert writes["text"] == ["switch &lt;b&gt;to&lt;/b&gt; the new set"]

    def test_smoke_results_stand_where_the_test_ended(self) -> None:
        run = a_run(verdict=VERDICT, phases=(phase("smoke_test", 6, 9),))

        chart = chart_of(view(run, *COURSE))

        assert chart is not None
        (dots,) = [trace for trace in chart["data"] if trace["name"] == "smoke checks"]
        assert (dots["x"], dots["marker"]["color"]) == ([9.0, 9.0], ["--good", "--bad"])


class TestWords:
    """One content, as plain lines and as Markdown."""

    def test_both_hold_the_sentence_who_asked_and_what_each_phase_found(self) -> None:
        run = replace(ended(RunOutcome.SUCCEEDED), phases=(phase("instances_removed", 1, 2, "exactly 6 pods serve"),))

        for text in (run_text(view(run)), run_markdown(view(run))):
            assert "checkout 4 → 6, done after" in text
            assert "singles day" in text
            assert "replicas.max is 6" in text
            assert "exactly 6 pods serve" in text

    def test_markdown_reads_nothing_that_people_wrote_as_markup(self) -> None:
        run = ended(RunOutcome.SUCCEEDED, reason="a `b` | [c](javascript:d)\n# e", requested_by="``x``")

        text = run_markdown(view(run))

        assert "- reason: ``a `b` \N{BROKEN BAR} [c](javascript:d) # e``" in text
        assert "- asked for by: ``` ``x`` (manual) ```" in text
