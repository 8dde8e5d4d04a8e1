"""Feeds as people have them: each event is read apart, as the RFC says or as it was meant, and told where it is odd."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from springtide.events.accounts import CANCELLED, FAR_AWAY, NO_MATCH, UNREADABLE
from springtide.events.feed_spans import MOST_TIMES
from springtide.policy.calendar.ical import MAX_FEED_BYTES, parse_ical, read_ical
from unit.events.feeds import GOOD, GOOD_SPAN, calendar_text, event, feed, read, times, told

START = "DTSTART:20261205T080000Z"
END = "DTEND:20261205T100000Z"
BERLIN = ";TZID=Europe/Berlin:"
EVENING = (f"DTSTART{BERLIN}20261130T180000", f"DTEND{BERLIN}20261130T200000")
WEEKLY = (*EVENING, "RRULE:FREQ=WEEKLY;COUNT=4")


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ((END,), 10, "it has no DTSTART"),
        (("DTSTART:2026-12-05T08:00:00Z", END), 12, "write 20261204T180000"),
        (("DTSTART:20261205T0800", END), 12, "is no time"),
        (("DTSTART:00000000T000000Z", END), 12, "is no time"),
        (('DTSTART;TZID="Europe/Berlin:20261205T080000', END), 10, "it has no DTSTART"),
        ((START, "DTSTART:20261206T080000Z", END), 13, "two DTSTART that differ"),
        ((START, "DTEND:tomorrow"), 13, "is no time"),
        ((START, "DTEND:99991231T235959Z"), 13, "2912104 days, at most 400"),
        ((f"DTSTART{BERLIN}20261205T080000", "DTEND;TZID=America/New_York:99991231T235959"), 13, "beyond all"),
        ((START, "DURATION:2H"), 13, "write PT2H"),
        ((START, "DURATION:"), 13, "is no duration"),
        ((START, END, "RRULE:"), 14, "write NAME=VALUE"),
        ((START, END, "RRULE:FREQ=SOMETIMES"), 14, "one of SECONDLY"),
        ((START, END, "RRULE:FREQ=DAILY;INTERVAL=0"), 14, "INTERVAL=0 is out of range: 1 to"),
        ((START, END, "RRULE:FREQ=DAILY;INTERVAL=-1;COUNT=3"), 14, "INTERVAL=-1 is out of range"),
        ((START, END, "RRULE:FREQ=WEEKLY;BYDAY=FRI"), 14, "one of MO, TU"),
        ((START, END, "RRULE:FREQ=DAILY;UNTIL="), 14, "no part of a rule"),
        ((START, END, "RRULE:FREQ=DAILY;UNTIL=20261399"), 14, "write UNTIL=20261231"),
        ((START, END, "RRULE:FREQ=DAILY;COUNT=0"), 14, "COUNT=0 is out of range"),
        ((START, END, "RRULE:FREQ=DAILY;BYEASTER=1"), 14, "no part of a rule"),
        ((START, "DTEND:20261205T080030Z", "RRULE:FREQ=MINUTELY"), 10, f"at most {MOST_TIMES} count"),
        ((START, END, "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"), 10, "it is given up after"),
        (("DTSTART;TZID=Mars/Olympus:20261205T080000", END), 12, "'Mars/Olympus' of DTSTART is not known"),
    ],
)  # fmt: skip
def test_one_event_that_cannot_be_read_is_told_with_its_cure_and_takes_no_other_away(
    lines: tuple[str, ...], line: int, message: str
) -> None:
    reading = read(feed(("BEGIN:VEVENT", *GOOD, "END:VEVENT"), event(*lines)))

    assert times(reading) == [GOOD_SPAN]
    assert reading.left_out.keys() == {UNREADABLE}
    assert reading.unread == {"odd"}
    assert told(reading).startswith(f"feed.ics:{line}: UID odd: ")
    assert message in told(reading)


@pytest.mark.parametrize(
    ("lines", "expected", "message"),
    [
        ((START, "DTEND:20261205T240000Z"), ["12-05 08:00/06 00:00"], "read as midnight"),
        ((START, "DTEND:20261205T235960Z"), ["12-05 08:00/05 23:59"], "a leap second"),
        (("DTSTART;VALUE=DATE:20261205T080000", END), ["12-05 07:00/05 10:00"], "says VALUE=DATE"),
        (("DTSTART:20261205", "DTEND:20261206"), ["12-04 23:00/05 23:00"], "a day without VALUE=DATE"),
        (("DTSTART:20261205T080000", END), ["12-05 07:00/05 10:00"], "one has no zone"),
        ((START, "DTEND:20261205T090000Z", END), ["12-05 08:00/05 10:00"], "the latest counts"),
        ((START, "DURATION:PT3H", END), ["12-05 08:00/05 11:00"], "the longer counts"),
        ((END.replace("DTEND", "DTSTART"), START.replace("DTSTART", "DTEND")), ["12-05 08:00/05 10:00"], "other way"),
        ((START, "DURATION:-PT2H"), ["12-05 06:00/05 08:00"], "the other way round"),
        ((START, "X-RADIUS=49.9", END), ["12-05 08:00/05 10:00"], "line 13: 'X-RADIUS=49.9' is no property"),
        ((START, 'ATTENDEE;CN="A "B"":mailto:a@b', END), ["12-05 08:00/05 10:00"], "is no property"),
        ((START, "DESCRIPTION:one", "two", END), ["12-05 08:00/05 10:00"], "line 14: 'two' is no property"),
        ((START, END, "EXDATE:20261312T080000Z"), ["12-05 08:00/05 10:00"], "nothing is left out by it"),
        ((START, END, "EXDATE:"), ["12-05 08:00/05 10:00"], "nothing is left out by it"),
        ((START, END, "RDATE:never"), ["12-05 08:00/05 10:00"], "nothing is added by it"),
        ((START, END, "RRULX:FREQ=DAILY"), ["12-05 08:00/05 10:00"], "is RRULE meant?"),
        (
            (START, END, "RRULE:FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=MONTHLY;COUNT=2"),
            ["12-05 08:00/05 10:00", "12-12 08:00/12 10:00", "01-05 08:00/05 10:00"],
            "each brings events",
        ),
        (
            (START, END, "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z"),
            ["12-05 08:00/05 10:00", "12-06 08:00/06 10:00"],
            "what ends it earlier counts",
        ),
        (
            (START, END, "RRULE:FREQ=DAILY;COUNT=2;X-FOO=1"),
            ["12-05 08:00/05 10:00", "12-06 08:00/06 10:00"],
            "X-FOO is passed over",
        ),
        (
            ("DTSTART;VALUE=DATE:16010101", "RRULE:FREQ=YEARLY"),
            ["12-31 23:00/01 23:00", "12-31 23:00/01 23:00", "12-31 23:00/01 23:00"],
            "the year 1601",
        ),
    ],
)  # fmt: skip
def test_what_is_odd_and_yet_clear_counts_and_is_told(
    lines: tuple[str, ...], expected: list[str], message: str
) -> None:
    reading = read(feed(("BEGIN:VEVENT", *GOOD, "END:VEVENT"), event(*lines)))

    starts = times(reading, "odd")

    assert sorted(starts) == sorted(expected)
    assert times(reading, "good") == [GOOD_SPAN]
    assert message in told(reading)


class TestBlocks:
    def test_a_block_that_is_not_ended_or_not_begun_spoils_no_other(self) -> None:
        whole = ("BEGIN:VEVENT", *GOOD, "END:VEVENT")
        not_ended = event(START, END)[:-1]
        not_begun = event("UID:late", START, END)[1:]

        reading = read(calendar_text(*not_ended, *whole, *not_begun))

        assert sorted(reading.spans) == ["good", "late", "odd"]
        assert "END:VEVENT is missing" in told(reading)
        assert "BEGIN:VEVENT is missing" in told(reading, "late")

    def test_an_indented_begin_is_none_of_the_line_before(self) -> None:
        reading = read(
            calendar_text("BEGIN:VEVENT", *GOOD, "END:VEVENT", " BEGIN:VEVENT", "UID:two", START, END, "END:VEVENT")
        )

        assert sorted(reading.spans) == ["good", "two"]

    def test_a_line_of_no_event_is_told_of_the_file(self) -> None:
        reading = read(calendar_text("BEGIN:VEVENT", *GOOD, "END:VEVENT", "X"))

        assert times(reading) == [GOOD_SPAN]
        assert "feed.ics:10: 'X' is no property" in str(reading.findings[0])

    def test_a_file_that_is_cut_off_is_told(self) -> None:
        raw = feed(("BEGIN:VEVENT", *GOOD, "END:VEVENT"), event(START, END))

        reading = read(raw[: raw.index(b"DTSTART", raw.index(b"UID:odd"))])

        assert reading.is_cut_off
        assert times(reading) == [GOOD_SPAN]
        assert any("its end is missing" in str(finding) and finding.is_error for finding in reading.findings)

    def test_events_without_a_calendar_and_several_calendars_are_read(self) -> None:
        alone = "\r\n".join(("BEGIN:VEVENT", *GOOD, "END:VEVENT")).encode()

        assert times(read(alone)) == [GOOD_SPAN]
        assert len(read(feed(event("UID:1", START, END)) + feed(event("UID:2", START, END))).spans) == 2

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "it is empty"),
            (b"<html>Sign in</html>", "it begins with '<html>"),
            (calendar_text(end="\r"), "lines end with a bare CR"),
        ],
    )
    def test_what_is_no_calendar_is_refused(self, raw: bytes, message: str) -> None:
        with pytest.raises(ValueError, match="no line BEGIN:VCALENDAR") as caught:
            parse_ical(raw)

        assert message in str(caught.value)

    def test_a_file_that_is_too_large_is_refused_with_both_numbers(self, tmp_path: Path) -> None:
        path = tmp_path / "large.ics"
        path.write_bytes(b"x" * (MAX_FEED_BYTES + 5))

        with pytest.raises(ValueError, match=f"{MAX_FEED_BYTES + 5} bytes, at most {MAX_FEED_BYTES}"):
            read_ical(path)


class TestTexts:
    SUMMARY = "SUMMARY:München Derby"

    @pytest.mark.parametrize(
        "raw",
        [
            feed(event(SUMMARY, START, END)),
            b"\xef\xbb\xbf" + feed(event(SUMMARY, START, END)),
            b"\r\n\r\n" + feed(event(SUMMARY, START, END)),
            calendar_text(*event(SUMMARY, START, END), end="\n"),
            feed(event(unicodedata.normalize("NFD", SUMMARY), START, END)),
            feed(event("SUMMARY;LANGUAGE=de:München Derby", START, END)),
            feed(event(SUMMARY, START, END)).decode().encode("utf-16"),
            feed(event(SUMMARY, START, END)).decode().encode("latin-1"),
            feed(event(SUMMARY, START, END)).replace(b"M\xc3\xbc", b"M\xc3\r\n \xbc"),
            feed(event(SUMMARY, START, END)).replace(b"M\xc3\xbc", b"M\xc3\r\n\t\xbc"),
        ],
    )
    def test_a_summary_is_found_however_it_is_encoded(self, raw: bytes) -> None:
        for match in ("München", "MÜNCHEN", unicodedata.normalize("NFD", "münchen d")):
            assert times(read(raw, match=match)) == ["12-05 08:00/05 10:00"]

    def test_escapes_and_folds_are_undone(self) -> None:
        raw = feed(event("SUMMARY:Sale\\, day 1\\; b\r\n ig", START, END))

        assert times(read(raw, match="sale, day 1; big")) != []

    def test_of_two_summaries_each_is_matched(self) -> None:
        reading = read(feed(event("SUMMARY:Good", "SUMMARY:Bad", START, END)), match="bad")

        assert times(reading) != []
        assert "SUMMARY stands 2 times" in told(reading)

    def test_what_nobody_wants_need_not_be_readable(self) -> None:
        reading = read(feed(event("SUMMARY:Lunch", "DTSTART:noon")), match="Sale")

        assert reading.left_out == {NO_MATCH: ["Lunch"]}
        assert reading.findings == []


def test_everything_of_a_feed_is_accounted_for() -> None:
    reading = read(
        feed(
            ("BEGIN:VEVENT", *GOOD, "END:VEVENT"),
            event("UID:1", "SUMMARY:Good old days", "DTSTART:20100101T000000Z", "DURATION:PT1H"),
            event("UID:2", "SUMMARY:Good, off", START, END, "STATUS:CANCELLED"),
            event("UID:3", "SUMMARY:Bad", START, END),
            event("UID:4", "SUMMARY:Good, broken", "DTSTART:x"),
        ),
        match="good",
    )

    assert reading.in_file == 5
    assert reading.left_out == {
        FAR_AWAY: ["Good old days"],
        CANCELLED: ["Good, off"],
        NO_MATCH: ["Bad"],
        UNREADABLE: ["Good, broken"],
    }
    assert list(reading.spans) == ["good"]
