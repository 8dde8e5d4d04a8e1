"""What a preparation is about: what begins at the end of its interval, or what somebody asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError, PermanentError
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.leads import LeadTime
from springtide.events.notes import EventNote
from springtide.fleet.due import Due, due_now, due_preparation, due_sweep
from springtide.fleet.ports import FleetPorts
from support.fleet import Fleet
from unit.events.calendars import calendar

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
ASKED = {"name": "a", "start": "2026-11-11T10:00Z", "services": {"web": {"replicas": 3}}}


def ports(*events: dict[str, object]) -> FleetPorts:
    """Return a fleet of `web` and `db` at `NOW`, with these events in its calendar."""
    fleet = Fleet({"web": (), "db": ()})
    calendars = Calendars((ExpandedCalendar.of(calendar("UTC", *events), HERE, now=NOW),))
    return replace(fleet.fleet_ports(), clock=ManualClock(NOW), calendars=lambda: calendars)


def flash(starts: str = "2026-11-11T10:00") -> dict[str, object]:
    return {"name": "flash", "start": starts, "duration": "1h", "services": {"web": {"replicas": 9}}}


def due(asked: object = None, *, starts: str = "2026-11-11T10:00", backfill: bool = False) -> Due:
    return due_preparation(
        ports(flash(starts)),
        starts_at=NOW.replace(hour=10),
        planned_at=NOW,
        asked=asked,
        is_backfill=backfill,
    )


def test_a_run_is_about_what_begins_at_the_end_of_its_interval() -> None:
    assert [event.event for event in due().events] == ["flash"]
    assert due().services == ("web",)
    assert not due().is_simulated


def test_a_backfill_is_simulated_and_looks_at_nothing() -> None:
    assert due(backfill=True).is_simulated
    assert due(backfill=True).services == ()


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_form_asks_for_no_event_of_its_own(empty: object) -> None:
    assert [event.event for event in due(empty).events] == ["flash"]


def test_an_event_that_was_taken_out_is_told() -> None:
    with pytest.raises(PermanentError, match="no event of the calendars begins or lasts at 2026-11-11 10:00"):
        due(starts="2026-11-11T12:00")


@pytest.mark.parametrize(
    "asked",
    [
        "flash", [], 7, {"name": "flash"}, {"name": "Flash Sale", "start": "2026-11-11T10:00Z"},
        ASKED | {"end": "2026-11-11T09:00Z"}, ASKED | {"duration": "1h", "services": {"web": {"replicas": 0}}},
        ASKED | {"duration": "1h", "repeat": "FREQ=DAILY", "start": "2026-11-11T10:00"},
    ],
)  # fmt: skip
def test_an_event_in_a_runs_conf_is_judged_like_one_in_a_calendar(asked: object) -> None:
    with pytest.raises(InputError) as refused:
        due(asked)

    assert refused.value.code == "event_invalid"


def test_what_somebody_asked_for_has_an_owner_and_is_simulated_once_it_is_over() -> None:
    past = ASKED | {"start": "2026-11-11T07:00Z", "duration": "1h", "owner": "ada", "reason": "a launch"}

    assert (due(past).owner, due(past).reason, due(past).is_simulated) == ("ada", "a launch", True)


def test_a_sweep_is_about_every_service_that_has_a_policy() -> None:
    assert due_sweep(ports()).services == ("db", "web")
    assert due_sweep(ports(), is_simulated=True).services == ()


def test_it_is_kept_as_it_was() -> None:
    assert Due.from_record(due().to_record()) == due()


class TestWhatIsDueNow:
    def test_an_event_is_due_from_its_lead_on_until_its_end(self) -> None:
        assert self.names_at(minutes=29) == []
        assert self.names_at(minutes=30) == ["flash"]
        assert self.names_at(hours=2, seconds=-1) == ["flash"]  # late is still useful
        assert self.names_at(hours=2) == []

    def test_what_is_noted_was_prepared(self) -> None:
        fleet = ports(flash())
        (event,) = fleet.calendars().occurrences
        note = EventNote(service="web", occurrence=event, expected=2, before=None, owner="ada", reason="")
        with fleet.open_store() as store:
            store.keep_notes([note], now=NOW)

        assert self.names(fleet, minutes=30) == []

    def names_at(self, **ahead: float) -> list[str]:
        return self.names(ports(flash()), **ahead)

    def names(self, fleet: FleetPorts, **ahead: float) -> list[str]:
        later = replace(fleet, clock=ManualClock(NOW + timedelta(**ahead)))
        leads = {event.id: LeadTime(timedelta(minutes=30), "") for event in fleet.calendars().occurrences}
        return [event.event for event in due_now(later, leads)]
