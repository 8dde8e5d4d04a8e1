"""A rule that is stale is told once, until it is mended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from springtide.notify.facts import Fact
from springtide.record.history import HistoryDay
from springtide.training.notices import tell_staleness
from springtide.training.whole_days import LearnedDay, last_whole_day
from support.builders import NOW, policy


class Heard:
    """Keeps what it is given to tell."""

    def __init__(self) -> None:
        self.told: list[Fact] = []
        self.ended: list[str] = []

    def tell(self, *facts: Fact) -> None:
        self.told += facts

    def over(self, prefix: str, *, but: Iterable[str] = ()) -> None:
        assert not list(but)
        self.ended.append(prefix)


def learned(day: date, stale: tuple[str, ...] = (), not_fitted: str | None = None) -> LearnedDay:
    return LearnedDay(day=HistoryDay(policy="web", day=day, unit="rps", profile=()), stale=stale, not_fitted=not_fitted)


NEWEST = last_whole_day(NOW)


def test_tomorrows_numbers_are_the_same_fact() -> None:
    heard = Heard()

    for text in ("now: 3 pods", "now: 4 pods"):
        tell_staleness(heard, policy(), learned(NEWEST, (text,)), NOW)

    assert {(fact.kind, fact.key, fact.to) for fact in heard.told} == {
        ("rule_stale", "rule_stale:web:rule", ("team-web",))
    }
    assert heard.ended == []


def test_a_rule_that_is_right_again_makes_the_next_one_news() -> None:
    heard = Heard()

    tell_staleness(heard, policy(), learned(NEWEST), NOW)

    assert heard.ended == ["rule_stale:web:"]


@pytest.mark.parametrize(
    "day", [learned(NEWEST - timedelta(days=1)), learned(NEWEST, not_fitted="a day of demand is missing")]
)
def test_a_day_on_which_nothing_was_tuned_says_nothing_of_the_rule(day: LearnedDay) -> None:
    heard = Heard()

    tell_staleness(heard, policy(), day, NOW)

    assert (heard.told, heard.ended) == ([], [])
