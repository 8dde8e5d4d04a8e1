"""Requests to many services in turn, each on a connection of its own; every failure counts."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from benchmarks.fleet.real_services import PORT

THREADS: Final = 8
TIMEOUT: Final = 5.0
_GOOD: Final = 200


@dataclass
class WaveLoad:
    """Sends `rate` requests a second in all to the addresses, from the beginning of the block to its end."""

    addresses: Sequence[str]
    rate: float
    requests: int = 0
    failed: int = 0
    _end: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        if self.rate:
            self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int) -> None:
        every = THREADS / self.rate
        due = time.monotonic() + every * number / THREADS
        turn = number
        while not self._end.wait(max(0.0, due - time.monotonic())):
            is_good = _answers(self.addresses[turn % len(self.addresses)])
            with self._lock:
                self.requests += 1
                self.failed += not is_good
            turn += THREADS
            due = max(due + every, time.monotonic() - 1)  # what is missed for more than a second is not made up for


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, PORT, timeout=TIMEOUT)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == _GOOD
