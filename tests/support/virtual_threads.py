"""Threads in virtual time: one moves at a time, and time passes once all of them wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from heapq import heappop, heappush
from typing import TypeVar

from springtide.clock import Clock
from springtide.sandbox.world import World

T = TypeVar("T")
_NOBODY = -1
_JOIN_SECONDS = 240


@dataclass
class VirtualThreads:
    """`SideBySide` in a world's time: `limit` acts at once, whose waits overlap; `most` says how many did."""

    world: World
    limit: int
    most: int = 0
    _turn: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _now: int = _NOBODY
    _waiting: list[tuple[float, int]] = field(default_factory=list)
    _unstarted: list[int] = field(default_factory=list)
    _alive: int = 0

    def run(self, clock: Clock, acts: Sequence[Callable[[Clock], T]]) -> list[T]:
        """Return what each of `acts` returns; what one raises is raised here, behind the end of all."""
        del clock
        results: dict[int, T] = {}
        errors: list[BaseException] = []
        self._unstarted = list(range(len(acts)))
        threads = [
            threading.Thread(target=partial(self._live, number, act, results, errors))
            for number, act in enumerate(acts)
        ]
        for thread in threads:
            thread.start()
        with self._turn:
            self._hand_over()
        for thread in threads:
            thread.join(timeout=_JOIN_SECONDS)
        if errors:
            raise errors[0]
        return [results[number] for number in range(len(acts))]

    def sleep(self, number: int, seconds: float) -> None:
        """Let the others move until `seconds` have passed."""
        with self._turn:
            heappush(self._waiting, (self.world.elapsed + seconds, number))
            self._hand_over()
            self._await(number)

    def _live(self, number: int, act: Callable[[Clock], T], results: dict[int, T], errors: list[BaseException]) -> None:
        with self._turn:
            self._await(number)
        try:
            results[number] = act(VirtualClock(self, number))
        except BaseException as error:  # noqa: BLE001  it is raised again where the test sees it
            errors.append(error)
        with self._turn:
            self._alive -= 1
            self._hand_over()

    def _hand_over(self) -> None:
        """Let somebody begin, where one more may, or let time pass until the first of those that wait is due."""
        try:
            if self._unstarted and self._alive < self.limit:
                self._now = self._unstarted.pop(0)
                self._alive += 1
                self.most = max(self.most, self._alive)
            elif self._waiting:
                due, self._now = heappop(self._waiting)
                self.world.advance(max(0.0, due - self.world.elapsed))
            else:
                self._now = _NOBODY
        finally:  # a world that breaks off must not leave the others waiting
            self._turn.notify_all()

    def _await(self, number: int) -> None:
        self._turn.wait_for(lambda: self._now == number, timeout=_JOIN_SECONDS)


@dataclass(frozen=True)
class VirtualClock:
    """The clock of one of them."""

    threads: VirtualThreads
    number: int

    def now(self) -> datetime:
        """Return the world's time of day."""
        return self.threads.world.now()

    def monotonic(self) -> float:
        """Return the world's seconds."""
        return self.threads.world.elapsed

    def sleep(self, seconds: float) -> None:
        """Let the others move."""
        self.threads.sleep(self.number, seconds)
