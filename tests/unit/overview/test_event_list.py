"""The list of events: those of calendars and those that were added, and what is said of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import InputError
from springtide.events.ad_hoc import ad_hoc_event
from springtide.events.notes import EventNote
from springtide.overview.added_events import added_event
from springtide.overview.event_adding import event_to_add
from springtide.overview.event_surroundings import AddedEvent, AirflowSight
from springtide.overview.event_views import aftermath_of, events_overview
from springtide.overview.events import EventOrigin, EventState
from springtide.plan.recent import SweepDecision
from support.builders import NOW
from support.event_scene import ALL_ON, START, EventScene, sale, sales, web_policy

LAUNCH = {
    "name": "launch",
    "start": "2026-11-11T10:00:00Z",
    "end": "2026-11-11T11:00:00Z",
    "services": {"web": {"replicas": 9}},
    "owner": "ada",
    "reason": "television",
}


def queued(state: str = "queued") -> AddedEvent:
    found = added_event("event__launch__20261111T100000Z", state, NOW + timedelta(hours=9), {"event": LAUNCH})
    assert found is not None
    return found


def test_added_events_stand_beside_those_of_calendars_with_their_run_and_who_asked() -> None:
    overview = events_overview(EventScene(airflow=replace(ALL_ON, added=(queued(),))).around)

    launch, of_calendar = overview.rows
    assert (launch.event, launch.origin, launch.owner, launch.reason) == (
        "launch",
        EventOrigin.ADDED,
        "ada",
        "television",
    )
    assert launch.run_id == "event__launch__20261111T100000Z"
    assert (launch.prepared_at, launch.lead_reason) == (NOW + timedelta(hours=9), "as it was asked for")
    assert (of_calendar.id, of_calendar.origin) == ("sales.sale.20261112T120000Z", EventOrigin.CALENDAR)
    assert (overview.left_out, overview.warnings) == ((), ())


def test_where_airflow_was_not_asked_it_is_said_and_noted_events_stand_all_the_same() -> None:
    scene = EventScene(airflow=AirflowSight())
    event = ad_hoc_event(LAUNCH).occurrence
    note = EventNote(service="web", occurrence=event, expected=2, before=None, owner="ada", reason="television")
    scene.store.keep_notes([note], now=NOW)

    overview = events_overview(scene.around)

    assert [row.event for row in overview.rows] == ["launch", "sale"]
    assert overview.left_out == ("events that were added by hand: Airflow was not asked",)
    assert overview.warnings == (
        "whether adjust_capacity is on, and gives anything back, is not known: Airflow was not asked",
    )


def test_a_paused_sweep_is_said_of_each_event_that_it_would_give_back() -> None:
    assert ALL_ON.paused is not None
    airflow = replace(ALL_ON, paused={**ALL_ON.paused, "adjust_capacity": True})

    overview = events_overview(EventScene(airflow=airflow).around)

    assert overview.warnings == ("sales.sale: adjust_capacity is paused: nobody will give back web at all",)


@pytest.mark.parametrize(
    ("hours", "state"),
    [
        (-30, EventState.AHEAD),
        (-0.5, EventState.DUE),
        (0.5, EventState.GOING_ON),
    ],
)
def test_how_far_an_event_is(hours: float, state: EventState) -> None:
    (row,) = events_overview(EventScene(now=START + timedelta(hours=hours)).around).rows

    assert row.state is state


def test_freezes_are_told_with_their_calendar() -> None:
    freeze = {"name": "audit", "reason": "auditors", "start": f"{START:%Y-%m-%dT%H:%M}", "duration": "3d"}

    (row,) = events_overview(EventScene(calendars=(sales(freezes=[freeze]),)).around).freezes

    assert (row.name, row.calendar, row.reason, row.start) == ("audit", "sales", "auditors", START)


class TestAdding:
    def test_what_can_be_given_is_queued_a_lead_before_its_start(self) -> None:
        added = event_to_add(EventScene().around, LAUNCH | {"lead": "45m"})

        assert (added.run_id, added.due) == ("event__launch__20261111T100000Z", NOW + timedelta(hours=9, minutes=15))
        assert (added.is_late, added.told) == (False, ())

    @pytest.mark.parametrize(
        ("scene", "message"),
        [
            (
                EventScene(policies={"web": web_policy(replicas={"min": 2, "max": 8})}),
                "web: asks for 9, replicas.max is 8, so it gets 8. Raise replicas.max to 9, or ask for at most 8.",
            ),
            (EventScene(calendars=(sales(cap={"pods": 5}),)), "5 of the cap of 5 pods are left, 9 are asked for"),
            (EventScene(policies={"mail": web_policy("mail")}), "web: there is no policy of this name"),
        ],
    )
    def test_what_cannot_be_given_is_refused_with_both_numbers_and_what_to_do(
        self, scene: EventScene, message: str
    ) -> None:
        with pytest.raises(InputError) as refused:
            event_to_add(scene.around, LAUNCH)

        assert message in refused.value.message
        assert (refused.value.code, refused.value.field) == ("event_impossible", "services.web")

    def test_a_paused_sweep_is_told_and_refuses_nothing(self) -> None:
        assert ALL_ON.paused is not None
        airflow = replace(ALL_ON, paused={**ALL_ON.paused, "adjust_capacity": True})

        added = event_to_add(EventScene(airflow=airflow).around, LAUNCH | {"lead": "45m"})

        assert added.told == ("adjust_capacity is paused: nobody will give back web at all",)

    def test_a_lead_that_is_longer_than_the_notice_is_due_now(self) -> None:
        added = event_to_add(EventScene().around, LAUNCH | {"lead": "11h"})

        assert (added.due, added.is_late) == (NOW, True)

    def test_what_is_over_is_refused(self) -> None:
        with pytest.raises(InputError, match="is over already"):
            event_to_add(EventScene(now=START).around, LAUNCH)


class TestAfterwards:
    def decided(self, *answers: int, planned: int = 12) -> EventScene:
        """Return a scene after the sale, with a decision each quarter of an hour, the first of them before it."""
        scene = EventScene(
            now=START + timedelta(hours=3), calendars=(sales(sale(services={"web": {"multiply": "4x"}})),)
        )
        first = START - timedelta(minutes=15)
        decisions = [
            SweepDecision(
                policy="web",
                at=first + number * timedelta(minutes=15),
                before=planned,
                planned=planned,
                answer=answer,
                observed=planned,
            )
            for number, answer in enumerate(answers)
        ]
        scene.store.save_decisions(decisions, now=scene.now)
        return scene

    def test_it_says_what_was_asked_prepared_needed_and_what_to_ask_for_the_next_time(self) -> None:
        (web,) = aftermath_of(self.decided(3, 8, 14, 6).around, "sale").services

        assert (web.asked, web.prepared, web.needed, web.violated_minutes, web.next_time) == ("4x", 12, 14, 15, "4.7x")
        assert web.pod_hours_wasted == pytest.approx(1 + 6 * 1)  # 4 for 15 minutes; 6 for the hour that is counted

    def test_what_nobody_recorded_is_not_known_and_says_so(self) -> None:
        (web,) = aftermath_of(EventScene(now=START + timedelta(hours=3)).around, "sale").services

        assert (web.prepared, web.needed, web.violated_minutes) == (None, None, None)
        assert "no decision of that time is kept" in web.problem

    def test_an_event_that_is_not_over_has_no_aftermath(self) -> None:
        with pytest.raises(InputError, match="no event called 'sale' is over"):
            aftermath_of(EventScene().around, "sale")
