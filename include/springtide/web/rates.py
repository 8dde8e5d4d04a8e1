"""How fast one person may ask: a bucket for each, which fills again within a minute."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from springtide.clock import Clock

MINUTE: Final = 60.0
PEOPLE: Final = 10_000
"""Whose buckets are remembered; who asked longest ago is forgotten first, and begins with a full one."""


class Rates:
    """Buckets of `a_minute` requests each. It is safe to use from several threads."""

    def __init__(self, a_minute: int, clock: Clock) -> None:
        self._capacity = float(a_minute)
        self._clock = clock
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Take one request of `name`; return 0, or after how many seconds there is one again."""
        with self._lock:
            now = self._clock.monotonic()
            left, at = self._buckets.pop(name, (self._capacity, now))
            left = min(self._capacity, left + (now - at) * self._capacity / MINUTE)
            missing = max(0.0, 1.0 - left)
            self._buckets[name] = (left if missing else left - 1.0, now)
            if len(self._buckets) > PEOPLE:
                self._buckets.popitem(last=False)
        return missing * MINUTE / self._capacity
