"""What became of the requests of each second, and when that is too bad to go on. Pure but for the counting."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from springtide.percentiles import nearest_rank

_LOOK: Final = 3
"""Seconds that are judged together, or more until there are enough answers."""

_LEAST_ANSWERS: Final = 20
_LEAST_FOR_P99: Final = 100
"""With fewer answers the 99th percentile is the slowest one: a single garbage collection would end the load."""

_LEAST_FAILURES: Final = 5
_LEAST_WAITING: Final = 50


@dataclass(slots=True)
class LoadWindow:
    """One second of a load, by the time of the answers: good ones, failed ones, and the good ones' seconds."""

    good: int = 0
    failed: int = 0
    latencies: array[float] = field(default_factory=lambda: array("d"))

    @property
    def answers(self) -> int:
        """How many requests ended in this second."""
        return self.good + self.failed


@dataclass(frozen=True, slots=True)
class Breach:
    """What is beyond its limit; `is_late` where answers came too late, as when there is more than can be served."""

    message: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a load must keep within: the share of failed requests, and seconds for 99 of 100 good ones."""

    errors: float
    p99: float

    def broken_by(self, windows: Sequence[LoadWindow], *, waiting: int, rate: float) -> Breach | None:
        """Return what is beyond its limit in the last seconds; None when nothing is, or too little is known.

        `waiting` requests have no answer yet at `rate` requests a second: by Little's law more than 2 · rate · p99 of
        them say that the answers are late, long before those requests time out.
        """
        if waiting > max(_LEAST_WAITING, 2 * rate * self.p99):
            return Breach(
                f"{waiting} requests wait for an answer: at {rate:.0f} a second they take longer than {self.p99:g} s",
                is_late=True,
            )
        last = _last(windows, _LEAST_ANSWERS)
        answers = sum(second.answers for second in last)
        failed = sum(second.failed for second in last)
        # A share alone would end a load on one failure of its first few requests.
        if failed >= _LEAST_FAILURES and failed > self.errors * answers:
            return Breach(f"{failed} of {answers} requests failed in {len(last)} s, allowed: {100 * self.errors:g} %")
        last = _last(windows, _LEAST_FOR_P99)
        slow = p99_of(last)
        if sum(second.good for second in last) >= _LEAST_FOR_P99 and slow is not None and slow > self.p99:
            return Breach(
                f"p99 was {slow * 1000:.0f} ms in {len(last)} s, allowed: {self.p99 * 1000:.0f} ms", is_late=True
            )
        return None

    def holds_in(self, window: LoadWindow) -> bool:
        """Say whether one second was within the limits."""
        slow = p99_of([window])
        return window.failed <= self.errors * window.answers and slow is not None and slow <= self.p99


def p99_of(windows: Sequence[LoadWindow]) -> float | None:
    """Return the nearest-rank 99th percentile of the good answers' seconds; None when there were none."""
    return nearest_rank((seconds for window in windows for seconds in window.latencies), 0.99)


def _last(windows: Sequence[LoadWindow], least: int) -> Sequence[LoadWindow]:
    """Return the last seconds: `_LOOK` of them, or as many as hold `least` answers."""
    count = 0
    answers = 0
    for window in reversed(windows):
        if count >= _LOOK and answers >= least:
            break
        count = count + 1
        answers = answers + window.answers
    return windows[len(windows) - count :]
