"""Series of a feed: exceptions, what was moved or called off, events that share a UID."""

from __future__ import annotations

import pytest

from springtide.events.accounts import CANCELLED, FAR_AWAY, REPLACED
from unit.events.feeds import GOOD, GOOD_SPAN, event, feed, read, times, told

START = "DTSTART:20261205T080000Z"
END = "DTEND:20261205T100000Z"
BERLIN = ";TZID=Europe/Berlin:"
EVENING = (f"DTSTART{BERLIN}20261130T180000", f"DTEND{BERLIN}20261130T200000")
WEEKLY = (*EVENING, "RRULE:FREQ=WEEKLY;COUNT=4")


class TestSeries:
    @pytest.mark.parametrize(
        ("excluded", "left"),
        [
            ("EXDATE;VALUE=DATE:20261207", ["11-30", "12-14", "12-21"]),
            ("EXDATE:20261207T170000Z", ["11-30", "12-14", "12-21"]),
            ("EXDATE;TZID=W. Europe Standard Time:20261207T180000,20261214T180000", ["11-30", "12-21"]),
        ],
    )
    def test_excluded_days_and_times_do_not_take_place(self, excluded: str, left: list[str]) -> None:
        assert [text[:5] for text in times(read(feed(event(*WEEKLY, excluded))))] == left

    def test_a_whole_day_is_excluded_by_the_day_of_a_time(self) -> None:
        days = event(
            "DTSTART;VALUE=DATE:20261130", "RRULE:FREQ=WEEKLY;COUNT=3",
            "EXDATE;TZID=W. Europe Standard Time:20261207T000000",
        )  # fmt: skip

        assert [text[:5] for text in times(read(feed(days)))] == ["11-29", "12-13"]

    def test_added_times_and_periods_take_place(self) -> None:
        dates = event(*EVENING, f"RDATE{BERLIN}20261203T120000,20261204T120000")
        period = event(*EVENING, "RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20261203T120000/PT5H")

        assert times(read(feed(dates)))[1:] == ["12-03 11:00/03 13:00", "12-04 11:00/04 13:00"]
        assert times(read(feed(period)))[1:] == ["12-03 11:00/03 16:00"]

    def test_the_last_working_day_of_each_month(self) -> None:
        reading = read(feed(event(*EVENING, "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3")))

        assert [text[:5] for text in times(reading)] == ["11-30", "12-31", "01-29"]

    def test_a_start_outside_its_own_rule_counts_and_is_told(self) -> None:
        reading = read(feed(event(*EVENING, "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2")))

        assert [text[:5] for text in times(reading)] == ["11-30", "12-01", "12-08"]
        assert "the start (Monday, 2026-11-30 18:00) is none of the times it brings" in told(reading)

    def test_the_31st_is_told_to_be_missing_in_short_months(self) -> None:
        lines = ("DTSTART:20261031T080000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY")

        assert "only in months that have a day 31" in told(read(feed(event(*lines))))

    @pytest.mark.parametrize("identity", [f"{BERLIN}20261207T180000", ":20261207T170000Z", ":20261207T180000"])
    def test_one_that_was_moved_takes_place_where_it_was_moved_to(self, identity: str) -> None:
        moved = event(f"RECURRENCE-ID{identity}", f"DTSTART{BERLIN}20261208T190000", f"DTEND{BERLIN}20261208T210000")

        assert [text[:11] for text in times(read(feed(event(*WEEKLY), moved)))] == [
            "11-30 17:00", "12-08 18:00", "12-14 17:00", "12-21 17:00",
        ]  # fmt: skip

    def test_one_that_was_moved_is_found_by_its_day(self) -> None:
        moved = event(
            "RECURRENCE-ID;VALUE=DATE:20261207", f"DTSTART{BERLIN}20261208T190000", f"DTEND{BERLIN}20261208T210000"
        )

        reading = read(feed(event(*WEEKLY), moved))

        assert [text[:5] for text in times(reading)] == ["11-30", "12-08", "12-14", "12-21"]
        assert "RECURRENCE-ID is a day" in told(reading)

    def test_one_that_was_moved_here_from_far_away_takes_place(self) -> None:
        series = event(f"DTSTART{BERLIN}20200106T180000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY;COUNT=4")
        moved = event(f"RECURRENCE-ID{BERLIN}20200113T180000", f"DTSTART{BERLIN}20261208T190000", "DURATION:PT2H")

        reading = read(feed(series, moved))

        assert times(reading) == ["12-08 18:00/08 20:00"]
        assert len(reading.left_out[FAR_AWAY]) == 1

    def test_a_series_may_go_on_otherwise(self) -> None:
        later = event(
            "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261207T180000",
            f"DTSTART{BERLIN}20261207T200000", f"DTEND{BERLIN}20261207T220000",
        )  # fmt: skip

        assert [text[:11] for text in times(read(feed(event(*WEEKLY), later)))] == [
            "11-30 17:00", "12-07 19:00", "12-14 19:00", "12-21 19:00",
        ]  # fmt: skip

    def test_what_stands_for_an_unreadable_one_leaves_the_series_as_it_was(self) -> None:
        broken = event(f"RECURRENCE-ID{BERLIN}20261207T180000", "DTSTART:x")

        reading = read(feed(event(*WEEKLY), broken))

        assert [text[:5] for text in times(reading)] == ["11-30", "12-07", "12-14", "12-21"]
        assert "is no time" in told(reading)

    def test_what_stands_for_nothing_counts_by_itself(self) -> None:
        reading = read(feed(event(f"RECURRENCE-ID{BERLIN}20261207T180000", START, END)))

        assert times(reading) == ["12-05 08:00/05 10:00"]
        assert "what it stands for is not in the feed" in told(reading)

    def test_events_that_share_a_uid_all_count_unless_one_is_newer(self) -> None:
        days = [event(f"DTSTART:2026120{day}T080000Z", "DURATION:PT1H") for day in (5, 6, 7)]
        newer = event("DTSTART:20261209T080000Z", "DURATION:PT1H", "SEQUENCE:3")

        alike = read(feed(*days))
        replaced = read(feed(*days, newer))

        assert [text[:5] for text in times(alike)] == ["12-05", "12-06", "12-07"]
        assert "3 events share this UID" in told(alike)
        assert [text[:5] for text in times(replaced)] == ["12-09"]
        assert len(replaced.left_out[REPLACED]) == 3

    def test_events_without_a_uid_are_apart(self) -> None:
        lines = [("BEGIN:VEVENT", f"DTSTART:2026120{day}T080000Z", "DURATION:PT1H", "END:VEVENT") for day in (5, 6)]

        assert len(times(read(feed(*lines)))) == 2


