"""What travels to whoever starts the preparations: what is due next, until when, and what is said of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from springtide.events.schedule import ScheduledPreparation
from springtide.fleet.deadline import deadline_of, tell_unprepared
from springtide.fleet.known_preparations import KnownPreparations, interval_of

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def preparation(hours: float) -> ScheduledPreparation:
    """Return one that is due in so many hours, for an event that begins an hour later and lasts for one."""
    at = NOW + hours * HOUR
    return ScheduledPreparation(at, at + HOUR, at + 2 * HOUR)


KNOWN = KnownPreparations(preparations=(preparation(-3), preparation(-1), preparation(2), preparation(4)))


@pytest.mark.parametrize(
    ("after", "earliest", "latest", "not_over_at", "hours"),
    [
        (None, None, None, None, -3),
        (None, None, None, NOW, -1),  # missed, and its event still goes on
        (-1, None, None, NOW, 2),
        (None, 3, None, None, 4),
        (None, None, -4, None, None),
        (2, None, 3, None, None),
        (4, None, None, None, None),
    ],
)
def test_the_next_is_the_first_that_is_allowed_and_still_useful(
    after: float | None, earliest: float | None, latest: float | None, not_over_at: datetime | None, hours: float | None
) -> None:
    def at(offset: float | None) -> datetime | None:
        return None if offset is None else NOW + offset * HOUR

    found = KNOWN.following(after=at(after), earliest=at(earliest), latest=at(latest), not_over_at=not_over_at)

    assert found == (None if hours is None else preparation(hours))


def test_what_is_prepared_late_never_ends_before_it_begins() -> None:
    late = ScheduledPreparation(NOW, NOW - HOUR, NOW + HOUR)

    assert interval_of(late) == (NOW, NOW)
    assert interval_of(preparation(0)) == (NOW, NOW + HOUR)


def test_it_is_stored_and_read_again() -> None:
    known = KnownPreparations(preparations=KNOWN.preparations, problem="p", account="a")

    assert KnownPreparations.from_record(json.loads(json.dumps(known.to_record()))) == known


@pytest.mark.parametrize(
    ("problem", "account", "summary"),
    [
        (None, None, "4 events are known"),
        (None, "1 left out", "4 events are known; 1 left out"),
        ("BROKEN", "a", "BROKEN"),
    ],
)
def test_the_summary_says_what_is_wrong_or_else_what_is_known(
    problem: str | None, account: str | None, summary: str
) -> None:
    assert KnownPreparations(preparations=KNOWN.preparations, problem=problem, account=account).summary == summary


@pytest.mark.parametrize(
    ("conf", "deadline"),
    [
        (None, NOW),
        ({}, NOW),
        ({"event": "flash"}, NOW),
        ({"event": {"name": "flash"}}, NOW),
        ({"event": {"start": "2026-11-11T10:00:00+00:00"}}, NOW + HOUR),
        ({"event": {"start": "noon"}}, None),
        ({"event": {"start": "2026-11-11T10:00"}}, None),
    ],
)
def test_everything_has_to_stand_when_its_event_begins(
    conf: dict[str, object] | None, deadline: datetime | None
) -> None:
    assert deadline_of(conf, interval_end=NOW) == deadline


def test_being_late_is_told_with_the_run() -> None:
    with capture_logs() as logs:
        tell_unprepared("scheduled__1")

    assert [(entry["event"], entry["run"]) for entry in logs] == [("event_prepared_late", "scheduled__1")]
