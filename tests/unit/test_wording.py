"""Times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from springtide.wording import counted, on_the_clock, relative

NOW = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "in 5 s"),
        (timedelta(), "now"),
        (timedelta(seconds=41), "41 s ago"),
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(minutes=119), "119 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=3), "3 d ago"),
    ],
    ids=str,
)
def test_an_age_may_have_one_unit(span: timedelta, words: str) -> None:
    assert relative(NOW - span, NOW, units=1) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW.replace(hour=19, minute=5), "today 19:05"),
        (NOW + timedelta(hours=14, minutes=30), "tomorrow 9:00"),
        (NOW - timedelta(hours=20), "yesterday 22:30"),
        (NOW + timedelta(days=2), "Fri 18:30"),
        (NOW - timedelta(days=2), "last Mon 18:30"),
        (NOW + timedelta(days=7), "2 Dec 18:30"),
        (NOW + timedelta(days=40), "4 Jan 2027 18:30"),
    ],
    ids=str,
)
def test_a_moment_has_its_day_and_hour(at: datetime, words: str) -> None:
    assert on_the_clock(at, NOW) == words


def test_the_day_is_that_of_the_reader_s_zone() -> None:
    there = timezone(timedelta(hours=9))

    assert on_the_clock(NOW, NOW.astimezone(there)) == "today 3:30"
    assert on_the_clock(NOW - timedelta(hours=4), NOW.astimezone(there)) == "yesterday 23:30"


def test_one_thing_is_not_many() -> None:
    assert [counted(number, "pod") for number in (0, 1, 2)] == ["0 pods", "1 pod", "2 pods"]
    assert [counted(number, "policy", "policies") for number in (1, 2)] == ["1 policy", "2 policies"]
