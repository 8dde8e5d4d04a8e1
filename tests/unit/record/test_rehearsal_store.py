"""What rehearsals came to, in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from springtide.capacity.rehearsed import MeasuredLoad
from springtide.errors import InputError
from springtide.events.rehearsed import LoadFigures, RehearsalOutcome, RehearsalVerdict
from springtide.record.history import past_of
from springtide.record.store import RunStore

AT = datetime(2026, 11, 10, 9, 0, 0, 123456, tzinfo=UTC)
LATE = RehearsalOutcome(
    run_id="manual__1",
    policy="checkout",
    event="sales.flash.20261111T100000Z",
    at=AT,
    verdict=RehearsalVerdict.WOULD_NOT_HOLD,
    message="would not hold: p99 was 1200 ms",
    replicas=6,
    peak=300.0,
    present=100.0,
    rate=200.0,
    figures=LoadFigures(
        ready_before=6,
        ready_after=6,
        requests=900,
        failed=3,
        seconds=9.5,
        achieved=None,
        sustained=110.0,
        p50=8.0,
        p99=900.0,
        stopped="p99",
        is_late=True,
        errors={"status 500": 3},
    ),
    measured=MeasuredLoad(per_replica=35.0, replicas=6, is_limit=True, at=AT),
)


def after(days: int, **changes: object) -> RehearsalOutcome:
    """Return a rehearsal so many days later, with no load."""
    later = replace(LATE, run_id=f"later__{days}", at=AT + timedelta(days=days), figures=None, measured=None)
    return replace(later, **changes)  # type: ignore[arg-type]


def test_outcomes_come_back_as_they_were_newest_first_and_of_one_service(store: RunStore) -> None:
    for outcome in (LATE, after(3), after(2), replace(LATE, policy="search")):
        store.save_rehearsed(outcome)

    assert store.rehearsals("checkout") == (after(3), after(2), LATE)
    assert store.rehearsals("checkout", limit=1) == (after(3),)
    assert store.rehearsals("nobody") == ()


def test_an_outcome_kept_twice_is_kept_once_as_it_was_last(store: RunStore) -> None:
    store.save_rehearsed(LATE)
    store.save_rehearsed(replace(LATE, message="told again"))

    assert [rehearsal.message for rehearsal in store.rehearsals("checkout")] == ["told again"]


def test_a_run_looks_up_what_was_measured(store: RunStore) -> None:
    store.save_rehearsed(LATE)
    store.save_rehearsed(after(1))

    assert past_of(store, "checkout", AT + timedelta(days=2)).measured == LATE.measured
    assert past_of(store, "search", AT + timedelta(days=2)).measured is None


def test_a_limit_out_of_bounds_is_refused(store: RunStore) -> None:
    with pytest.raises(InputError, match="limit is 0"):
        store.rehearsals("checkout", limit=0)
