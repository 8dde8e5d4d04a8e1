"""Waiting for a phase in more than one process: how long the next wait lasts, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from springtide.clock import Clock
from springtide.errors import PermanentError, TemporaryError
from springtide.run.engine import Progress
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.run.work import Work

log = structlog.get_logger(__name__)

LONGEST_WAIT: Final = timedelta(minutes=2)
"""The longest single wait elsewhere. A process that waits may die or stall while its heartbeat goes on: after this its
owner looks again by itself, so the wait ends at most this much late and is never lost."""

MARGIN: Final = timedelta(seconds=15)
"""What a wait may take beyond its own end, which comes first: Airflow looks every 15 s."""

_TELL_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True)
class WaitElsewhere:
    """A wait in another process: it ends itself at `until`, and is given up after `timeout`."""

    until: datetime
    timeout: timedelta

    @classmethod
    def of(cls, ports: Ports, ref: RunRef, phase: Phase, *, at_most: timedelta) -> WaitElsewhere:
        """Return the next wait for `phase`: within its deadline, `LONGEST_WAIT`, and `at_most`."""
        left = min(Work.of(ports, ref).time_left(phase), LONGEST_WAIT, at_most)
        return cls(ports.clock.now() + left, left + MARGIN)


def why_over(look: Callable[[], Progress]) -> str | None:
    """Take one look, and return why the wait is over; None while it goes on.

    A temporary error is only logged: a wait bears a cluster that does not answer, and ends at its own time.
    """
    try:
        progress = look()
    except TemporaryError as error:
        log.warning("wait_not_looked", code=error.code, message=error.message)
        return None
    except PermanentError as error:
        return error.message
    return progress.message if progress.is_done else None


@dataclass(slots=True)
class WaitLog:
    """Tells what a phase waits for: what is new alone, and once a second at most."""

    tell: Callable[[str], None]
    clock: Clock
    _told: str = field(default="", init=False)
    _told_at: float = field(default=float("-inf"), init=False)

    def __call__(self, message: str) -> None:
        """Tell `message`, unless it says nothing new."""
        now = self.clock.monotonic()
        if message != self._told and now - self._told_at >= _TELL_EVERY:
            self.tell(message)
            self._told = message
            self._told_at = now
