"""Recurrence rules: as another library reads them, in bounded time, the start and the last day included."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.policy.language.recurrence import MOST_PERIODS, RuleError, parse_rule

START = datetime(2024, 1, 1)  # noqa: DTZ001  clock times


def numbers(name: str, choices: list[int]) -> st.SearchStrategy[str]:
    some = st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True)
    return some.map(lambda chosen: f"{name}={','.join(map(str, chosen))}")


DAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=4, unique=True)
PLACED = st.lists(st.sampled_from(["1FR", "-1MO", "2SU", "4TH", "5WE"]), min_size=1, max_size=2, unique=True)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "interval": st.integers(1, 5).map("INTERVAL={}".format),
        "count": st.integers(1, 30).map("COUNT={}".format),
        "month": numbers("BYMONTH", [1, 2, 3, 6, 10, 11, 12]),
        "day": numbers("BYMONTHDAY", [1, 5, 13, 28, 29, 31, -1, -2, -31]),
        "week": st.sampled_from(["WKST=SU", "WKST=WE"]),
    },
)


@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    PARTS,
    st.none() | DAYS | PLACED,
    st.integers(0, 700 * 24),
)
@settings(deadline=None, max_examples=150)
def test_rules_are_read_as_another_library_reads_them(
    frequency: str, parts: dict[str, str], days: list[str] | None, hours: int
) -> None:
    if days and frequency in ("DAILY", "WEEKLY"):
        days = [day.lstrip("-0123456789") for day in days]
    text = ";".join((f"FREQ={frequency}", *parts.values(), *([f"BYDAY={','.join(days)}"] if days else ())))
    first = START + timedelta(hours=hours)
    after = first + timedelta(days=30)
    before = first + timedelta(days=500)
    last = before + timedelta(days=3700)  # the other library looks for ever where nothing comes

    other = rrulestr(f"{text};UNTIL={last:%Y%m%dT%H%M%S}" if "COUNT" not in text else text, dtstart=first)

    assert list(parse_rule(text).walls(first, after, before)) == other.between(after, before, inc=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", ["2024-01-01", "2024-12-30", "2025-12-29"]),
        ("FREQ=YEARLY;BYYEARDAY=-1,60", ["2024-01-01", "2024-02-29", "2024-12-31", "2025-03-01", "2025-12-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", ["2024-01-01", "2024-01-31", "2024-02-29"]),
        ("FREQ=MONTHLY;BYDAY=1MO,-1SU;COUNT=3", ["2024-01-01", "2024-01-28", "2024-02-05"]),
        ("FREQ=DAILY;UNTIL=20240103", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("FREQ=DAILY;UNTIL=20231231", []),
    ],
)
def test_what_comes_when(text: str, expected: list[str]) -> None:
    walls = parse_rule(text).walls(START, START, START + timedelta(days=730))

    assert [f"{wall:%Y-%m-%d}" for wall in walls] == expected


def test_a_rule_that_brings_nothing_ends() -> None:
    never = parse_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    far = START + timedelta(days=800)

    assert list(never.walls(START, START, far)) == [START]
    with pytest.raises(RuleError, match=f"given up after {MOST_PERIODS}"):
        list(parse_rule("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30").walls(START, START, far))


def test_a_rule_of_long_ago_is_looked_at_near_now_only() -> None:
    since = datetime(1601, 1, 1, 3)  # noqa: DTZ001  clock times
    walls = list(parse_rule("FREQ=MINUTELY").walls(since, START, START + timedelta(minutes=2)))

    assert walls == [START + timedelta(minutes=number) for number in range(3)]


@pytest.mark.parametrize(
    ("text", "first", "message"),
    [
        ("FREQ=MONTHLY", "2026-10-31", "months that have a day 31; BYMONTHDAY=-1 is the last day"),
        ("FREQ=MONTHLY;BYDAY=1FR", "2026-11-27", "the start (Friday, 2026-11-27 00:00) is none"),
        ("FREQ=DAILY;UNTIL=20251127", "2026-11-27", "UNTIL lies before the start"),
    ],
)  # fmt: skip
def test_what_its_owner_may_not_mean_is_told(text: str, first: str, message: str) -> None:
    (warning,) = parse_rule(text).warnings(datetime.fromisoformat(first))

    assert message in warning
    assert parse_rule("FREQ=MONTHLY;BYMONTHDAY=-1").warnings(datetime.fromisoformat("2026-10-31")) == ()
