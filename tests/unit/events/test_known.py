"""When runs are due, and that a broken calendar never removes events that were known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.errors import PolicyError
from springtide.events.occurrences import Occurrence
from springtide.events.schedule import ScheduledPreparation, next_preparation, scheduled_preparations
from springtide.events.snapshot import CalendarSnapshot, load_cache, read_calendars, save_cache
from unit.events.calendars import occurrence, utc

NOW = utc("2026-11-11T09:00")
HOUR = timedelta(hours=1)
TEXT = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: UTC
  events:
    - {name: flash, start: 2026-11-11T12:00, duration: 1h, services: {web: {replicas: 9}}}
"""


def due(
    events: list[Occurrence], lead: timedelta = HOUR, seen: tuple[ScheduledPreparation, ...] = (), now: datetime = NOW
) -> tuple[ScheduledPreparation, ...]:
    return scheduled_preparations(tuple(events), {event.id: lead for event in events}, seen, now=now)


def times(preparations: tuple[ScheduledPreparation, ...]) -> list[str]:
    return [f"{preparation.at:%H:%M:%S}" for preparation in preparations]


class TestDue:
    def test_a_run_is_due_at_start_minus_lead(self) -> None:
        assert times(due([occurrence("flash", "2026-11-11T12:00")])) == ["11:00:00"]

    def test_a_lead_longer_than_the_notice_is_due_at_once(self) -> None:
        assert times(due([occurrence("flash", "2026-11-11T09:30")])) == ["09:00:00"]

    def test_an_event_that_goes_on_already_is_due_at_once(self) -> None:
        assert times(due([occurrence("day", "2026-11-11T00:00", 24)])) == ["09:00:00"]

    def test_a_past_event_was_due_when_it_should_have_been(self) -> None:
        assert times(due([occurrence("flash", "2026-11-11T07:00")])) == ["06:00:00"]

    def test_what_was_due_stays_and_what_was_not_moves_with_its_lead(self) -> None:
        events = [occurrence("early", "2026-11-11T09:30"), occurrence("late", "2026-11-11T12:00")]
        first = due(events)

        again = due(events, timedelta(hours=2), first, NOW + timedelta(minutes=10))

        assert times(first) == ["09:00:00", "11:00:00"]
        assert times(again) == ["09:00:00", "10:00:00"]

    def test_an_event_that_is_added_late_comes_behind_what_was_due_already(self) -> None:
        first = due([occurrence("early", "2026-11-11T09:30")])
        added = [occurrence("early", "2026-11-11T09:30"), occurrence("added", "2026-11-11T09:40")]

        preparations = due(added, HOUR, first, NOW + timedelta(minutes=5))
        after_the_first = next_preparation(preparations, after=first[0].at, not_over_at=NOW)

        assert times(preparations) == ["09:00:00", "09:05:00"]
        assert after_the_first is not None
        assert after_the_first.start == utc("2026-11-11T09:40")

    def test_events_of_one_instant_are_one_run_with_the_longest_lead(self) -> None:
        shorter = occurrence("one", "2026-11-11T12:00")
        longer = occurrence("two", "2026-11-11T12:00", 5)
        preparations = scheduled_preparations((shorter, longer), {shorter.id: HOUR, longer.id: 2 * HOUR}, (), now=NOW)

        assert times(preparations) == ["10:00:00"]
        assert preparations[0].end == utc("2026-11-11T17:00")

    def test_no_two_runs_are_due_at_one_second(self) -> None:
        preparations = due([occurrence("one", "2026-11-11T09:10"), occurrence("two", "2026-11-11T09:20")])

        assert times(preparations) == ["09:00:00", "09:00:01"]

    def test_what_is_over_is_skipped_unless_everything_is_asked_for(self) -> None:
        preparations = due([occurrence("past", "2026-11-11T07:00"), occurrence("next", "2026-11-11T12:00")])

        useful = next_preparation(preparations, after=None, not_over_at=NOW)
        every = next_preparation(preparations, after=None, not_over_at=None)

        assert (useful, every) == (preparations[1], preparations[0])
        assert next_preparation(preparations, after=preparations[1].at, not_over_at=None) is None

    @given(st.lists(st.tuples(st.integers(-600, 600), st.integers(1, 300)), max_size=8), st.integers(0, 300))
    def test_every_event_that_is_not_over_is_due_once_and_not_after_its_start(
        self, drawn: list[tuple[int, int]], lead: int
    ) -> None:
        events = [
            occurrence(f"e{at}", f"{NOW + timedelta(minutes=start):%Y-%m-%dT%H:%M}", minutes / 60)
            for at, (start, minutes) in enumerate(drawn)
        ]
        preparations = due(events, timedelta(minutes=lead))

        assert len({each.at for each in preparations}) == len(preparations) == len({each.start for each in events})
        for each in preparations:
            late = NOW + timedelta(seconds=len(preparations))
            assert each.at <= max(each.start, late) + timedelta(seconds=len(preparations))
            assert due(events, timedelta(minutes=lead), preparations, NOW) == preparations  # asked again, the same


