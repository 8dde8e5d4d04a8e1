"""The clock of the plugin: time is read here, and passed on from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from springtide.clock import Clock


def system_clock() -> Clock:
    """Return the machine's clock."""
    from springtide.clock import SystemClock

    return SystemClock()
