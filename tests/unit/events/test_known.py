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
    return scheduled_preparations(tuple(events), {one.id: lead for one in events}, seen, now=now)


def times(found: tuple[ScheduledPreparation, ...]) -> list[str]:
    return [f"{one.at:%H:%M:%S}" for one in found]


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

        found = due(added, HOUR, first, NOW + timedelta(minutes=5))
        after_the_first = next_preparation(found, after=first[0].at, not_over_at=NOW)

        assert times(found) == ["09:00:00", "09:05:00"]
        assert after_the_first is not None
        assert after_the_first.start == utc("2026-11-11T09:40")

    def test_events_of_one_instant_are_one_run_with_the_longest_lead(self) -> None:
        one = occurrence("one", "2026-11-11T12:00")
        two = occurrence("two", "2026-11-11T12:00", 5)
        found = scheduled_preparations((one, two), {one.id: HOUR, two.id: 2 * HOUR}, (), now=NOW)

        assert times(found) == ["10:00:00"]
        assert found[0].end == utc("2026-11-11T17:00")

    def test_no_two_runs_are_due_at_one_second(self) -> None:
        found = due([occurrence("one", "2026-11-11T09:10"), occurrence("two", "2026-11-11T09:20")])

        assert times(found) == ["09:00:00", "09:00:01"]

    def test_what_is_over_is_skipped_unless_everything_is_asked_for(self) -> None:
        found = due([occurrence("past", "2026-11-11T07:00"), occurrence("next", "2026-11-11T12:00")])

        useful = next_preparation(found, after=None, not_over_at=NOW)
        every = next_preparation(found, after=None, not_over_at=None)

        assert (useful, every) == (found[1], found[0])
        assert next_preparation(found, after=found[1].at, not_over_at=None) is None

    @given(st.lists(st.tuples(st.integers(-600, 600), st.integers(1, 300)), max_size=8), st.integers(0, 300))
    def test_every_event_that_is_not_over_is_due_once_and_not_after_its_start(
        self, drawn: list[tuple[int, int]], lead: int
    ) -> None:
        events = [
            occurrence(f"e{at}", f"{NOW + timedelta(minutes=start):%Y-%m-%dT%H:%M}", minutes / 60)
            for at, (start, minutes) in enumerate(drawn)
        ]
        found = due(events, timedelta(minutes=lead))

        assert len({one.at for one in found}) == len(found) == len({one.start for one in events})
        for one in found:
            late = NOW + timedelta(seconds=len(found))
            assert one.at <= max(one.start, late) + timedelta(seconds=len(found))
            assert due(events, timedelta(minutes=lead), found, NOW) == found  # asked again, the same


class TestKnown:
    def read(self, folder: Path, memory: Mapping[str, Any] | None = None) -> CalendarSnapshot:
        return read_calendars(folder, memory or {}, now=NOW)

    def names(self, known: CalendarSnapshot) -> list[str]:
        return [one.event for one in known.almanac.occurrences]

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
        memory = self.read(folder).memory
        (folder / "sales.yaml").write_text(broken)

        known = self.read(folder, memory)
        still = self.read(folder, known.memory)

        assert sorted(self.names(known)) == sorted(self.names(still)) == ["flash", "quiet"]
        assert known.problem is not None
        assert known.problem.startswith("BROKEN CALENDAR, events known before stay: ")
        assert "sales.yaml" in known.problem
        with pytest.raises(PolicyError):
            known.raise_if_broken()

    def test_an_edit_is_seen_and_a_deleted_file_is_gone(self, folder: Path) -> None:
        memory = self.read(folder).memory
        (folder / "sales.yaml").write_text(TEXT.replace("flash", "sale"))
        (folder / "other.yaml").unlink()

        assert self.names(self.read(folder, memory)) == ["sale"]

    def test_a_folder_that_is_empty_or_gone_removes_nothing(self, folder: Path, tmp_path: Path) -> None:
        memory = self.read(folder).memory
        empty = tmp_path / "empty"
        empty.mkdir()

        assert len(self.names(self.read(empty, memory))) == 2
        assert len(self.names(self.read(tmp_path / "none", memory))) == 2
        assert "To remove them" in str(self.read(empty, memory).problem)
        assert self.read(empty).problem is None

    def test_an_import_that_breaks_later_removes_nothing(self, folder: Path) -> None:
        feed = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\n"
        feed += "DTSTART:20261111T200000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n"
        (folder / "feed.ics").write_text(feed)
        imports = "  imports: [{name: feed, ical: feed.ics, services: {web: {replicas: 3}}}]\n"
        (folder / "sales.yaml").write_text(TEXT + imports)
        memory = self.read(folder).memory
        (folder / "feed.ics").write_text("garbage")

        assert "feed" in self.names(self.read(folder, memory))
        assert self.read(folder, memory).problem is not None

    def test_memory_is_kept_in_a_file_whole_or_not_at_all(self, folder: Path, tmp_path: Path) -> None:
        file = tmp_path / "state" / "known.json"
        memory = dict(self.read(folder).memory)

        save_cache(file, memory)

        assert load_cache(file) == memory
        file.write_text("{")
        assert load_cache(file) == {}
        assert load_cache(tmp_path / "none.json") == {}