class TestKnown:
    def read(self, folder: Path, cached: Mapping[str, Any] | None = None) -> CalendarSnapshot:
        return read_calendars(folder, cached or {}, now=NOW)

    def names(self, known: CalendarSnapshot) -> list[str]:
        return [occurrence.event for occurrence in known.calendars.occurrences]

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "sales.yaml").write_text(TEXT)
        (tmp_path / "other.yaml").write_text(TEXT.replace("sales", "other").replace("flash", "quiet"))
        return tmp_path

    def test_calendars_are_read_together(self, folder: Path) -> None:
        known = self.read(folder)

        assert sorted(self.names(known)) == ["flash", "quiet"]
        assert known.problem is None
        known.raise_if_broken()

    @pytest.mark.parametrize("broken", ["", "spec: [", TEXT.replace("12:00", "25:00")])
    def test_a_broken_calendar_removes_nothing_and_is_told(self, folder: Path, broken: str) -> None:
        cached = self.read(folder).cache
        (folder / "sales.yaml").write_text(broken)

        known = self.read(folder, cached)
        still = self.read(folder, known.cache)

        assert sorted(self.names(known)) == sorted(self.names(still)) == ["flash", "quiet"]
        assert known.problem is not None
        assert known.problem.startswith("BROKEN CALENDAR, events known before stay: ")
        assert "sales.yaml" in known.problem
        with pytest.raises(PolicyError):
            known.raise_if_broken()

    def test_an_edit_is_seen_and_a_deleted_file_is_gone(self, folder: Path) -> None:
        cached = self.read(folder).cache
        (folder / "sales.yaml").write_text(TEXT.replace("flash", "sale"))
        (folder / "other.yaml").unlink()

        assert self.names(self.read(folder, cached)) == ["sale"]

    def test_a_folder_that_is_empty_or_gone_removes_nothing(self, folder: Path, tmp_path: Path) -> None:
        cached = self.read(folder).cache
        empty = tmp_path / "empty"
        empty.mkdir()

        assert len(self.names(self.read(empty, cached))) == 2
        assert len(self.names(self.read(tmp_path / "none", cached))) == 2
        assert "To remove them" in str(self.read(empty, cached).problem)
        assert self.read(empty).problem is None

    def test_an_import_that_breaks_later_removes_nothing(self, folder: Path) -> None:
        feed = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\n"
        feed += "DTSTART:20261111T200000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n"
        (folder / "feed.ics").write_text(feed)
        imports = "  imports: [{name: feed, ical: feed.ics, services: {web: {replicas: 3}}}]\n"
        (folder / "sales.yaml").write_text(TEXT + imports)
        cached = self.read(folder).cache
        (folder / "feed.ics").write_text("garbage")

        assert "feed" in self.names(self.read(folder, cached))
        assert self.read(folder, cached).problem is not None

    def test_memory_is_kept_in_a_file_whole_or_not_at_all(self, folder: Path, tmp_path: Path) -> None:
        file = tmp_path / "state" / "known.json"
        cached = dict(self.read(folder).cache)

        save_cache(file, cached)

        assert load_cache(file) == cached
        file.write_text("{")
        assert load_cache(file) == {}
        assert load_cache(tmp_path / "none.json") == {}
