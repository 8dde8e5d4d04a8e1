"""When events take place: zones, clocks put forward and back, leap days, midnight, recurrence, imports, holidays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.events.occurrences import KNOWN, Occurrence, freezes, occurrences
from springtide.policy.calendar.files import load_calendar
from springtide.policy.language.moments import instant
from unit.events.calendars import HERE, calendar, utc

GOLDEN = Path(__file__).parents[2] / "golden" / "calendars" / "valid"
BERLIN = "Europe/Berlin"
NOW = utc("2026-03-01T00:00")


def windows(zone: str, now: datetime = NOW, **event: Any) -> list[tuple[str, str]]:
    """Return the windows of one event as short UTC texts."""
    expanded = occurrences(calendar(zone, event), HERE, now=now)
    return [(f"{occurrence.start:%Y-%m-%d %H:%M}", f"{occurrence.end:%Y-%m-%d %H:%M}") for occurrence in expanded]


def test_clock_times_are_those_of_the_zone() -> None:
    starts_and_ends = windows("Asia/Shanghai", start="2026-11-11T00:00", end="2026-11-12T02:00")

    assert starts_and_ends == [("2026-11-10 16:00", "2026-11-11 18:00")]


def test_an_offset_says_it_all() -> None:
    assert windows(BERLIN, start="2026-06-01T00:00Z", end="2026-06-01T04:00+02:00") == [
        ("2026-06-01 00:00", "2026-06-01 02:00")
    ]


class TestClocksGoForward:
    """Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC."""

    def test_a_start_that_does_not_exist_is_when_they_do(self) -> None:
        assert windows(BERLIN, start="2026-03-29T02:30", duration="1h") == [("2026-03-29 01:00", "2026-03-29 02:00")]

    def test_an_end_that_does_not_exist_is_when_they_do(self) -> None:
        assert windows(BERLIN, start="2026-03-29T01:00", end="2026-03-29T02:30") == [
            ("2026-03-29 00:00", "2026-03-29 01:00")
        ]

    def test_a_window_inside_the_gap_still_is_one(self) -> None:
        ((start, _),) = windows(BERLIN, start="2026-03-29T02:10", end="2026-03-29T02:50")

        assert start == "2026-03-29 01:00"

    def test_a_night_is_an_hour_shorter_and_a_duration_is_not(self) -> None:
        assert windows(BERLIN, start="2026-03-28T22:00", end="2026-03-29T04:00") == [
            ("2026-03-28 21:00", "2026-03-29 02:00")
        ]
        assert windows(BERLIN, start="2026-03-28T22:00", duration="6h") == [("2026-03-28 21:00", "2026-03-29 03:00")]


class TestClocksGoBack:
    """Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC."""

    def test_a_start_that_comes_twice_is_the_first(self) -> None:
        assert windows(BERLIN, start="2026-10-25T02:30", duration="1h") == [("2026-10-25 00:30", "2026-10-25 01:30")]

    def test_an_end_that_comes_twice_is_the_second(self) -> None:
        assert windows(BERLIN, start="2026-10-25T02:00", end="2026-10-25T02:30") == [
            ("2026-10-25 00:00", "2026-10-25 01:30")
        ]


def test_a_nightly_event_keeps_its_clock_time_over_both_changes() -> None:
    nights = windows(BERLIN, start="2026-03-27T22:00", end="2026-03-28T02:30", repeat="FREQ=DAILY;COUNT=4")

    assert nights == [
        ("2026-03-27 21:00", "2026-03-28 01:30"),
        ("2026-03-28 21:00", "2026-03-29 01:00"),  # ends at a time that does not exist
        ("2026-03-29 20:00", "2026-03-30 00:30"),
        ("2026-03-30 20:00", "2026-03-31 00:30"),
    ]


def test_29_february_comes_in_leap_years_only() -> None:
    leap = {"start": "2024-02-29T10:00", "duration": "1h"}

    assert windows("UTC", utc("2027-06-01T00:00"), repeat="FREQ=YEARLY", **leap) == [
        ("2028-02-29 10:00", "2028-02-29 11:00")
    ]
    assert windows("UTC", utc("2026-06-01T00:00"), repeat="FREQ=YEARLY", **leap) == []
    last_day = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"
    assert [start for start, _ in windows("UTC", utc("2026-06-01T00:00"), repeat=last_day, **leap)] == [
        "2026-02-28 10:00", "2027-02-28 10:00",
    ]  # fmt: skip


def test_days_are_left_out_by_the_clocks_of_the_calendar() -> None:
    days = windows(
        "Asia/Shanghai", NOW, start="2026-03-06T00:30", duration="1h", repeat="FREQ=WEEKLY;COUNT=3",
        **{"except": ["2026-03-13"]},
    )  # fmt: skip

    assert [start for start, _ in days] == ["2026-03-05 16:30", "2026-03-19 16:30"]


def test_what_is_far_away_is_not_told() -> None:
    event = {"start": "2020-01-01T00:00", "duration": "1h", "repeat": "FREQ=DAILY"}

    expanded = occurrences(calendar("UTC", event), HERE, now=NOW)

    assert len(expanded) == 2 * KNOWN.days + 1
    assert windows("UTC", start="2020-01-01T00:00", duration="1h") == []


def test_imports_bring_their_own_zones_recurrences_and_cancellations() -> None:
    expanded = occurrences(load_calendar(GOLDEN / "everything.yaml"), GOLDEN, now=NOW)
    matches = [
        (f"{occurrence.start:%Y-%m-%dT%H:%M}", f"{occurrence.end:%H:%M}")
        for occurrence in expanded
        if occurrence.event == "matches"
    ]

    assert matches == [("2026-05-30T16:00", "18:30")]  # British summer time; the cancelled one and the league are not


def test_whole_days_and_floating_times_of_imports_are_the_calendars(tmp_path: Path) -> None:
    (tmp_path / "feed.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260601\r\nDTEND;VALUE=DATE:20260602\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20260603T100000\r\nDTEND:20260603T110000\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )
    feed = {"name": "feed", "ical": "feed.ics", "services": {"web": {"replicas": 3}}}

    expanded = occurrences(calendar(BERLIN, imports=[feed]), tmp_path, now=NOW)

    assert [(f"{occurrence.start:%d %H:%M}", f"{occurrence.end:%d %H:%M}") for occurrence in expanded] == [
        ("31 22:00", "01 22:00"), ("03 08:00", "03 09:00"),
    ]  # fmt: skip


def test_holidays_come_with_hours_that_may_pass_midnight() -> None:
    expanded = occurrences(load_calendar(GOLDEN / "everything.yaml"), GOLDEN, now=NOW)
    days = [
        (f"{occurrence.start:%Y-%m-%dT%H:%M}", f"{occurrence.end:%d %H:%M}")
        for occurrence in expanded
        if occurrence.event == "holidays"
    ]

    assert days == [
        ("2025-04-21T16:00", "22 00:00"), ("2025-12-25T17:00", "26 01:00"), ("2026-04-06T16:00", "07 00:00"),
        ("2026-12-25T17:00", "26 01:00"), ("2027-03-29T16:00", "30 00:00"),
    ]  # fmt: skip


def test_freezes_are_windows_too() -> None:
    frozen = freezes(load_calendar(GOLDEN / "everything.yaml"), now=NOW)

    assert [freeze.name for freeze in frozen if not freeze.services] == ["year-end"]
    assert any(freeze.holds("reports", utc("2026-03-07T12:00")) for freeze in frozen)
    assert not any(freeze.holds("web", utc("2026-03-07T12:00")) for freeze in frozen)


def test_one_event_that_starts_twice_at_one_instant_is_one() -> None:
    twice = {"name": "feed", "ical": "matches.ics", "services": {"web": {"replicas": 3}}}
    event = {"start": "2026-05-30T16:00", "duration": "9h", "name": "other"}

    expanded = occurrences(calendar("UTC", event, imports=[twice]), GOLDEN / "feeds", now=NOW)
    ids = [occurrence.id for occurrence in expanded]

    assert len(set(ids)) == len(ids)
    assert "sales.feed.20260530T160000Z" in ids


def test_occurrences_are_kept_as_they_were() -> None:
    for occurrence in occurrences(load_calendar(GOLDEN / "everything.yaml"), GOLDEN, now=NOW):
        assert Occurrence.from_record(occurrence.to_record()) == occurrence


ZONES = st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"])
WALLS = st.integers(0, 5 * 366 * 86400).map(
    lambda seconds: datetime.fromtimestamp(1_704_067_200 + seconds, UTC).replace(tzinfo=None)
)


@given(ZONES, WALLS)
def test_a_time_that_exists_is_shown_by_the_clocks_at_that_instant(name: str, wall: datetime) -> None:
    zone = ZoneInfo(name)
    start = instant(wall, zone)
    end = instant(wall, zone, is_end=True)

    by_the_clocks = start.astimezone(zone).replace(tzinfo=None)
    assert by_the_clocks >= wall  # equal, or the end of the gap that `wall` lies in
    assert start <= end <= start + timedelta(hours=1)
    if by_the_clocks != wall:
        before = (start - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert before < wall < by_the_clocks


@given(ZONES, WALLS, st.integers(1, 60 * 48))
def test_no_window_is_turned_around_by_a_change_of_clocks(name: str, wall: datetime, minutes: int) -> None:
    zone = ZoneInfo(name)

    assert instant(wall, zone) <= instant(wall + timedelta(minutes=minutes), zone, is_end=True)


@pytest.mark.parametrize("text", ["2026-11-11T00:00Z", "2026-11-11T08:00+08:00"])
def test_an_instant_stays_one(text: str) -> None:
    assert instant(datetime.fromisoformat(text), ZoneInfo(BERLIN)) == datetime(2026, 11, 11, tzinfo=UTC)
