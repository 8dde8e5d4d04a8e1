"""Threads: so many at once and no more, results in order, and an interruption that ends all of them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial

import pytest

from springtide.clock import Clock, ManualClock
from springtide.recovery.side_by_side import StoppableClock, Threads

SECONDS = 30


def clock() -> Clock:
    return ManualClock(datetime(2026, 1, 5, tzinfo=UTC))


def test_as_many_as_are_allowed_are_at_work_at_once() -> None:
    meeting = threading.Barrier(3)  # breaks unless three of them are there at once

    def meet(number: int, _clock: Clock) -> int:
        meeting.wait(SECONDS)
        return number

    assert Threads(3).run(clock(), [partial(meet, number) for number in range(9)]) == list(range(9))


@pytest.mark.parametrize("limit", [1, 2])
def test_never_more(limit: int) -> None:
    lock = threading.Lock()
    at_work: list[int] = []
    most: list[int] = []

    def count(number: int, _clock: Clock) -> None:
        with lock:
            at_work.append(number)
            most.append(len(at_work))
        with lock:
            at_work.remove(number)

    Threads(limit).run(clock(), [partial(count, number) for number in range(50)])

    assert max(most) <= limit
    assert len(most) == 50


@pytest.mark.parametrize(("limit", "acts"), [(1, 3), (16, 1)])
def test_one_at_a_time_needs_no_thread(limit: int, acts: int) -> None:
    def where(_clock: Clock) -> threading.Thread:
        return threading.current_thread()

    assert set(Threads(limit).run(clock(), [where] * acts)) == {threading.current_thread()}


def test_an_interruption_ends_the_waits_of_all() -> None:
    begun = threading.Barrier(2)
    ended: list[str] = []

    def interrupt(_clock: Clock) -> None:
        begun.wait(SECONDS)
        raise KeyboardInterrupt

    def wait(given: Clock) -> None:
        begun.wait(SECONDS)
        try:
            while True:
                given.sleep(1)
        finally:
            ended.append("waited no more")

    with pytest.raises(KeyboardInterrupt):
        Threads(2).run(clock(), [interrupt, wait])

    assert ended == ["waited no more"]


def test_a_clock_goes_on_until_it_is_stopped() -> None:
    is_stopped = threading.Event()
    given = StoppableClock(clock(), is_stopped)

    given.sleep(5)
    is_stopped.set()

    assert given.monotonic() == 5
    assert given.now() == datetime(2026, 1, 5, 0, 0, 5, tzinfo=UTC)
    with pytest.raises(KeyboardInterrupt):
        given.sleep(5)
