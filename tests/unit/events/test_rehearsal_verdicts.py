"""What the figures of a rehearsal's load are, what its verdict is, and what it teaches."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.capacity.rehearsed import MeasuredLoad
from springtide.events.rehearsed import LoadFigures, RehearsalOutcome, RehearsalVerdict, figures_of, judged, measured_of
from springtide.load.recorder import LoadReport, Percentiles
from springtide.load.windows import LoadWindow
from unit.events.loads import NOW, order

GOOD = LoadFigures(
    ready_before=6,
    ready_after=6,
    requests=10_000,
    failed=0,
    seconds=60.0,
    achieved=200.0,
    sustained=200.0,
    p50=8.0,
    p99=20.0,
)
LATE = LoadFigures(
    ready_before=6,
    ready_after=6,
    requests=900,
    failed=0,
    seconds=9.0,
    achieved=None,
    sustained=110.0,
    p50=8.0,
    p99=900.0,
    stopped="p99 was 1200 ms",
    is_late=True,
)
OUTCOME = RehearsalOutcome(
    run_id="r1", policy="web", event="sales.flash", at=NOW, verdict=RehearsalVerdict.NOT_TESTED, message=""
)


class TestTheVerdict:
    def test_it_held(self) -> None:
        outcome = judged(OUTCOME, order(), GOOD)

        assert outcome.verdict is RehearsalVerdict.HELD
        assert outcome.message == (
            "held: 6 replicas, 200 of 200 requests/s on top of 100, 0 of 10000 failed, p50 8 ms, p99 20 ms, "
            "50 requests/s a replica"
        )
        assert outcome.measured == MeasuredLoad(per_replica=50, replicas=6, is_limit=False, at=NOW)

    def test_answers_that_came_too_late_measure_a_limit(self) -> None:
        outcome = judged(OUTCOME, order(), LATE)

        assert outcome.verdict is RehearsalVerdict.WOULD_NOT_HOLD
        assert outcome.message == (
            "would not hold: stopped after 9 s, 900 requests: p99 was 1200 ms. One replica serves 35 requests/s: "
            "the peak needs 9 of them"
        )
        assert outcome.measured == MeasuredLoad(per_replica=35, replicas=6, is_limit=True, at=NOW)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"stopped": "5 of 5 failed", "errors": {"status 500": 5}}, "5 of 5 failed (5 times status 500)"),
            ({"ready_before": 5}, "5 of 6 replicas were ready, so nothing was sent"),
            ({"ready_after": 4}, "4 of 6 replicas were ready after the load"),
            ({"failed": 101}, "101 of 10000 requests failed"),
            ({"p99": 1001.0}, "p99 was 1001 ms, more than 1000 ms"),
        ],
    )  # fmt: skip
    def test_whatever_else_breaks_measures_nothing(self, changes: dict[str, Any], message: str) -> None:
        outcome = judged(OUTCOME, order(), replace(GOOD, **changes))

        assert (outcome.verdict, outcome.measured) == (RehearsalVerdict.WOULD_NOT_HOLD, None)
        assert message in outcome.message

    def test_late_answers_from_the_first_second_on_measure_nothing(self) -> None:
        assert judged(OUTCOME, order(), replace(LATE, sustained=None)).measured is None

    @pytest.mark.parametrize("achieved", [None, 189.0])
    def test_what_was_not_sent_proves_nothing(self, achieved: float | None) -> None:
        outcome = judged(OUTCOME, order(), replace(GOOD, achieved=achieved))

        assert (outcome.verdict, outcome.measured) == (RehearsalVerdict.NOT_PROVEN, None)
        assert "the generator had no time" in outcome.message

    def test_below_the_peak_it_is_not_proven_and_measured_all_the_same(self) -> None:
        outcome = judged(OUTCOME, order(rate=200, peak=900, cut="max_rate is 200"), GOOD)

        assert (outcome.verdict, outcome.measured) == (
            RehearsalVerdict.NOT_PROVEN,
            MeasuredLoad(per_replica=50, replicas=6, is_limit=False, at=NOW),
        )
        assert outcome.message.endswith("a replica; the peak is 900, but max_rate is 200")

    @pytest.mark.parametrize("figures", [GOOD, LATE, None])
    def test_it_comes_back_from_its_stored_form(self, figures: LoadFigures | None) -> None:
        outcome = OUTCOME if figures is None else judged(OUTCOME, order(), figures)

        assert RehearsalOutcome.from_record(json.loads(json.dumps(outcome.to_record()))) == outcome


def report(*seconds: LoadWindow, **changes: Any) -> LoadReport:
    """Return the report of a load of whole seconds."""
    sent: dict[str, Any] = {
        "url": "", "keepalive": False, "started_at": NOW, "rate_asked": 200.0, "rate_achieved": 200.0,
        "seconds": float(len(seconds)), "requests": 1, "failed": 0, "resent": 0, "errors": {}, "first_error": None,
        "last_error": None, "longest_gap": 0.0, "latency_ms": Percentiles(1, 2, 3), "lateness_ms": Percentiles(0, 0, 0),
        "answers": {}, "answered": {}, "failures": (), "windows": seconds,
    }  # fmt: skip
    return LoadReport(**(sent | changes))


def window(good: int, latency: float = 0.01) -> LoadWindow:
    return LoadWindow(good, 0, array("d", [latency] * good))


class TestTheFigures:
    def test_the_rate_counts_from_the_end_of_the_ramp(self) -> None:
        figures = figures_of(report(*[window(10)] * 15, *[window(200)] * 45), order(), ready_before=6, ready_after=5)

        assert (figures.achieved, figures.sustained, figures.ready_after) == (200, 200, 5)

    def test_what_was_sustained_is_the_best_second_within_the_limits(self) -> None:
        seconds = [window(40), window(80), window(120), window(150, latency=1.1)]

        figures = figures_of(report(*seconds), order(), ready_before=6, ready_after=6)

        assert (figures.achieved, figures.sustained) == (None, 120)

    def test_two_good_seconds_are_too_few(self) -> None:
        seconds = [window(40), window(80), window(150, latency=1.1)]

        assert figures_of(report(*seconds), order(), ready_before=6, ready_after=6).sustained is None


class TestWhatIsLearned:
    @staticmethod
    def outcome(days: int, per_replica: float, *, is_limit: bool) -> RehearsalOutcome:
        at = NOW - timedelta(days=days)
        return replace(
            OUTCOME, at=at, measured=MeasuredLoad(per_replica=per_replica, replicas=6, is_limit=is_limit, at=at)
        )

    def learned(self, *outcomes: tuple[int, float, bool]) -> tuple[float, bool] | None:
        load = measured_of([self.outcome(days, per, is_limit=limit) for days, per, limit in outcomes], NOW)
        return None if load is None else (load.per_replica, load.is_limit)

    def test_the_newest_limit_counts(self) -> None:
        assert self.learned((1, 40, True), (2, 30, True)) == (40, True)

    def test_a_newer_rehearsal_that_held_as_much_disproves_it(self) -> None:
        assert self.learned((1, 45, False), (2, 40, True)) == (45, False)

    def test_a_newer_one_that_tried_less_does_not(self) -> None:
        assert self.learned((1, 20, False), (2, 40, True)) == (40, True)

    def test_nothing_is_learned_from_nothing_from_the_old_or_from_what_is_to_come(self) -> None:
        assert measured_of([OUTCOME], NOW) is None
        assert self.learned((91, 40, True), (-1, 30, True)) is None