class TestCancelled:
    @pytest.mark.parametrize(
        "lines",
        [
            ("STATUS:CANCELLED",), ("STATUS:CANCELED",), ("STATUS:cancelled",),
            ("STATUS:CANCELLED", "STATUS:CANCELLED"),
            ("SUMMARY:Canceled: Sale", "STATUS:CONFIRMED"), ("SUMMARY:Cancelled: Sale",), ("SUMMARY:Abgesagt: Sale",),
        ],
    )  # fmt: skip
    def test_what_was_called_off_does_not_count(self, lines: tuple[str, ...]) -> None:
        reading = read(feed(("BEGIN:VEVENT", *GOOD, "END:VEVENT"), event(START, END, *lines)))

        assert times(reading) == [GOOD_SPAN]
        assert len(reading.left_out[CANCELLED]) == 1

    def test_one_of_a_series_may_be_called_off(self) -> None:
        off = event(f"RECURRENCE-ID{BERLIN}20261207T180000", f"DTSTART{BERLIN}20261207T180000", "STATUS:CANCELLED")

        assert [text[:5] for text in times(read(feed(event(*WEEKLY), off)))] == ["11-30", "12-14", "12-21"]

    def test_a_calendar_that_cancels_calls_off_what_another_announced(self) -> None:
        announced = feed(event(START, END), ("BEGIN:VEVENT", *GOOD, "END:VEVENT"))
        cancels = feed(event(START, END), head=("METHOD:CANCEL",))

        assert times(read(announced + cancels)) == [GOOD_SPAN]

    def test_a_sale_that_is_called_cancellation_takes_place(self) -> None:
        assert times(read(feed(event("SUMMARY:Cancellation insurance sale", START, END)))) != []
