"""What an event of the past needed, by the days that were kept: never a guess where they say nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from springtide.overview.needed_then import NeededThen, needed_then
from springtide.plan.recent import SweepDecision
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.history import SLOTS, HistoryDay
from springtide.record.memory import MemoryStore
from support.builders import policy
from unit.events.calendars import occurrence, utc

EVENT = replace(occurrence("flash", "2026-11-11T10:00", web="3x"), end=utc("2026-11-11T14:00"))
"""Four hours, in which demand is 400 for the last one and 100 before."""


def a_day(day: date, *, quality: str = "pass", until: int = SLOTS, high_from: int = 13 * 12) -> HistoryDay:
    values = [400.0 if day == date(2026, 11, 11) and slot >= high_from else 100.0 for slot in range(SLOTS)]
    profile = tuple(value if slot < until else None for slot, value in enumerate(values))
    return HistoryDay(policy="web", day=day, unit="requests/s", profile=profile, quality={"outcome": quality})


def measured(**spec: Any) -> ScalingPolicy:
    demand = {"source": "file", "path": "any.csv", "unit": "requests/s", "lookback": "1h"}
    capacity = {"models": [{"model": "target_utilization", "per_replica": 50, "target": 1.0}]}
    return policy(**{"demand": demand, "capacity": capacity} | spec)


def decision(at: datetime, planned: int, **values: Any) -> SweepDecision:
    return replace(SweepDecision(policy="web", at=at, before=2, planned=planned), **values)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for day in (date(2026, 11, 10), date(2026, 11, 11)):
        store.save_day(a_day(day))
    return store


def then(store: MemoryStore, chosen: ScalingPolicy | None = None) -> NeededThen:
    return needed_then(store, chosen or measured(), EVENT)


def test_what_was_prepared_stands_beside_what_demand_then_needed(store: MemoryStore) -> None:
    store.save_decisions([decision(utc("2026-11-11T09:30"), 6)], now=EVENT.end)

    found = then(store)

    assert (found.prepared, found.base, found.needed) == (6, 2, 8)
    assert found.violated == timedelta(hours=1)
    assert found.wasted_hours == pytest.approx(3 * (6 - 2), abs=0.5)
    assert found.why_not == ""


def test_without_any_record_of_its_preparation_only_its_need_is_known(store: MemoryStore) -> None:
    found = then(store)

    assert (found.prepared, found.needed, found.violated, found.wasted_hours) == (None, 8, None, None)
    assert "what was prepared is not known" in found.why_not


def test_advice_prepared_nothing(store: MemoryStore) -> None:
    store.save_decisions([decision(utc("2026-11-11T09:30"), 6, advises=True)], now=EVENT.end)

    assert then(store).prepared is None


@pytest.mark.parametrize("days", [[], [a_day(date(2026, 11, 11), until=12 * 12)]])
def test_demand_that_is_not_kept_as_a_whole_is_not_known(days: list[HistoryDay]) -> None:
    store = MemoryStore()
    for day in days:
        store.save_day(day)
    store.save_decisions([decision(utc("2026-11-11T09:30"), 6)], now=EVENT.end)

    found = then(store)

    assert (found.prepared, found.needed, found.violated) == (6, None, None)
    assert "what demand did is not known" in found.why_not


def test_a_day_that_the_gate_refused_says_nothing() -> None:
    store = MemoryStore()
    store.save_day(a_day(date(2026, 11, 11), quality="refuse"))

    assert then(store).needed is None


def test_a_policy_without_demand_has_none(store: MemoryStore) -> None:
    assert "reads no demand" in then(store, policy()).why_not


def test_a_long_event_is_looked_at_less_often_and_not_longer(store: MemoryStore) -> None:
    for back in range(30):
        store.save_day(a_day(date(2026, 11, 11) + timedelta(days=back)))
    store.save_decisions([decision(utc("2026-11-11T09:30"), 6)], now=EVENT.end)

    found = needed_then(store, measured(), replace(EVENT, end=EVENT.start + timedelta(days=28)))

    assert found.needed == 8
    assert found.violated is not None
    assert found.violated > timedelta(hours=5)
