"""Every source of a calendar is accounted for: what counts, what is left out and why, and what stays that was known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.events.accounts import NO_MATCH, UNREADABLE, SourceAccount, summary_of
from springtide.events.ad_hoc import ad_hoc_event
from springtide.events.occurrences import freezes, horizon, occurrences
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from springtide.events.sources import accounts_of
from unit.events.calendars import HERE, calendar
from unit.events.feeds import NOW, event, feed

ASKS = "services: {web: {replicas: 9}}"
SALE = ("SUMMARY:Sale", "DTSTART:20261205T080000Z", "DTEND:20261205T100000Z")
LUNCH = ("UID:lunch", "SUMMARY:Lunch", "DTSTART:20261206T080000Z", "DTEND:20261206T100000Z")
DAILY = {"start": "2026-11-23T18:00", "end": "2026-11-23T23:00"}


def accounts(**spec: Any) -> tuple[SourceAccount, ...]:
    return accounts_of(calendar("Europe/Berlin", **spec), HERE, horizon(NOW), now=NOW)


def one_event(**spec: Any) -> SourceAccount:
    (account,) = accounts_of(calendar("Europe/Berlin", spec), HERE, horizon(NOW), now=NOW)
    return account


class TestAccounts:
    def test_a_feed_says_how_many_count_and_which_are_left_out_and_why(self, tmp_path: Path) -> None:
        (tmp_path / "feed.ics").write_bytes(
            feed(event(*SALE), event(*LUNCH), event("UID:x", "SUMMARY:Sale", "DTSTART:x"))
        )
        source = {"name": "feed", "ical": "feed.ics", "match": "sale", "services": {"web": {"replicas": 3}}}

        (account,) = accounts_of(calendar("UTC", imports=[source]), tmp_path, horizon(NOW), now=NOW)

        assert (account.in_file, account.counted, account.ahead) == (3, 1, 1)
        assert account.left_out == {NO_MATCH: ("Lunch",), UNREADABLE: ("Sale",)}
        assert str(account) == (
            "feed (feed.ics): 3 events, 1 counted, 2 left out: 1 without a match (Lunch), 1 unreadable (Sale)"
        )
        assert [error.line for error in account.errors] == [19]
        assert account.to_record()["next"] == "2026-12-05T08:00:00+00:00"

    @pytest.mark.parametrize(
        "spec",
        [
            {"start": "2025-11-28T00:00", "end": "2025-11-29T00:00"},
            {"repeat": "FREQ=DAILY;UNTIL=20251127", **DAILY},
            {"repeat": "FREQ=DAILY;COUNT=2", **DAILY},
        ],
    )
    def test_a_source_without_anything_ahead_is_a_warning(self, spec: dict[str, Any]) -> None:
        account = one_event(**spec)

        assert account.ahead == 0
        assert "nothing is ahead" in account.warnings[0]

    def test_an_event_that_is_over_and_teaches_the_next_of_its_kind_is_none(self) -> None:
        account = one_event(start="2025-11-28T00:00", end="2025-11-29T00:00", kind="flash")

        assert (account.ahead, account.warnings, account.doubts(".")) == (0, (), ())

    def test_a_match_that_meets_nothing_is_told_with_what_was_meant(self, tmp_path: Path) -> None:
        (tmp_path / "feed.ics").write_bytes(feed(event("SUMMARY:Black Friday", *SALE[1:])))
        source = {"name": "feed", "ical": "feed.ics", "match": "Black Fridya", "services": {"web": {"replicas": 3}}}

        (account,) = accounts_of(calendar("UTC", imports=[source]), tmp_path, horizon(NOW), now=NOW)

        assert "no event of it is called 'Black Fridya'; did you mean Black Friday?" in account.warnings[1]

    def test_a_holiday_that_no_calendar_has_is_told(self) -> None:
        holiday = {"name": "e", "country": "US", "services": {"web": {"replicas": 9}}}
        (wrong,) = accounts(holidays=[holiday | {"only": ["Black Friday"]}])
        (near,) = accounts(holidays=[holiday | {"only": ["Cristmas Day"]}])
        (right,) = accounts(holidays=[holiday | {"only": ["THANKSGIVING"]}])

        assert "no holiday of US is called 'Black Friday'; there are: Christmas Day" in wrong.warnings[1]
        assert "did you mean Christmas Day?" in near.warnings[1]
        assert right.warnings == ()
        assert right.counted == 3

    def test_oddities_of_rules_are_told_of_events_and_freezes_alike(self) -> None:
        freeze = {"name": "e", "reason": "sale", "start": "2026-11-27T18:00", "end": "2026-11-27T23:00"}
        (frozen,) = accounts(freezes=[freeze | {"repeat": "FREQ=WEEKLY;BYDAY=SA,SU;COUNT=2"}])
        monthly = one_event(start="2026-11-30T06:00", end="2026-11-30T23:00", repeat="FREQ=MONTHLY")

        assert "is none of the times it brings: it counts as well" in frozen.warnings[0]
        assert "only in months that have a day 30" in monthly.warnings[0]

    def test_the_page_has_one_line_of_all(self) -> None:
        past = {"name": "past", "start": "2025-11-28T00:00", "duration": "1h"}
        holiday = {"name": "days", "country": "US", "only": ["Thanksgiving"], "services": {"web": {"replicas": 9}}}
        accounts = accounts_of(calendar("UTC", past, holidays=[holiday]), HERE, horizon(NOW), now=NOW)

        assert summary_of(accounts).startswith("32 events of 2 sources, 28 left out, nothing ahead in past")


class TestLastDay:
    def test_until_as_a_day_is_the_whole_of_it_for_events_and_freezes(self) -> None:
        window = DAILY | {"repeat": "FREQ=DAILY;UNTIL=20261127"}
        freeze = window | {"name": "quiet", "reason": "sale"}

        events = occurrences(calendar("Europe/Berlin", window), HERE, now=NOW)
        frozen = freezes(calendar("Europe/Berlin", freezes=[freeze]), now=NOW)

        assert [event.start for event in events] == [freeze.start for freeze in frozen]
        assert f"{events[-1].start:%m-%d %H:%M}" == "11-27 17:00"

    def test_a_start_outside_its_own_rule_counts_as_in_feeds(self) -> None:
        window = {"start": "2026-11-27T18:00", "duration": "5h", "repeat": "FREQ=WEEKLY;BYDAY=SA;COUNT=3"}

        expanded = occurrences(calendar("Europe/Berlin", window), HERE, now=NOW)

        assert [f"{occurrence.start:%m-%d}" for occurrence in expanded] == ["11-27", "11-28", "12-05", "12-12"]


def test_an_endless_rule_of_an_event_of_no_calendar_is_refused() -> None:
    asked = {"name": "e", "start": "2026-12-01T00:00", "duration": "1h", "services": {"web": {"replicas": 3}}}

    with pytest.raises(InputError, match="INTERVAL=0 is out of range"):
        ad_hoc_event(asked | {"repeat": "FREQ=DAILY;INTERVAL=0"})


class TestKnownBefore:
    HEAD = (
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: shop}\nspec:\n  timezone: UTC\n"
    )
    FEED = f"  imports:\n    - {{name: feed, ical: feed.ics, {ASKS}}}\n"

    def read(self, folder: Path, before: CalendarSnapshot | None = None) -> CalendarSnapshot:
        return read_calendars(folder, before.cache if before else {}, now=NOW)

    def starts(self, known: CalendarSnapshot) -> list[str]:
        return [f"{occurrence.event} {occurrence.start:%m-%d %H}" for occurrence in known.calendars.occurrences]

    def test_an_event_of_a_feed_that_breaks_stays_where_it_was_known(self, tmp_path: Path) -> None:
        (tmp_path / "sales.yaml").write_text(self.HEAD + self.FEED)
        (tmp_path / "feed.ics").write_bytes(feed(event(*SALE), event(*LUNCH)))
        before = self.read(tmp_path)
        (tmp_path / "feed.ics").write_bytes(
            feed(event(SALE[0], "DTSTART:x"), event(LUNCH[0], "DTSTART:20261208T080000Z", "DURATION:PT1H"))
        )

        after = self.read(tmp_path, before)
        still = self.read(tmp_path, after)

        assert self.starts(after) == self.starts(still) == ["feed 12-05 08", "feed 12-08 08"]
        assert "feed.ics:7: spec.imports.feed: UID odd: DTSTART 'x' is no time" in str(after.problem)
        assert self.starts(self.read(tmp_path)) == ["feed 12-08 08"]

    def test_what_is_missing_in_a_feed_that_is_cut_off_stays(self, tmp_path: Path) -> None:
        (tmp_path / "sales.yaml").write_text(self.HEAD + self.FEED)
        whole = feed(event(*SALE), event(*LUNCH))
        (tmp_path / "feed.ics").write_bytes(whole)
        before = self.read(tmp_path)
        (tmp_path / "feed.ics").write_bytes(whole[: whole.index(b"UID:lunch")])

        assert self.starts(self.read(tmp_path, before)) == ["feed 12-05 08", "feed 12-06 08"]
        (tmp_path / "feed.ics").write_bytes(feed(event(*SALE)))
        assert self.starts(self.read(tmp_path, before)) == ["feed 12-05 08"]

    def test_a_broken_entry_of_a_calendar_takes_no_other_away(self, tmp_path: Path) -> None:
        good = f"  events:\n    - {{name: good, start: 2026-12-01T00:00, duration: 1h, {ASKS}}}\n"
        entry = "    - {name: odd, start: 2026-12-02T00:00, duration: 1h, repeat: RULE, " + ASKS + "}\n"
        override = (
            "  freezes:\n    - {name: quiet, start: 2026-12-01T00:00, duration: 1d, reason: audit}\n  overrides:\n"
        )
        override += "    - {name: o, freeze: quiet, events: [odd], owner: Ada, reason: r, expires: 2026-12-03T00:00}\n"
        file = tmp_path / "sales.yaml"
        file.write_text(self.HEAD + good + entry.replace("RULE", "FREQ=DAILY;COUNT=2") + override)
        before = self.read(tmp_path)
        file.write_text(
            self.HEAD + good.replace("12-01", "12-05") + entry.replace("RULE", "FREQ=DAILY;INTERVAL=0") + override
        )

        assert self.starts(self.read(tmp_path)) == ["good 12-05 00"]
        known = self.read(tmp_path, before)
        assert self.starts(known) == ["odd 12-02 00", "odd 12-03 00", "good 12-05 00"]
        assert "INTERVAL=0 is out of range" in str(known.problem)

    def test_what_an_earlier_version_remembered_is_understood(self, tmp_path: Path) -> None:
        (tmp_path / "sales.yaml").write_text(
            self.HEAD + f"  events:\n    - {{name: good, start: 2026-12-01T00:00, duration: 1h, {ASKS}}}\n"
        )
        known = self.read(tmp_path)
        (view,) = known.views.values()
        record = view.to_record() | {"occurrences": [item.to_record() for item in view.occurrences]}
        del record["events"], record["remembered"]
        (tmp_path / "sales.yaml").write_text("spec: [")

        kept = read_calendars(tmp_path, {"calendars": {"sales.yaml": record}}, now=NOW)
        unusable = read_calendars(tmp_path, {"calendars": {"sales.yaml": {"calendar": {}}}}, now=NOW)

        assert self.starts(kept) == ["good 12-01 00"]
        assert any("cannot be used any more" in item.message for item in unusable.violations)
