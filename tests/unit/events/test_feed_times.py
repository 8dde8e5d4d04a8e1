"""Whose clocks a feed's times are read from, how long its events last, and until when they come again."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from springtide.events.accounts import NO_LENGTH
from unit.events.feeds import GOOD, GOOD_SPAN, calendar_text, event, feed, read, times, told

START = "DTSTART:20261205T080000Z"
BERLIN = ";TZID=Europe/Berlin:"
CUSTOM = (
    "BEGIN:VTIMEZONE", "TZID:Customized Time Zone",
    "BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10", "END:STANDARD",
    "BEGIN:DAYLIGHT", "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3", "END:DAYLIGHT",
    "END:VTIMEZONE",
)  # fmt: skip


class TestZones:
    """09:00 of 4 December by the clocks that are named, in a calendar of Tokyo."""

    def starts(self, zone: str, *, head: tuple[str, ...] = ()) -> list[str]:
        lines = event(f"DTSTART;TZID={zone}:20261204T090000", "DURATION:PT1H")
        reading = read(feed(lines, head=head), zone=ZoneInfo("Asia/Tokyo"))
        assert bool(reading.spans) != ("is not known" in told(reading))
        return [text[:11] for text in times(reading)]

    @pytest.mark.parametrize(
        ("zone", "start"),
        [
            ("Europe/Athens", "12-04 07:00"), ("EUROPE/ATHENS", "12-04 07:00"), ("CET", "12-04 08:00"),
            ("EST", "12-04 14:00"), ("UTC", "12-04 09:00"), ("W. Europe Standard Time", "12-04 08:00"),
            ('"W. Europe Standard Time"', "12-04 08:00"), ("Eastern Standard Time", "12-04 14:00"),
            ("Central European Standard Time", "12-04 08:00"), ("Turkey Standard Time", "12-04 06:00"),
            ("/mozilla.org/20050126_1/America/New_York", "12-04 14:00"),
            ("/freeassociation.sourceforge.net/Europe/Athens", "12-04 07:00"),
            ('"tzone://Microsoft/Utc"', "12-04 09:00"),
        ],
    )  # fmt: skip
    def test_names_of_iana_and_windows_are_read(self, zone: str, start: str) -> None:
        assert self.starts(zone) == [start]

    @pytest.mark.parametrize(
        "zone",
        [
            "Eastern Standard Time 1", "Mitteleuropaeische Zeit", "US-Eastern", "Unnamed Time Zone 1", "Shop",
            '"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"', "Customized Time Zone",
            "../../etc/passwd",
        ],
    )  # fmt: skip
    def test_an_unknown_zone_is_told_and_never_guessed(self, zone: str) -> None:
        assert self.starts(zone) == []

    def test_the_feeds_own_zones_count_also_behind_the_event(self) -> None:
        lines = event("DTSTART;TZID=Customized Time Zone:20270326T180000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY;COUNT=2")
        expected = ["03-26 17:00/26 19:00", "04-02 16:00/02 18:00"]

        assert times(read(feed(lines, head=CUSTOM))) == expected
        assert times(read(calendar_text(*lines, *CUSTOM))) == expected

    def test_what_is_known_counts_before_the_feeds_own_zone(self) -> None:
        lying = tuple(line.replace("Customized Time Zone", "Europe/Athens") for line in CUSTOM)

        assert self.starts("Europe/Athens", head=lying) == ["12-04 07:00"]

    def test_a_zone_that_never_changes_and_one_whose_rule_ended(self) -> None:
        standard = (
            "BEGIN:VTIMEZONE", "TZID:Shop", "BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0300",
            "TZOFFSETTO:+0300", "END:STANDARD", "END:VTIMEZONE",
        )  # fmt: skip
        ended = tuple(
            line.replace("Customized Time Zone", "Shop").replace("INTERVAL=1", "UNTIL=20161030T010000Z")
            for line in CUSTOM
        )

        assert self.starts("Shop", head=standard) == ["12-04 06:00"]
        assert self.starts("Shop", head=ended) == ["12-04 08:00"]

    @pytest.mark.parametrize(
        "damage",
        [
            ("TZOFFSETTO:+0100", "TZOFFSETTO:east"), ("TZOFFSETTO:+0100", "TZOFFSETTO:+9900"),
            ("DTSTART:16010101T030000", "DTSTART:x"), ("FREQ=YEARLY;INTERVAL=1", "FREQ=YEARLY;INTERVAL=0"),
            ("FREQ=YEARLY;INTERVAL=1", "FREQ=SECONDLY"),
        ],
    )  # fmt: skip
    def test_a_broken_zone_is_told_with_the_events_that_need_it(self, damage: tuple[str, str]) -> None:
        broken = tuple(line.replace(*damage) for line in CUSTOM)
        needs = event("DTSTART;TZID=Customized Time Zone:20261205T080000", "DURATION:PT1H")

        reading = read(feed(("BEGIN:VEVENT", *GOOD, "END:VEVENT"), needs, head=broken))

        assert times(reading) == [GOOD_SPAN]
        assert "is not known" in told(reading)
        assert any("VTIMEZONE 'Customized Time Zone' cannot be read" in str(finding) for finding in reading.findings)

    def test_clocks_of_a_feed_go_forward_and_back_as_those_of_iana(self) -> None:
        for day in ("20270328T013000", "20270328T023000", "20270328T033000", "20271031T013000", "20271031T023000"):
            own = event(f"DTSTART;TZID=Customized Time Zone:{day}", "DURATION:PT1H")
            iana = event(f"DTSTART{BERLIN}{day}", "DURATION:PT1H")

            assert times(read(feed(own, head=CUSTOM))) == times(read(feed(iana)))


class TestFloatingTimes:
    FLOATING = event("DTSTART:20261204T090000", "DTEND:20261204T100000")

    def test_they_are_by_the_feeds_clocks_else_by_the_calendars(self) -> None:
        new_york = ("X-WR-TIMEZONE:America/New_York",)

        assert times(read(feed(self.FLOATING))) == ["12-04 08:00/04 09:00"]
        assert times(read(feed(self.FLOATING, head=new_york))) == ["12-04 14:00/04 15:00"]
        assert times(read(feed(self.FLOATING, head=("X-WR-TIMEZONE:Eastern Standard Time",)))) == [
            "12-04 14:00/04 15:00"
        ]

    def test_whole_days_are_by_the_calendars(self) -> None:
        day = event("DTSTART;VALUE=DATE:20261204", "DTEND;VALUE=DATE:20261205")

        assert times(read(feed(day, head=("X-WR-TIMEZONE:America/New_York",)))) == ["12-03 23:00/04 23:00"]

    def test_an_unknown_zone_of_the_feed_leaves_out_what_needs_it(self) -> None:
        reading = read(feed(self.FLOATING, ("BEGIN:VEVENT", *GOOD, "END:VEVENT"), head=("X-WR-TIMEZONE:Mars/Olympus",)))

        assert times(reading) == [GOOD_SPAN]
        assert "X-WR-TIMEZONE 'Mars/Olympus' is no time zone" in told(reading)

    def test_a_series_in_utc_keeps_the_clock_times_of_the_feed(self) -> None:
        series = event("DTSTART:20261019T070000Z", "DTEND:20261019T080000Z", "RRULE:FREQ=WEEKLY;COUNT=2")

        assert times(read(feed(series, head=("X-WR-TIMEZONE:Europe/Berlin",)))) == [
            "10-19 07:00/19 08:00", "10-26 08:00/26 09:00",
        ]  # fmt: skip


class TestEnds:
    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (("DTSTART;VALUE=DATE:20261204",), "12-03 23:00/04 23:00"),
            (("DTSTART;VALUE=DATE:20261204", "DTEND;VALUE=DATE:20261204"), "12-03 23:00/04 23:00"),
            (("DTSTART;VALUE=DATE:20261204", f"DTEND{BERLIN}20261204T190000"), "12-03 23:00/04 23:00"),
            (("DTSTART;VALUE=DATE:20261204", "DURATION:P2D"), "12-03 23:00/05 23:00"),
            ((f"DTSTART{BERLIN}20270327T220000", "DURATION:PT10H"), "03-27 21:00/28 07:00"),
            ((f"DTSTART{BERLIN}20270327T220000", "DURATION:P1D"), "03-27 21:00/28 20:00"),
            ((f"DTSTART{BERLIN}20270327T220000", "DURATION:P1DT1H"), "03-27 21:00/28 21:00"),
            ((f"DTSTART{BERLIN}20270327T220000", f"DTEND{BERLIN}20270328T080000"), "03-27 21:00/28 06:00"),
            (
                ("DTSTART;TZID=America/New_York:20261204T180000", "DTEND;TZID=Europe/London:20261205T070000"),
                "12-04 23:00/05 07:00",
            ),
        ],
    )  # fmt: skip
    def test_a_whole_day_lasts_its_day_and_hours_are_exact(self, lines: tuple[str, ...], expected: str) -> None:
        assert times(read(feed(event(*lines)))) == [expected]

    @pytest.mark.parametrize("lines", [(START,), (START, "DTEND:20261205T080000Z"), (START, "DURATION:PT0S")])
    def test_a_moment_is_told(self, lines: tuple[str, ...]) -> None:
        reading = read(feed(event(*lines, "SUMMARY:Sale")))

        assert reading.spans == {}
        assert reading.left_out == {NO_LENGTH: ["Sale"]}
        assert "give it a DTEND or a DURATION" in told(reading)

    def test_a_series_keeps_its_clock_times_over_a_change_of_clocks(self) -> None:
        start = f"DTSTART{BERLIN}20270320T220000"
        rule = "RRULE:FREQ=WEEKLY;COUNT=3"
        nights = ["03-20 21:00/21 07:00", "03-27 21:00/28 06:00", "04-03 20:00/04 06:00"]

        assert times(read(feed(event(start, f"DTEND{BERLIN}20270321T080000", rule)))) == nights
        assert times(read(feed(event(start, "DTEND:20270321T070000Z", rule)))) == nights


class TestUntil:
    def days(self, start: str, until: str) -> list[str]:
        reading = read(feed(event(f"DTSTART{start}", "DURATION:PT2H", f"RRULE:FREQ=DAILY;UNTIL={until}")))
        return [text[:5] for text in times(reading)]

    @pytest.mark.parametrize(
        ("start", "until", "last"),
        [
            (f"{BERLIN}20261123T180000", "20261127", "11-27"),
            (f"{BERLIN}20261123T180000", "20261127T180000", "11-27"),
            (f"{BERLIN}20261123T180000", "20261127T170000Z", "11-27"),
            (f"{BERLIN}20261123T180000", "20261127T165959Z", "11-26"),
            (":20261123T180000", "20261127T225959Z", "11-27"),
            (";TZID=America/Los_Angeles:20261123T180000", "20261127", "11-28"),
        ],
    )
    def test_a_day_is_meant_to_its_end_by_the_events_own_clocks(self, start: str, until: str, last: str) -> None:
        assert self.days(start, until)[-1] == last

    @pytest.mark.parametrize("until", ["20261127", "20261127T070000Z", "20261126T230000Z", "20261127T000000"])
    def test_of_whole_days_the_last_one_counts(self, until: str) -> None:
        reading = read(feed(event("DTSTART;VALUE=DATE:20261123", f"RRULE:FREQ=DAILY;UNTIL={until}")))

        assert times(reading)[-1] == "11-26 23:00/27 23:00"
