"""The clock of the plugin: time is read here, and passed on from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.clock import Clock


def system_clock() -> Clock:
    """Return a clock that begins now: a task lives for minutes, the scheduler for months, and follows the wall."""
    from springtide.clock import SystemClock

    return SystemClock()


class WallClock:
    """The wall, for a process that lives for months: each look reads it anew."""

    def now(self) -> datetime:
        """Return the time of day."""
        return system_clock().now()

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return system_clock().monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        system_clock().sleep(seconds)
