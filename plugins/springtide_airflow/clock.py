"""The one place that reads the machine's clock: whoever needs the time is given a clock."""

from __future__ import annotations

from springtide.clock import Clock, SystemClock


def system_clock() -> Clock:
    """Return a clock that begins now: a task lives for minutes, the scheduler for months, and follows the wall."""
    return SystemClock()
