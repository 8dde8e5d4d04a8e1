"""How many writes go to one API server a second: every client of a process for it waits in one queue.

A write takes the next free moment, and moments lie the same time apart: there is no burst, after a pause neither. Reads
are not held back. Several processes have a queue each.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final, Protocol, runtime_checkable

from springtide.clock import Clock
from springtide.errors import ClusterUnavailable

LONGEST_WAIT: Final = 30.0
"""Seconds that a write waits for its turn: a hundred runs at the least pace that may be set wait for 20."""


@dataclass(slots=True, kw_only=True)
class WritePace:
    """The queue of writes to the API server at the URL `server`, which may hold a password. Any thread may wait."""

    per_second: int
    server: str = field(default="", repr=False)
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, clock: Clock, what: str, *, longest: float = LONGEST_WAIT) -> None:
        """Wait until `what` may be sent, for `longest` seconds at most.

        Raises:
            ClusterUnavailable: its turn comes later than that (`writes_paced`). It has taken no turn, and is not done.
        """
        with self._lock:
            now = clock.monotonic()
            at = max(now, self._free_at)
            wait = at - now
            if wait > longest:
                raise self._too_many(what, wait, longest)
            self._free_at = at + 1 / self.per_second
        if wait > 0:
            clock.sleep(wait)

    def _too_many(self, what: str, wait: float, longest: float) -> ClusterUnavailable:
        return ClusterUnavailable(
            f"{what}: its turn comes in {wait:.1f} s, and a write waits {longest:g} s at most: {self.per_second} "
            "writes a second go to this API server. Raise SPRINGTIDE_API_WRITES, or let fewer services scale at once.",
            code="writes_paced",
            retry_after=timedelta(seconds=wait),
        )


@cache
def pace_of(server: str, per_second: int) -> WritePace:
    """Return the one queue of this process for the API server at the URL `server`."""
    return WritePace(per_second=per_second, server=server)


@runtime_checkable
class PacesWrites(Protocol):
    """A client whose writes wait for their turn."""

    def await_turn(self) -> None:
        """Wait for the turn of this thread's next write, which then waits no more: what guards it can be asked after.

        Raises:
            ClusterUnavailable: the turn comes too late (`writes_paced`).
        """
        ...
