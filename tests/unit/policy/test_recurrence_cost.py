"""A rule costs what it says, not what it is written with: nobody's calendar holds up the others."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest

from springtide.policy.language.recurrence import RecurrenceRule, RuleError, parse_rule

FIRST = datetime(2026, 1, 1)  # noqa: DTZ001  clock times
AFTER = datetime(2026, 1, 1)  # noqa: DTZ001
BEFORE = datetime(2027, 1, 1)  # noqa: DTZ001
MOST_VALUES = 7 * (2 * 53 + 1)
"""As many different days as BYDAY can name: each weekday, the first to the last of a year, from both ends."""


def values_of(rule: RecurrenceRule) -> int:
    return max(len(rule.weekdays), *(len(values) for values in rule.numbers.values()), 0)


@pytest.mark.parametrize(
    ("text", "written_once"),
    [
        ("FREQ=MONTHLY;BYDAY=" + ",".join(["MO"] * 100_000), "FREQ=MONTHLY;BYDAY=MO"),
        ("FREQ=DAILY;BYMONTHDAY=" + ",".join(["1", "-1"] * 50_000), "FREQ=DAILY;BYMONTHDAY=1,-1"),
        ("FREQ=DAILY;BYMONTHDAY=" + ",".join(["1", "01", "+1"] * 30_000), "FREQ=DAILY;BYMONTHDAY=1"),
        ("FREQ=YEARLY;BYMONTH=" + ",".join(["12"] * 100_000), "FREQ=YEARLY;BYMONTH=12"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=" + ",".join(["-1"] * 100_000), "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"),
        ("FREQ=WEEKLY;BYDAY=FR;BYHOUR=" + ",".join(["9"] * 100_000), "FREQ=WEEKLY;BYDAY=FR;BYHOUR=9"),
    ],
    ids=["BYDAY", "BYMONTHDAY", "the same in other digits", "BYMONTH", "BYSETPOS", "BYHOUR"],
)
def test_a_value_that_stands_there_many_times_counts_once(text: str, written_once: str) -> None:
    rule = parse_rule(text)
    once = parse_rule(written_once)

    assert (rule.numbers, rule.weekdays) == (once.numbers, once.weekdays)
    assert list(islice(rule.walls(FIRST, AFTER, BEFORE), 1000)) == list(once.walls(FIRST, AFTER, BEFORE))


def test_no_list_is_longer_than_there_are_different_values() -> None:
    places = [f"{sign}{week}{day}" for sign in ("", "-") for week in range(1, 54) for day in ("MO", "TU", "SU")]
    rule = parse_rule(f"FREQ=YEARLY;BYDAY={','.join(places * 50)}")

    assert values_of(rule) == len(places) <= MOST_VALUES


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=999999999999",
        f"FREQ=DAILY;INTERVAL={'9' * 5000}",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=DAILY;INTERVAL=1;INTERVAL=2",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=NEVER",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYMONTHDAY=32",
        "FREQ=DAILY;BYDAY=54MO",
        "FREQ=DAILY;UNTIL=20261332",
        "FREQ=DAILY;BYMONTHDAY=٣",
    ],
)
def test_what_is_out_of_range_is_refused_and_named(text: str) -> None:
    part = text.rsplit(";", maxsplit=1)[-1].partition("=")[0]

    with pytest.raises(RuleError, match=part):
        parse_rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2,4,6,9,11",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_rule_that_never_comes_true_ends(text: str) -> None:
    """Its first time counts: whoever wrote it meant at least that one."""
    try:
        times = list(islice(parse_rule(text).walls(FIRST, AFTER, BEFORE), 10))
    except RuleError as error:
        assert "it is given up after" in str(error)  # noqa: PT017  either end is right
    else:
        assert times == [FIRST]
