"""Twelve abandoned runs end within two leases of time, side by side, and in no more threads than are allowed."""

from __future__ import annotations

import pytest

from springtide.recovery.report import ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run.renewal import DURATION_SECONDS
from support.abandoned import CREATED, PROVEN, SWITCHED, Abandoned, statuses
from support.simulation import NAMESPACE
from support.virtual_threads import VirtualThreads

TWELVE = tuple(f"service-{number:02d}" for number in range(12))
WAITS = {"propagation": "8s", "drain": "4s"}


def twelve() -> Abandoned:
    """Return twelve services whose owners left after the creation, the switch, and the smoke test, in turn."""
    return Abandoned(TWELVE, reach=(CREATED, SWITCHED, PROVEN), waits=WAITS)


def test_twelve_abandoned_runs_end_within_two_leases() -> None:
    abandoned = twelve()
    begin = abandoned.world.elapsed

    report = abandoned.round()

    assert abandoned.world.elapsed - begin <= 2 * DURATION_SECONDS
    assert statuses(report) == {f"run-{name}": ReconcileStatus.ENDED for name in TWELVE}
    outcomes = [run.outcome.value for run in sorted(report.runs, key=lambda run: run.run_id)]
    assert outcomes == ["rolled_back", "rolled_back", "succeeded"] * 4
    assert all(abandoned.is_free(name) for name in TWELVE)
    assert report.refused == ()


def test_one_after_the_other_they_would_not() -> None:
    abandoned = twelve()
    begin = abandoned.world.elapsed

    report = abandoned.round(at_once=1)

    assert abandoned.world.elapsed - begin > 2 * DURATION_SECONDS
    assert set(statuses(report).values()) == {ReconcileStatus.ENDED}


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_run_at_once_than_are_allowed(limit: int) -> None:
    abandoned = Abandoned(TWELVE[:5])
    threads = VirtualThreads(abandoned.world, limit)

    report = reconcile_round(abandoned.fleet.ports(), [NAMESPACE], is_alive=lambda _run: False, side_by_side=threads)

    assert threads.most == limit
    assert set(statuses(report).values()) == {ReconcileStatus.ENDED}
