"""What a rehearsal is of, how hard it presses, what its verdict is, and what it teaches."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.capacity.rehearsed import MeasuredLoad
from springtide.errors import InputError
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.rehearsal import (
    LoadLimits,
    LoadOrder,
    ReleaseTarget,
    load_order,
    named_event,
    rehearsal_of,
    release_orders,
    steps_down,
    without_shrinking,
)
from springtide.events.rehearsed import (
    LoadFigures,
    RehearsalOutcome,
    RehearsalVerdict,
    figures_of,
    judged,
    measured_of,
)
from springtide.events.waves import ServicePlan
from springtide.load.recorder import LoadReport, Percentiles
from springtide.load.windows import LoadWindow
from springtide.policy.calendar.model import ServiceRequest
from springtide.policy.language.units import Factor
from support.builders import policy
from unit.events.calendars import calendar

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
THREEFOLD, EIGHT = ServiceRequest(multiply=Factor("3x")), ServiceRequest(replicas=8)


def rehearsable(*models: dict[str, Any], **rehearsal: Any) -> Any:
    """Return a policy that allows load, by default up to 1000 requests/s for two minutes."""
    return policy(
        demand={"source": "file", "path": "demand.csv", "unit": "requests/s"},
        capacity={"models": list(models) or [{"model": "target_utilization", "per_replica": 100, "target": 0.7}]},
        smoke=[{"promql": {"query": "x", "below": 1}}, {"http": {"path": "/buy", "port": 81, "expect": 204}}],
        rehearsal={"max_rate": 1000} | rehearsal,
    )


PRESSING = LoadLimits(max_rate=1000)


def ordered(ask: ServiceRequest = THREEFOLD, *, wanted: LoadLimits = PRESSING, **changes: Any) -> LoadOrder | str:
    """Return the order for a service with a demand of 100 requests/s that two replicas are expected for."""
    rehearsed = changes.pop("policy", None) or rehearsable()
    return load_order(rehearsed, ask, wanted, **({"replicas": 6, "demand": 100.0, "expected": 2} | changes))


def order(**changes: Any) -> LoadOrder:
    found = ordered()
    assert isinstance(found, LoadOrder)
    return replace(found, **changes)


class TestTheLoad:
    def test_it_is_the_forecast_peak_less_what_customers_send(self) -> None:
        found = order()

        assert (found.peak, found.present, found.rate, found.cut) == (300, 100, 200, "")
        assert (found.path, found.port, found.expect) == ("/buy", 81, 204)
        assert (found.seconds, found.ramp, found.most) == (60, 15, 100_000)
        assert (found.max_errors, found.p99_seconds) == (0.01, 1.0)

    def test_a_number_of_replicas_is_for_what_the_policy_plans_to_put_on_them(self) -> None:
        found = ordered(EIGHT)

        assert isinstance(found, LoadOrder)
        assert found.peak == pytest.approx(8 * 70)

    def test_the_most_cautious_model_says_what_one_replica_is_for(self) -> None:
        models = [
            {"model": "target_utilization", "per_replica": 100, "target": 0.7},
            {"model": "percentile", "per_replica": 60, "margin": "1.2x"},
        ]
        found = ordered(EIGHT, policy=rehearsable(*models))

        assert isinstance(found, LoadOrder)
        assert found.peak == pytest.approx(8 * 50)

    def test_without_such_a_model_it_is_what_is_on_one_now(self) -> None:
        found = ordered(EIGHT, policy=rehearsable({"model": "fixed", "replicas": 2}))

        assert isinstance(found, LoadOrder)
        assert found.peak == pytest.approx(8 * 100 / 2)

    @pytest.mark.parametrize(
        ("wanted", "rehearsal", "rate", "cut"),
        [
            (LoadLimits(max_rate=150), {}, 150, "max_rate of this rehearsal is 150 requests/s"),
            (LoadLimits(max_rate=1000), {"max_rate": 120}, 120, "rehearsal.max_rate of the policy is 120 requests/s"),
            (LoadLimits(max_rate=200), {"max_rate": 200}, 200, ""),
        ],
    )
    def test_it_is_cut_to_the_smaller_of_both_rates(
        self, wanted: LoadLimits, rehearsal: dict[str, Any], rate: float, cut: str
    ) -> None:
        found = ordered(wanted=wanted, policy=rehearsable(**rehearsal))

        assert isinstance(found, LoadOrder)
        assert (found.rate, found.cut) == (rate, cut)

    def test_it_lasts_the_shorter_of_both_times_and_no_longer_than_its_requests(self) -> None:
        longest, shorter = LoadLimits(max_rate=1000, seconds=600), rehearsable(duration="30s")
        assert order().seconds == 60
        assert ordered(wanted=longest).seconds == 120  # type: ignore[union-attr]
        assert ordered(policy=shorter).seconds == 30  # type: ignore[union-attr]

        few = ordered(policy=rehearsable(max_requests=3500))
        assert isinstance(few, LoadOrder)
        sent = few.rate * (few.seconds - few.ramp / 2)
        assert few.seconds == pytest.approx(20)
        assert sent == pytest.approx(3500)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"policy": policy()}, "the policy has no `rehearsal`"),
            ({"wanted": LoadLimits(load=False)}, "none was wanted"),
            ({"demand": None}, "its demand is not known"),
            (
                {"ask": EIGHT, "expected": None, "policy": rehearsable({"model": "fixed", "replicas": 2})},
                "nobody knows",
            ),
            ({"ask": ServiceRequest(replicas=1)}, "customers send 100 requests/s, the forecast peak is 70"),
            ({"policy": rehearsable(max_requests=1000)}, "use up rehearsal.max_requests 1000 in 5.7 s"),
        ],
    )  # fmt: skip
    def test_none_is_sent_where_none_may_or_can_be(self, changes: dict[str, Any], message: str) -> None:
        found = ordered(**changes)

        assert isinstance(found, str)
        assert message in found


class TestWhatIsRehearsed:
    ALMANAC = Calendars(
        tuple(
            ExpandedCalendar.of(replaced, Path(), now=NOW)
            for replaced in (
                calendar("UTC", {"name": "flash", "start": "2026-11-12T10:00", "duration": "1h",
                                 "repeat": "FREQ=DAILY;COUNT=3", "services": {"web": {"multiply": "3x"}}}),
            )
        )
    )  # fmt: skip

    def test_the_next_occurrence_of_a_name(self) -> None:
        found = named_event(self.ALMANAC, "flash", NOW)

        assert found.start == datetime(2026, 11, 12, 10, tzinfo=UTC)
        assert named_event(self.ALMANAC, f"{found.calendar}.flash", NOW) == found

    def test_one_occurrence_by_its_id(self) -> None:
        last = self.ALMANAC.occurrences[-1]

        assert named_event(self.ALMANAC, last.id, NOW) == last

    def test_what_is_not_known_or_over_is_refused_with_what_is(self) -> None:
        with pytest.raises(InputError, match=r"flush' is not an upcoming event .*; there are: sales\.flash"):
            named_event(self.ALMANAC, "flush", NOW)
        with pytest.raises(InputError, match="there are: none"):
            named_event(self.ALMANAC, "flash", NOW + timedelta(days=9))

    def test_a_name_in_two_calendars_is_refused(self) -> None:
        view = self.ALMANAC.views[0]
        other = replace(view, occurrences=tuple(replace(one, calendar="other") for one in view.occurrences))

        with pytest.raises(InputError, match=r"may be other\.flash, sales\.flash"):
            named_event(Calendars((view, other)), "flash", NOW)

    def test_it_asks_for_the_same_begins_now_and_expires(self) -> None:
        event = self.ALMANAC.occurrences[0]

        found = rehearsal_of(event, NOW, timedelta(minutes=30))

        assert (found.asks, found.start, found.end) == (event.asks, NOW, NOW + timedelta(minutes=30))
        assert (found.calendar, found.event, found.priority) == ("ad-hoc", "rehearsal-flash", 0)

    def test_the_name_of_an_event_with_a_long_one_is_one(self) -> None:
        event = replace(self.ALMANAC.occurrences[0], event="a" * 52 + "-" + "b" * 10)

        assert rehearsal_of(event, NOW, timedelta(minutes=30)).event == "rehearsal-" + "a" * 52


class TestThereAndBack:
    def test_a_rehearsal_makes_nothing_smaller(self) -> None:
        shrinks, grows, stays = (
            ServicePlan(service="a", current=9, steps=(5,)),
            ServicePlan(service="b", current=2, steps=(4, 6)),
            ServicePlan(service="c", current=3, steps=(), after=(), reason="as it is"),
        )

        found = without_shrinking([shrinks, grows, stays])

        assert [one.steps for one in found] == [(), (4, 6), ()]
        assert found[0].reason == "9 are more than the rehearsal asks for"

    def test_what_depends_on_others_goes_back_first(self) -> None:
        db, web = (
            ReleaseTarget(service="db", before=2, current=4, floor=0, step_down=1.0),
            ReleaseTarget(service="web", before=2, current=6, floor=0, step_down=1.0, after=("db", "cache")),
        )

        found = release_orders([db, web])

        assert [(one.service, one.steps, one.after) for one in found] == [("db", (2,), ("web",)), ("web", (2,), ())]

    def test_what_other_events_hold_stays(self) -> None:
        (found,) = release_orders([ReleaseTarget(service="web", before=2, current=6, floor=5, step_down=1.0)])

        assert (found.steps, found.reason) == ((5,), "the rehearsal is over: what other events hold")

    def test_a_floor_goes_back_to_its_owners_minimum_at_once_and_stays_under_other_events(self) -> None:
        db, web = (
            ReleaseTarget(service="db", before=2, current=9, floor=0, step_down=0.5, owner_minimum=2),
            ReleaseTarget(service="web", before=2, current=9, floor=6, step_down=0.5, owner_minimum=2, until=NOW),
        )

        found = release_orders([db, web])

        assert [(one.steps, one.gives_back, one.until) for one in found] == [((2,), True, None), ((6,), False, NOW)]

    def test_what_somebody_made_smaller_meanwhile_is_left_alone(self) -> None:
        (found,) = release_orders([ReleaseTarget(service="web", before=3, current=2, floor=0, step_down=0.5)])

        assert found.steps == ()

    @pytest.mark.parametrize(
        ("current", "target", "step_down", "steps"),
        [
            (12, 3, 0.5, (6, 3)), (12, 3, 1.0, (3,)), (3, 1, 0.1, (2, 1)), (4, 4, 0.5, ()), (2, 4, 0.5, ()),
            (6, 2, 0.0, (2,)), (2, 4, 0.0, ()),
        ],
    )  # fmt: skip
    def test_a_run_removes_no_more_than_it_may(
        self, current: int, target: int, step_down: float, steps: tuple[int, ...]
    ) -> None:
        assert steps_down(current, target, step_down) == steps


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
        found = judged(OUTCOME, order(), GOOD)

        assert found.verdict is RehearsalVerdict.HELD
        assert found.message == (
            "held: 6 replicas, 200 of 200 requests/s on top of 100, 0 of 10000 failed, p50 8 ms, p99 20 ms, "
            "50 requests/s a replica"
        )
        assert found.measured == MeasuredLoad(per_replica=50, replicas=6, is_limit=False, at=NOW)

    def test_answers_that_came_too_late_measure_a_limit(self) -> None:
        found = judged(OUTCOME, order(), LATE)

        assert found.verdict is RehearsalVerdict.WOULD_NOT_HOLD
        assert found.message == (
            "would not hold: stopped after 9 s, 900 requests: p99 was 1200 ms. One replica serves 35 requests/s: "
            "the peak needs 9 of them"
        )
        assert found.measured == MeasuredLoad(per_replica=35, replicas=6, is_limit=True, at=NOW)

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
        found = judged(OUTCOME, order(), replace(GOOD, **changes))

        assert (found.verdict, found.measured) == (RehearsalVerdict.WOULD_NOT_HOLD, None)
        assert message in found.message

    def test_late_answers_from_the_first_second_on_measure_nothing(self) -> None:
        assert judged(OUTCOME, order(), replace(LATE, sustained=None)).measured is None

    @pytest.mark.parametrize("achieved", [None, 189.0])
    def test_what_was_not_sent_proves_nothing(self, achieved: float | None) -> None:
        found = judged(OUTCOME, order(), replace(GOOD, achieved=achieved))

        assert (found.verdict, found.measured) == (RehearsalVerdict.NOT_PROVEN, None)
        assert "the generator had no time" in found.message

    def test_below_the_peak_it_is_not_proven_and_measured_all_the_same(self) -> None:
        found = judged(OUTCOME, order(rate=200, peak=900, cut="max_rate is 200"), GOOD)

        assert (found.verdict, found.measured) == (
            RehearsalVerdict.NOT_PROVEN,
            MeasuredLoad(per_replica=50, replicas=6, is_limit=False, at=NOW),
        )
        assert found.message.endswith("a replica; the peak is 900, but max_rate is 200")

    @pytest.mark.parametrize("figures", [GOOD, LATE, None])
    def test_it_comes_back_from_its_stored_form(self, figures: LoadFigures | None) -> None:
        found = OUTCOME if figures is None else judged(OUTCOME, order(), figures)

        assert RehearsalOutcome.from_record(json.loads(json.dumps(found.to_record()))) == found


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
        found = figures_of(report(*[window(10)] * 15, *[window(200)] * 45), order(), ready_before=6, ready_after=5)

        assert (found.achieved, found.sustained, found.ready_after) == (200, 200, 5)

    def test_what_was_sustained_is_the_best_second_within_the_limits(self) -> None:
        seconds = [window(40), window(80), window(120), window(150, latency=1.1)]

        found = figures_of(report(*seconds), order(), ready_before=6, ready_after=6)

        assert (found.achieved, found.sustained) == (None, 120)

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
        found = measured_of([self.outcome(days, per, is_limit=limit) for days, per, limit in outcomes], NOW)
        return None if found is None else (found.per_replica, found.is_limit)

    def test_the_newest_limit_counts(self) -> None:
        assert self.learned((1, 40, True), (2, 30, True)) == (40, True)

    def test_a_newer_rehearsal_that_held_as_much_disproves_it(self) -> None:
        assert self.learned((1, 45, False), (2, 40, True)) == (45, False)

    def test_a_newer_one_that_tried_less_does_not(self) -> None:
        assert self.learned((1, 20, False), (2, 40, True)) == (40, True)

    def test_nothing_is_learned_from_nothing_from_the_old_or_from_what_is_to_come(self) -> None:
        assert measured_of([OUTCOME], NOW) is None
        assert self.learned((91, 40, True), (-1, 30, True)) is None
