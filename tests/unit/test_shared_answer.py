"""One answer for several threads: asked once, kept for a while, and an error only for who waited for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from springtide.clock import ManualClock
from springtide.errors import ClusterUnavailable
from springtide.shared_answer import SharedAnswer

SECONDS = 10.0


@dataclass
class Asked:
    """Who answers: 1, then 2, and so on; takes `seconds` for each, and fails where `error` is set."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 11, 29, tzinfo=UTC)))
    seconds: float = 0.0
    error: Exception | None = None
    times: int = 0

    def __call__(self) -> int:
        self.times += 1
        self.clock.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.times

    def shared(self) -> SharedAnswer[int]:
        return SharedAnswer[int](self.clock, seconds=SECONDS)


def test_it_counts_for_its_time_from_when_it_was_asked() -> None:
    asked = Asked(seconds=4)
    shared = asked.shared()

    first = shared.of(asked)
    asked.clock.sleep(SECONDS - 4)
    within = shared.of(asked)
    asked.clock.sleep(0.1)

    assert (first, within, shared.of(asked)) == (1, 1, 2)


def test_without_a_time_it_counts_for_good() -> None:
    asked = Asked()
    shared = SharedAnswer[int](asked.clock)

    shared.of(asked)
    asked.clock.sleep(1e6)

    assert shared.of(asked) == 1


def test_an_error_is_raised_and_whoever_comes_later_asks_again() -> None:
    asked = Asked(error=ClusterUnavailable("no answer", code="cluster_unavailable"))
    shared = asked.shared()
    with pytest.raises(ClusterUnavailable, match="no answer"):
        shared.of(asked)
    asked.clock.sleep(0.1)
    asked.error = None

    assert shared.of(asked) == 2


class TestThreadsThatWantItAtOnce:
    @pytest.mark.parametrize("error", [None, ClusterUnavailable("no answer", code="cluster_unavailable")])
    def test_ask_once_whatever_comes_of_it(self, error: Exception | None) -> None:
        asked = Asked(error=error, seconds=1)
        outcomes = self._of_all(asked)

        assert asked.times == 1
        assert outcomes == [error or 1] * 4

    def _of_all(self, asked: Asked) -> list[object]:
        """Return what four threads get, all of which want it before the first is answered."""
        wanting = threading.Barrier(4)
        clock = Counted(asked.clock, on_wanted=wanting.wait)
        shared = SharedAnswer[int](clock, seconds=SECONDS)

        def want(_number: int) -> object:
            try:
                return shared.of(asked)
            except ClusterUnavailable as raised:
                return raised

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(want, range(4)))


@dataclass
class Counted:
    """A clock by which each thread, when it first reads it, waits until all of them have."""

    clock: ManualClock
    on_wanted: Callable[[], int]
    met: set[int] = field(default_factory=set)

    def monotonic(self) -> float:
        at = self.clock.monotonic()
        if threading.get_ident() not in self.met:
            self.met.add(threading.get_ident())
            self.on_wanted()
        return at

    def now(self) -> datetime:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
