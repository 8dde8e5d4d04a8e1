"""One answer to one question that several threads ask, each in its own way: by a client of its own, for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from springtide.clock import Clock

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Given(Generic[Answer]):
    asked: float
    came: float
    outcome: Answer | Exception


class SharedAnswer(Generic[Answer]):
    """What somebody was answered counts for `seconds` from when he asked, by default for good.

    Who wants it meanwhile waits for it. An error counts for those who waited for it: a hundred threads do not wait for
    a hundred timeouts, one behind the other. Whoever comes later asks again.
    """

    def __init__(self, clock: Clock, *, seconds: float = float("inf")) -> None:
        self._clock = clock
        self._seconds = seconds
        self._lock = Lock()
        self._given: _Given[Answer] | None = None

    def of(self, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` returns, or raise what it raises, unless somebody has been answered already."""
        wanted = self._clock.monotonic()
        with self._lock:
            if self._given is None or not self._counts(self._given, wanted):
                self._given = self._asked(ask)
            outcome = self._given.outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _counts(self, given: _Given[Answer], wanted: float) -> bool:
        if isinstance(given.outcome, Exception):
            return given.came >= wanted
        return self._clock.monotonic() - given.asked <= self._seconds

    def _asked(self, ask: Callable[[], Answer]) -> _Given[Answer]:
        asked = self._clock.monotonic()
        outcome: Answer | Exception
        try:
            outcome = ask()
        except Exception as error:  # noqa: BLE001  whoever waits for it is told what whoever asked is told
            outcome = error
        return _Given(asked, self._clock.monotonic(), outcome)
