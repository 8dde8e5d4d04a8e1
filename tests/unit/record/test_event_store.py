"""What events hold, and what preparations took, in every store: two writers at one moment lose nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.errors import InputError
from springtide.events.notes import KEPT_FOR, EventNote
from springtide.events.preparations import EventSize, Preparation
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from unit.events.calendars import occurrence, utc

FLASH = occurrence("flash", "2026-11-11T10:00", web=9)
LAUNCH = occurrence("launch", "2026-11-11T11:00", web=5, db=3)
NOW = utc("2026-11-11T09:00")


def note(service: str = "web", **changes: object) -> EventNote:
    kept = EventNote(service=service, occurrence=FLASH, expected=3, before=120.5, owner="ada", reason="a sale")
    return replace(kept, **changes)  # type: ignore[arg-type]


def test_notes_come_back_as_they_were_by_service_and_oldest_event_first(store: RunStore) -> None:
    launch = note(occurrence=LAUNCH, before=None)
    store.keep_notes([launch, note(), note("db", occurrence=LAUNCH)], now=NOW)

    notes = store.notes(["web", "db", "mail"], now=NOW)
    assert notes == {"web": (note(), launch), "db": (note("db", occurrence=LAUNCH),), "mail": ()}


def test_a_note_that_is_there_stays_as_it_is(store: RunStore) -> None:
    store.keep_notes([note(expected=3)], now=NOW)
    store.keep_notes([note(expected=9)], now=NOW)

    assert store.notes(["web"], now=NOW)["web"] == (note(expected=3),)


def test_notes_of_one_event_share_what_it_asks_of_all_services(store: RunStore) -> None:
    store.keep_notes([note(occurrence=LAUNCH), note("db", occurrence=LAUNCH)], now=NOW)

    notes = store.notes(["web", "db"], now=NOW)

    assert notes["web"][0].occurrence is notes["db"][0].occurrence


def test_a_note_keeps_what_its_event_asked_for_when_it_was_written(store: RunStore) -> None:
    changed = occurrence("flash", "2026-11-11T10:00", web=9, db=7)
    store.keep_notes([note()], now=NOW)
    store.keep_notes([note("db", occurrence=changed)], now=NOW)

    notes = store.notes(["web", "db"], now=NOW)

    assert (notes["web"][0].occurrence, notes["db"][0].occurrence) == (FLASH, changed)


def test_a_note_is_needed_for_a_day_after_its_event(store: RunStore) -> None:
    store.keep_notes([note()], now=NOW)
    last = FLASH.end + KEPT_FOR

    assert store.notes(["web"], now=last - timedelta(seconds=1))["web"] == (note(),)
    assert store.notes(["web"], now=last)["web"] == ()


def test_what_nobody_needs_any_more_goes_with_the_next_note(store: RunStore) -> None:
    store.keep_notes([note()], now=NOW)
    store.keep_notes([note("db", occurrence=LAUNCH)], now=FLASH.end + KEPT_FOR)

    assert store.notes(["web"], now=NOW)["web"] == ()


def test_one_event_is_dropped_and_no_other(store: RunStore) -> None:
    launch = note(occurrence=LAUNCH)
    store.keep_notes([note(), launch, note("db")], now=NOW)
    store.drop_notes(["web", "mail"], FLASH.id)

    assert store.notes(["web", "db"], now=NOW) == {"web": (launch,), "db": (note("db"),)}


def test_preparations_at_one_moment_lose_no_note(url: str) -> None:
    writers = 8
    together = threading.Barrier(writers)
    events = [occurrence(f"event-{number}", "2026-11-11T10:00", web=number + 1) for number in range(writers)]

    open_store(url).close()  # its tables are there before anybody writes

    def prepare(number: int) -> None:
        with open_store(url) as own:  # a process of its own, as far as the database knows
            together.wait()
            own.keep_notes([note(occurrence=events[number]), note("db", occurrence=events[number])], now=NOW)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(prepare, range(writers)))

    with open_store(url) as store:
        notes = store.notes(["web", "db"], now=NOW)
    assert {kept.occurrence.id for kept in notes["web"]} == {event.id for event in events}
    assert {kept.occurrence.id for kept in notes["db"]} == {event.id for event in events}


def taken(number: int, **changes: object) -> Preparation:
    began = NOW + timedelta(hours=number)
    kept = Preparation(run_id=f"run-{number}", began_at=began, seconds=90.5, size=EventSize(3, 40))
    return replace(kept, **changes)  # type: ignore[arg-type]


def test_preparations_come_back_newest_first(store: RunStore) -> None:
    for number in (2, 1, 3):
        store.save_preparation(taken(number))

    assert store.preparations() == (taken(3), taken(2), taken(1))
    assert store.preparations(limit=1) == (taken(3),)


def test_a_preparation_kept_twice_is_kept_once_as_it_was_last(store: RunStore) -> None:
    store.save_preparation(taken(1))
    store.save_preparation(taken(1, seconds=100.0))

    assert store.preparations() == (taken(1, seconds=100.0),)


def test_a_limit_of_preparations_out_of_bounds_is_refused(store: RunStore) -> None:
    with pytest.raises(InputError, match="limit is 0"):
        store.preparations(limit=0)
