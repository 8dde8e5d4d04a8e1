"""Days and what was learned from them, in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from springtide.capacity.learned import NOTHING_LEARNED, Forecast, Learned
from springtide.demand.local_time import LocalClock
from springtide.errors import TemporaryError
from springtide.record.history import SLOTS, HistoryDay, Past, expected_at, past_of
from springtide.record.memory import MemoryStore
from springtide.record.store import RunStore

DAY = HistoryDay(
    policy="checkout",
    day=date(2026, 11, 10),
    unit="requests/s",
    profile=(*(float(slot) for slot in range(SLOTS - 1)), None),
    peak=286.0,
    peak_at=datetime(2026, 11, 10, 23, 50, tzinfo=UTC),
    mean=143.0,
    required=6,
    actual=8.0,
    saturation=0.7,
    quality={"outcome": "pass", "findings": []},
    pages="/pages/checkout/index.html",
)


def day(back: int, **changes: object) -> HistoryDay:
    """Return the day so many days before the 11th."""
    return replace(DAY, day=date(2026, 11, 11) - timedelta(days=back), **changes)  # type: ignore[arg-type]


def test_days_come_back_as_they_were_in_their_order(store: RunStore) -> None:
    for back in (1, 3, 2):
        store.save_day(day(back))
    store.save_day(day(1, policy="search"))

    assert store.days("checkout", date(2026, 11, 9), date(2026, 11, 11)) == (day(2), day(1))
    assert store.days("nobody", date(2026, 1, 1), date(2026, 12, 31)) == ()


def test_a_day_kept_twice_is_kept_once_as_it_was_last(store: RunStore) -> None:
    store.save_day(day(1))
    store.save_day(day(1, peak=None, quality={"outcome": "refuse", "findings": []}))

    kept = store.days("checkout", date(2026, 11, 1), date(2026, 11, 30))
    assert [(day.peak, day.quality["outcome"]) for day in kept] == [(None, "refuse")]


def test_what_was_learned_comes_back_and_is_written_over(store: RunStore) -> None:
    learned = Learned(
        forecasts={"forecast-1": Forecast(start=0.0, step=900.0, upper=(1.0, 2.5), fingerprint="abc")},
        errors={"seasonal-2": 0.125},
    )

    assert store.learned("checkout") == NOTHING_LEARNED
    store.save_learned("checkout", NOTHING_LEARNED)
    store.save_learned("checkout", learned)
    assert store.learned("checkout") == learned


class TestPast:
    NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)

    def test_usual_is_the_lowest_of_the_good_days_around_this_time(self) -> None:
        days = tuple(day(back, profile=(float(back),) * SLOTS) for back in (2, 3, 4))
        bad = day(1, profile=(0.0,) * SLOTS, quality={"outcome": "hold"})

        assert expected_at((*days, bad), self.NOW) == 2.0
        assert expected_at(days[:2], self.NOW) is None

    @pytest.mark.parametrize(("slot", "counts"), [(137, False), (138, True), (150, True), (151, False)])
    def test_half_an_hour_around_counts(self, slot: int, *, counts: bool) -> None:
        profile = tuple(1.0 if at == slot else 9.0 for at in range(SLOTS))

        assert (expected_at(tuple(day(back, profile=profile) for back in (1, 2, 3)), self.NOW) == 1.0) is counts

    def test_this_time_is_that_of_the_customers_clocks(self) -> None:
        """New York's clocks went forward on 8 March: 09:00 is 13:00 in UTC from then on, and was 14:00 before."""
        opened = tuple(9.0 if at < 14 * 12 else 500.0 for at in range(SLOTS))
        week = tuple(replace(day(1, profile=opened), day=date(2026, 3, at)) for at in (2, 3, 4, 5, 6))
        monday = datetime(2026, 3, 9, 13, 35, tzinfo=UTC)

        assert expected_at(week, monday, LocalClock("America/New_York")) == 500.0
        assert expected_at(week, monday) == 9.0

    def test_where_clocks_went_back_the_time_of_a_week_ago_may_lie_eight_days_of_utc_back(self) -> None:
        late = tuple(9.0 if at < 22 * 12 else 500.0 for at in range(SLOTS))
        store = MemoryStore()
        for at in (22, 23, 24):
            store.save_day(replace(day(1, profile=late), day=date(2026, 10, at)))
        night = datetime(2026, 10, 30, 0, 15, tzinfo=UTC)  # 01:15 by Berlin's clocks; before the 25th 23:15 in UTC

        assert past_of(store, "checkout", night, LocalClock("Europe/Berlin")).expected == 500.0

    def test_the_latest_pages_are_linked(self) -> None:
        store = MemoryStore()
        for back in (3, 2, 1):
            store.save_day(day(back, pages=f"/pages/{back}"))

        past = past_of(store, "checkout", self.NOW)

        assert (past.pages, past.learned) == ("/pages/1", NOTHING_LEARNED)
        assert past.expected == 138.0

    def test_a_store_that_does_not_answer_knows_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = MemoryStore()

        def away(*_: object) -> None:
            raise TemporaryError("away", code="store_unavailable")

        monkeypatch.setattr(store, "days", away)

        assert past_of(store, "checkout", self.NOW) == Past()
