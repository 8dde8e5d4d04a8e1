"""Waiting in another process: how long, until when, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterUnavailable, SpringtideError, WorkloadFailed
from springtide.run.engine import Progress
from springtide.run.retry import LONGEST_DELAY, delay_after
from springtide.run.waiting import WaitLog, why_over

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)


def answers(progress: Progress) -> Callable[[], Progress]:
    return lambda: progress


def fails(error: SpringtideError) -> Callable[[], Progress]:
    def look() -> Progress:
        raise error

    return look


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (answers(Progress(is_done=False, message="2 of 6 are ready")), None),
        (answers(Progress(is_done=True, message="6 of 6 are ready")), "6 of 6 are ready"),
        (fails(ClusterUnavailable("away", code="cluster_unreachable")), None),
        (fails(WorkloadFailed("CrashLoopBackOff", code="crash_loop")), "CrashLoopBackOff"),
    ],
)
def test_a_wait_is_over_when_its_phase_is_done_or_cannot_be(look: Callable[[], Progress], why: str | None) -> None:
    assert why_over(look) == why


def test_what_is_waited_for_is_told_once_and_once_a_second_at_most() -> None:
    told: list[str] = []
    clock = ManualClock(NOW)
    log = WaitLog(told.append, clock)

    for message, seconds in [("a", 0.0), ("b", 0.4), ("b", 0.4), ("b", 0.4), ("b", 5.0), ("c", 0.0)]:
        clock.sleep(seconds)
        log(message)

    assert told == ["a", "b", "c"]


def test_the_delay_between_two_attempts_is_doubled_up_to_the_longest() -> None:
    error = ClusterUnavailable("away", code="cluster_unreachable", retry_after=timedelta(seconds=5))

    assert [delay_after(error, attempt).total_seconds() for attempt in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert delay_after(error, 5) == LONGEST_DELAY
