"""Freezes of feeds: each event of one is a time in which nothing is scaled, and none is lost by a bad line."""

from __future__ import annotations

from pathlib import Path

import pytest

from springtide.events.calendars import ExpandedCalendar
from springtide.events.snapshot import CalendarSnapshot, read_calendars
from unit.events.feeds import NOW, event, feed

TEXT = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: Europe/Berlin
  events:
    - {name: sale, start: 2026-12-05T00:00, end: 2026-12-06T00:00, services: {web: {replicas: 9}}}
  freeze_imports:
    - {name: sale, reason: year-end close, ical: freezes.ics, match: freeze, services: [web]}
  overrides:
    - {name: board, freeze: sale, events: [sale], owner: cto, reason: revenue, expires: 2026-12-31T00:00}
"""
CLOSE = event("UID:close", "SUMMARY:Change Freeze", "DTSTART;VALUE=DATE:20261127", "DTEND;VALUE=DATE:20261128")
WEEKLY = event(
    "UID:weekly", "SUMMARY:Freeze", "DTSTART;TZID=Europe/Berlin:20261204T180000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY"
)
LUNCH = event("UID:lunch", "SUMMARY:Lunch", "DTSTART:20261127T110000Z", "DTEND:20261127T130000Z")


def write(folder: Path, *events: tuple[str, ...]) -> Path:
    (folder / "sales.yaml").write_text(TEXT)
    (folder / "freezes.ics").write_bytes(feed(*events))
    return folder


def frozen(known: CalendarSnapshot, service: str = "web", on_event: str | None = None) -> bool:
    return known.calendars.frozen(service, NOW, on_event) is not None


def test_an_event_of_the_feed_is_a_freeze(tmp_path: Path) -> None:
    known = read_calendars(write(tmp_path, CLOSE, WEEKLY), {}, now=NOW)

    assert not known.violations
    assert known.calendars.frozen("web", NOW) == "web is frozen until 2026-11-27 23:00 UTC by sale (year-end close)"
    assert not frozen(known, "search")
    assert len(known.views["sales.yaml"].freezes) == 58


def test_an_override_lifts_it(tmp_path: Path) -> None:
    assert not frozen(read_calendars(write(tmp_path, CLOSE), {}, now=NOW), on_event="sale")


def test_what_does_not_match_freezes_nothing_and_is_told(tmp_path: Path) -> None:
    known = read_calendars(write(tmp_path, LUNCH, WEEKLY), {}, now=NOW)

    assert not frozen(known)
    (account,) = (account for account in known.accounts if account.kind == "freeze_imports")
    assert "1 without a match (Lunch)" in str(account)


BROKEN = (*CLOSE[:-1], "DTSTART:tomorrow", CLOSE[-1])


@pytest.mark.parametrize(
    ("lines", "told"), [((BROKEN, WEEKLY), "UID close"), (None, "freezes.ics")], ids=["one bad event", "no file"]
)
def test_what_cannot_be_read_any_more_stays_as_it_was_known(
    tmp_path: Path, lines: tuple[tuple[str, ...], ...] | None, told: str
) -> None:
    before = read_calendars(write(tmp_path, CLOSE, WEEKLY), {}, now=NOW)
    if lines is None:
        (tmp_path / "freezes.ics").unlink()
    else:
        write(tmp_path, *lines)

    after = read_calendars(tmp_path, before.cache, now=NOW)

    assert frozen(after)
    assert told in str(after.violations[0])
    assert [occurrence.event for occurrence in after.calendars.occurrences] == ["sale"]


def test_without_its_feed_a_calendar_still_has_its_events(tmp_path: Path) -> None:
    write(tmp_path, CLOSE)
    (tmp_path / "freezes.ics").unlink()

    known = read_calendars(tmp_path, {}, now=NOW)

    assert [occurrence.event for occurrence in known.calendars.occurrences] == ["sale"]
    assert "it cannot be read: No such file" in str(known.violations[0])


def test_they_come_back_from_their_stored_form(tmp_path: Path) -> None:
    view = read_calendars(write(tmp_path, CLOSE, WEEKLY), {}, now=NOW).views["sales.yaml"]

    assert ExpandedCalendar.from_record(view.to_record()).freezes == view.freezes


def test_a_freeze_of_a_feed_and_one_of_the_calendar_have_names_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, CLOSE)
    window = "{name: sale, reason: again, start: 2026-12-01T00:00, duration: 1h}"
    (tmp_path / "sales.yaml").write_text(TEXT.replace("  overrides:", f"  freezes: [{window}]\n  overrides:"))

    known = read_calendars(tmp_path, {}, now=NOW)

    assert "sale stands twice among the freezes" in str(known.violations[0])
