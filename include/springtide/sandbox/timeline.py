"""Time and what is due when: the one clock of a sandbox, virtual or real."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_AT_ONCE = 1_000_000


@dataclass(order=True, slots=True, kw_only=True)
class Timer:
    """Something to do at a time; `cancel` takes it back."""

    when: float
    number: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Never run it."""
        self.cancelled = True


class Timeline:
    """Timers in the order of their time, then of their making.

    `elapsed` are the seconds since the sandbox began. They move only in `run_until`.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._timers: list[Timer] = []
        self._created = 0
        self.on_new: Callable[[], None] | None = None  # told when a timer was made (the real-time loop plans anew)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` when `seconds` more have passed."""
        self._created += 1
        timer = Timer(when=self.elapsed + max(seconds, 0.0), number=self._created, action=action)
        heapq.heappush(self._timers, timer)
        if self.on_new is not None:
            self.on_new()
        return timer

    def next_due(self) -> float | None:
        """Return when the next timer is due, None when nothing is planned."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].when if self._timers else None

    def run_until(self, moment: float) -> None:
        """Move to a moment and run what is due on the way, each at its own time.

        Raises:
            RuntimeError: timers make new timers without end.
        """
        ran = 0
        while (due := self.next_due()) is not None and due <= moment:
            timer = heapq.heappop(self._timers)
            self.elapsed = max(self.elapsed, timer.when)
            timer.action()
            ran += 1
            if ran > _MOST_AT_ONCE:
                raise RuntimeError(f"{ran} timers ran before {moment} s: some step plans itself again without end")
        self.elapsed = max(self.elapsed, moment)
