"""Ending several runs at once: each waits for minutes, and the last must not wait for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from springtide.clock import Clock

T = TypeVar("T")


class SideBySide(Protocol):
    """Does several things at once."""

    def run(self, clock: Clock, acts: Sequence[Callable[[Clock], T]]) -> list[T]:
        """Return what each of `acts` returns, in their order; each gets the clock that it waits by.

        Raises:
            BaseException: what one of them raised, once all that had begun have ended.
        """
        ...


@dataclass(frozen=True, slots=True)
class Threads:
    """`SideBySide` by threads, `limit` of them at most; with one, everything happens in the caller's own."""

    limit: int = 1

    def run(self, clock: Clock, acts: Sequence[Callable[[Clock], T]]) -> list[T]:
        """Do all of `acts` (see `SideBySide.run`); an interruption ends each at its next wait."""
        threads = min(self.limit, len(acts))
        if threads <= 1:
            return [act(clock) for act in acts]
        is_interrupted = threading.Event()
        shared = StoppableClock(clock, is_interrupted)
        with ThreadPoolExecutor(threads, thread_name_prefix="reconcile") as pool:
            try:
                futures = [pool.submit(act, shared) for act in acts]
                return [future.result() for future in futures]
            except BaseException:
                is_interrupted.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


class StoppableClock:
    """A clock for threads: after the interruption nobody waits by it any more.

    Whoever is interrupted has changed nothing that the next round does not see: the Leases say how far each run came.
    """

    def __init__(self, clock: Clock, is_interrupted: threading.Event) -> None:
        self._clock = clock
        self._is_interrupted = is_interrupted

    def now(self) -> datetime:
        """Return the time of day."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            KeyboardInterrupt: the round was interrupted.
        """
        if self._is_interrupted.is_set():
            raise KeyboardInterrupt
        self._clock.sleep(seconds)
