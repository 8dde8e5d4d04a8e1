"""Which of the things that a day teaches are learned when: the day always, the models from the newest alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from springtide.errors import InputError, PermanentError
from springtide.record.history import SLOTS, HistoryDay
from springtide.training import days, tuning, whole_days

NOW = datetime(2026, 11, 10, 3, tzinfo=UTC)
NEWEST = date(2026, 11, 9)
ANY: Any = None


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what was learned, in order; each step only says that it was taken."""
    steps: list[str] = []

    def learn_day(_learning: object, day: date) -> HistoryDay:
        steps.append(f"day {day}")
        return HistoryDay(policy="web", day=day, unit="requests/s", profile=(None,) * SLOTS)

    def tune(_learning: object, _now: datetime) -> tuple[SimpleNamespace, ...]:
        steps.append("tuned")
        return SimpleNamespace(stale="the rule is stale"), SimpleNamespace(stale=None)

    monkeypatch.setattr(days, "learn_day", learn_day)
    monkeypatch.setattr(days, "learn_models", lambda *_: steps.append("models"))
    monkeypatch.setattr(tuning, "tune_learning", tune)
    return steps


def test_the_newest_whole_day_teaches_the_models(learned: list[str]) -> None:
    day = whole_days.learn_whole_day(ANY, NEWEST, NOW)

    assert learned == ["day 2026-11-09", "models", "tuned"]
    assert (day.stale, day.not_fitted) == (("the rule is stale",), None)
    assert day.to_record()["stale"] == ["the rule is stale"]


def test_an_earlier_day_teaches_only_itself(learned: list[str]) -> None:
    day = whole_days.learn_whole_day(ANY, NEWEST - timedelta(days=1), NOW)

    assert learned == ["day 2026-11-08"]
    assert "stale" not in day.to_record()


@pytest.mark.parametrize("days", [1, 2])
def test_a_day_that_is_not_over_teaches_nothing(learned: list[str], days: int) -> None:
    with pytest.raises(InputError, match="is not over yet") as refused:
        whole_days.learn_whole_day(ANY, NEWEST + timedelta(days=days), NOW)

    assert refused.value.code == "day_not_over"
    assert learned == []


def test_models_that_cannot_be_fitted_leave_the_day(learned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def unfit(*_: object) -> None:
        raise PermanentError("too few days", code="demand_short")

    monkeypatch.setattr(days, "learn_models", unfit)

    day = whole_days.learn_whole_day(ANY, NEWEST, NOW)

    assert learned == ["day 2026-11-09"]
    assert day.not_fitted == "too few days"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 10, tzinfo=UTC), NEWEST),
        (datetime(2026, 11, 10, 23, 59, tzinfo=UTC), NEWEST),
        (datetime.fromisoformat("2026-11-10T01:00+02:00"), NEWEST - timedelta(days=1)),
    ],
)
def test_days_are_those_of_utc(now: datetime, day: date) -> None:
    assert whole_days.last_whole_day(now) == day
