"""When Airflow is told to prepare events: by edits, late starts, backfills and broken calendars."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction

from springtide.clock import ManualClock
from springtide_airflow import settings
from springtide_airflow.timetables import CalendarTimetable, EventStart, tell_late

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
EVENT = (
    "    - {{name: {name}, start: {start}, duration: {lasts}, lead: {lead}, services: {{checkout: {{replicas: 9}}}}}}\n"
)
HEAD = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: UTC
  events:
"""


def event(name: str, start: str, lead: str = "1h", lasts: str = "1h") -> str:
    return EVENT.format(name=name, start=start, lead=lead, lasts=lasts)


class Place:
    """A folder of calendars that a timetable reads at a time of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "calendars"
        self.folder.mkdir()
        self.clock = ManualClock(NOW)
        monkeypatch.setenv("SPRINGTIDE_CALENDARS", str(self.folder))
        monkeypatch.setenv("SPRINGTIDE_KNOWN_EVENTS", str(folder / "known.json"))
        monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{folder}/runs.db")

    def write(self, *events: str, text: str | None = None) -> None:
        (self.folder / "sales.yaml").write_text(text if text is not None else HEAD + "".join(events))

    def parsed(self) -> CalendarTimetable:
        """Return what the scheduler has after the DAG processor has read the DAG file."""
        read = CalendarTimetable(clock=self.clock).serialize()
        return CalendarTimetable.deserialize(json.loads(json.dumps(read)), self.clock)

    def runs(self, *, catchup: bool = False, earliest: datetime | None = None) -> list[tuple[str, str]]:
        """Return every run from now on: when it is due, and the end of its interval."""
        timetable = self.parsed()
        last: DataInterval | None = None
        runs: list[tuple[str, str]] = []
        restriction = TimeRestriction(None if earliest is None else pendulum.instance(earliest), None, catchup)
        while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
            last = info.data_interval
            assert last is not None
            assert info.logical_date == info.run_after
            runs.append((f"{info.run_after:%H:%M}", f"{last.end:%H:%M}"))
        return runs


@pytest.fixture
def place(tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    assert policies.is_dir()
    return Place(tmp_path, monkeypatch)


def test_a_run_is_due_a_lead_before_its_events_and_knows_which(place: Place) -> None:
    place.write(event("flash", "2026-11-11T12:00"), event("late", "2026-11-11T15:00", "30m"))

    assert place.runs() == [("11:00", "12:00"), ("14:30", "15:00")]
    assert place.parsed().summary == "2 events are known"


def test_an_edit_is_seen_when_the_file_is_read_again(place: Place) -> None:
    place.write(event("flash", "2026-11-11T12:00"))
    place.parsed()
    place.write(event("flash", "2026-11-11T13:00"), event("new", "2026-11-11T09:30"))
    place.clock.sleep(1 * 60)

    assert place.runs() == [("09:01", "09:30"), ("12:00", "13:00")]  # the new one: less notice than lead, so at once


def test_a_missed_start_comes_late_while_it_is_useful_and_not_after(place: Place) -> None:
    place.write(event("day", "2026-11-11T08:00", lasts="4h"), event("past", "2026-11-11T06:00"))

    assert place.runs() == [("09:00", "09:00")]


def test_a_backfill_gets_what_is_over(place: Place) -> None:
    place.write(event("first", "2026-11-10T06:00"), event("second", "2026-11-11T06:00"))

    assert place.runs(catchup=True, earliest=datetime(2026, 11, 11, tzinfo=UTC)) == [("05:00", "06:00")]
    assert place.runs() == []


def test_an_event_is_due_once_whatever_happens_to_its_lead(place: Place) -> None:
    place.write(event("flash", "2026-11-11T09:30"))
    ((due, _),) = place.runs()
    place.clock.sleep(10 * 60)
    place.write(event("flash", "2026-11-11T09:30", "2h"))
    timetable = place.parsed()
    last = DataInterval(pendulum.instance(NOW), pendulum.instance(NOW + timedelta(minutes=30)))

    assert due == "09:00"
    again = timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert again is None


@pytest.mark.parametrize("broken", ["", "spec: [", HEAD + "    - {name: flash}\n"])
def test_a_broken_calendar_removes_nothing_and_the_page_says_so(place: Place, broken: str) -> None:
    place.write(event("flash", "2026-11-11T12:00"))
    place.parsed()
    place.write(text=broken)

    assert place.runs() == [("11:00", "12:00")]
    assert place.parsed().summary.startswith("BROKEN CALENDAR, events known before stay: ")
    assert "sales.yaml" in place.parsed().summary


def test_the_page_says_what_is_left_out(place: Place) -> None:
    place.write(event("flash", "2026-11-11T12:00"), event("past", "2025-11-11T12:00"))

    assert place.parsed().summary == "2 events are known; 2 events of 2 sources, nothing ahead in past"


class TestWithoutCalendars:
    """A fresh installation has none, and nothing is wrong with it."""

    def test_a_default_folder_that_is_not_there_is_told_and_is_no_error(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SPRINGTIDE_CALENDARS")

        summary = place.parsed().summary

        assert place.runs() == []
        assert summary.startswith("0 events are known; no calendars: SPRINGTIDE_CALENDARS is not set, and there is no")
        assert summary.endswith("/calendars")

    def test_a_folder_that_is_named_and_not_there_is_an_error(self, place: Place) -> None:
        place.folder.rmdir()

        assert place.parsed().summary.startswith("BROKEN CALENDAR, events known before stay: ")
        assert "the folder of calendars cannot be read: No such file" in place.parsed().summary

    def test_an_empty_folder_holds_no_event_and_is_no_error(self, place: Place) -> None:
        assert place.parsed().summary == "0 events are known"

    def test_a_default_folder_that_is_gone_takes_no_event_away(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.write(event("flash", "2026-11-11T12:00"))
        place.parsed()
        monkeypatch.delenv("SPRINGTIDE_CALENDARS")

        assert place.runs() == [("11:00", "12:00")]
        assert place.parsed().summary.startswith("BROKEN CALENDAR, events known before stay: ")


def test_without_calendars_nothing_is_due(place: Place) -> None:
    assert place.runs() == []
    assert CalendarTimetable().summary == "the events of calendars/"


def test_a_learned_lead_is_that_of_the_measured_runs(place: Place) -> None:
    from springtide.record.sql import open_store

    place.write(event("flash", "2026-11-11T12:00", "auto"))
    assert place.runs() == [("11:25", "12:00")]  # nothing is measured: 30 minutes, and 5 of margin
    with open_store(settings.store_url()) as store:
        for number in range(5):
            store.save(measured(number))
    place.clock.sleep(11 * 60)

    assert place.runs() == [("11:53", "12:00")]  # two minutes, and 5 of margin


def measured(number: int) -> Any:
    """Return a successful run of two minutes."""
    from springtide.record.model import RunOutcome, ScalingRun
    from springtide.workload import Workload

    began = NOW - timedelta(hours=1 + number)
    plan = {"current": 2, "replicas": 4}
    return ScalingRun(
        run_id=f"run-{number}",
        policy="checkout",
        target=Workload(namespace="shop", deployment="checkout", service="checkout"),
        strategy="in_place",
        requested_by="ada",
        reason="",
        started_at=began,
        plan=plan,
    ).with_outcome(RunOutcome.SUCCEEDED, at=began + timedelta(minutes=2))


class TestDeadline:
    def test_it_is_the_start_of_the_events(self, bag: DagBag) -> None:
        alerts = bag.dags["prepare_events"].deadline
        (alert,) = alerts if isinstance(alerts, list) else [alerts]
        assert alert is not None

        assert isinstance(alert.reference, EventStart)
        assert alert.interval == timedelta(0)
        assert EventStart.deserialize_reference(alert.reference.serialize_reference()) == alert.reference

    @pytest.mark.parametrize(
        ("run", "expected"),
        [
            ({"run_type": "scheduled", "data_interval_end": NOW, "conf": {}}, NOW),
            ({"run_type": "backfill", "data_interval_end": NOW, "conf": {}}, None),
            ({"run_type": "manual", "conf": {"event": {"start": "2026-11-11T09:00:00+00:00"}}}, NOW),
            ({"run_type": "manual", "conf": {"event": {"start": "noon"}}}, None),
            ({"run_type": "manual", "conf": {"event": {"start": "2026-11-11T09:00"}}}, None),
        ],
    )
    def test_it_is_read_from_the_run(self, run: dict[str, Any], expected: datetime | None) -> None:
        from types import SimpleNamespace

        class Session:
            def scalar(self, _query: object) -> object:
                return SimpleNamespace(**{"data_interval_end": None} | run)

        assert EventStart()._evaluate_with(session=Session(), dag_id="d", run_id="r") == expected  # type: ignore[arg-type]

    async def test_being_late_is_told_with_the_run(self) -> None:
        from structlog.testing import capture_logs

        with capture_logs() as logs:
            await tell_late(context={"dag_run": {"dag_run_id": "scheduled__1"}})

        assert [(entry["event"], entry["run"]) for entry in logs] == [("event_prepared_late", "scheduled__1")]
