"""What a rehearsal is of, how hard it presses, and how everything goes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.rehearsal import (
    LoadLimits,
    LoadOrder,
    ReleaseTarget,
    named_event,
    rehearsal_of,
    release_orders,
    steps_down,
    without_shrinking,
)
from springtide.events.waves import ServicePlan
from springtide.policy.calendar.model import ServiceRequest
from support.builders import policy
from unit.events.calendars import calendar
from unit.events.loads import EIGHT, NOW, order, ordered, rehearsable


class TestTheLoad:
    def test_it_is_the_forecast_peak_less_what_customers_send(self) -> None:
        load = order()

        assert (load.peak, load.present, load.rate, load.cut) == (300, 100, 200, "")
        assert (load.path, load.port, load.expect) == ("/buy", 81, 204)
        assert (load.seconds, load.ramp, load.most) == (60, 15, 100_000)
        assert (load.max_errors, load.p99_seconds) == (0.01, 1.0)

    def test_a_number_of_replicas_is_for_what_the_policy_plans_to_put_on_them(self) -> None:
        load = ordered(EIGHT)

        assert isinstance(load, LoadOrder)
        assert load.peak == pytest.approx(8 * 70)

    def test_the_most_cautious_model_says_what_one_replica_is_for(self) -> None:
        models = [
            {"model": "target_utilization", "per_replica": 100, "target": 0.7},
            {"model": "percentile", "per_replica": 60, "margin": "1.2x"},
        ]
        load = ordered(EIGHT, policy=rehearsable(*models))

        assert isinstance(load, LoadOrder)
        assert load.peak == pytest.approx(8 * 50)

    def test_without_such_a_model_it_is_what_is_on_one_now(self) -> None:
        load = ordered(EIGHT, policy=rehearsable({"model": "fixed", "replicas": 2}))

        assert isinstance(load, LoadOrder)
        assert load.peak == pytest.approx(8 * 100 / 2)

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
        load = ordered(wanted=wanted, policy=rehearsable(**rehearsal))

        assert isinstance(load, LoadOrder)
        assert (load.rate, load.cut) == (rate, cut)

    def test_it_lasts_the_shorter_of_both_times_and_no_longer_than_its_requests(self) -> None:
        longest = LoadLimits(max_rate=1000, seconds=600)
        shorter = rehearsable(duration="30s")
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
        refusal = ordered(**changes)

        assert isinstance(refusal, str)
        assert message in refusal


class TestWhatIsRehearsed:
    CALENDARS = Calendars(
        tuple(
            ExpandedCalendar.of(replaced, Path(), now=NOW)
            for replaced in (
                calendar("UTC", {"name": "flash", "start": "2026-11-12T10:00", "duration": "1h",
                                 "repeat": "FREQ=DAILY;COUNT=3", "services": {"web": {"multiply": "3x"}}}),
            )
        )
    )  # fmt: skip

    def test_the_next_occurrence_of_a_name(self) -> None:
        event = named_event(self.CALENDARS, "flash", NOW)

        assert event.start == datetime(2026, 11, 12, 10, tzinfo=UTC)
        assert named_event(self.CALENDARS, f"{event.calendar}.flash", NOW) == event

    def test_one_occurrence_by_its_id(self) -> None:
        last = self.CALENDARS.occurrences[-1]

        assert named_event(self.CALENDARS, last.id, NOW) == last

    def test_what_is_not_known_or_over_is_refused_with_what_is(self) -> None:
        with pytest.raises(InputError, match=r"flush' is not an upcoming event .*; there are: sales\.flash"):
            named_event(self.CALENDARS, "flush", NOW)
        with pytest.raises(InputError, match="there are: none"):
            named_event(self.CALENDARS, "flash", NOW + timedelta(days=9))

    def test_a_name_in_two_calendars_is_refused(self) -> None:
        view = self.CALENDARS.views[0]
        other = replace(
            view, occurrences=tuple(replace(occurrence, calendar="other") for occurrence in view.occurrences)
        )

        with pytest.raises(InputError, match=r"may be other\.flash, sales\.flash"):
            named_event(Calendars((view, other)), "flash", NOW)

    def test_it_asks_for_the_same_begins_now_and_expires(self) -> None:
        event = self.CALENDARS.occurrences[0]

        rehearsal = rehearsal_of(event, NOW, timedelta(minutes=30))

        assert (rehearsal.asks, rehearsal.start, rehearsal.end) == (event.asks, NOW, NOW + timedelta(minutes=30))
        assert (rehearsal.calendar, rehearsal.event, rehearsal.priority) == ("ad-hoc", "rehearsal-flash", 0)

    def test_the_name_of_an_event_with_a_long_one_is_one(self) -> None:
        event = replace(self.CALENDARS.occurrences[0], event="a" * 52 + "-" + "b" * 10)

        assert rehearsal_of(event, NOW, timedelta(minutes=30)).event == "rehearsal-" + "a" * 52


class TestThereAndBack:
    def test_a_rehearsal_makes_nothing_smaller(self) -> None:
        shrinks = ServicePlan(service="a", current=9, steps=(5,))
        grows = ServicePlan(service="b", current=2, steps=(4, 6))
        stays = ServicePlan(service="c", current=3, steps=(), after=(), reason="as it is")

        orders = without_shrinking([shrinks, grows, stays])

        assert [each.steps for each in orders] == [(), (4, 6), ()]
        assert orders[0].reason == "9 are more than the rehearsal asks for"

    def test_what_depends_on_others_goes_back_first(self) -> None:
        db = ReleaseTarget(service="db", before=2, current=4, floor=0, step_down=1.0)
        web = ReleaseTarget(service="web", before=2, current=6, floor=0, step_down=1.0, after=("db", "cache"))

        orders = release_orders([db, web])

        assert [(each.service, each.steps, each.after) for each in orders] == [
            ("db", (2,), ("web",)),
            ("web", (2,), ()),
        ]

    def test_what_other_events_hold_stays(self) -> None:
        (back,) = release_orders([ReleaseTarget(service="web", before=2, current=6, floor=5, step_down=1.0)])

        assert (back.steps, back.reason) == ((5,), "the rehearsal is over: what other events hold")

    def test_a_floor_goes_back_to_its_owners_minimum_at_once_and_stays_under_other_events(self) -> None:
        db = ReleaseTarget(service="db", before=2, current=9, floor=0, step_down=0.5, owner_minimum=2)
        web = ReleaseTarget(service="web", before=2, current=9, floor=6, step_down=0.5, owner_minimum=2, until=NOW)

        orders = release_orders([db, web])

        assert [(each.steps, each.gives_back, each.until) for each in orders] == [
            ((2,), True, None),
            ((6,), False, NOW),
        ]

    def test_what_somebody_made_smaller_meanwhile_is_left_alone(self) -> None:
        (back,) = release_orders([ReleaseTarget(service="web", before=3, current=2, floor=0, step_down=0.5)])

        assert back.steps == ()

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
