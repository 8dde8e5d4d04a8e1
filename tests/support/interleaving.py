"""Several processes at once, in virtual time: each API call hands over to another one, which a seed chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random


class Interleaving:
    """Runs callables as processes of which exactly one moves at a time; deterministic from its seed."""

    def __init__(self, seed: int) -> None:
        self._luck = Random(seed)
        self._turn = threading.Condition()
        self._alive: list[int] = []
        self._next = -1

    def switch(self) -> None:
        """Let somebody else go on, and return when it is the caller's turn again; outside of `run`, do nothing."""
        name = threading.current_thread().name
        if not name.startswith("process-"):
            return
        with self._turn:
            self._choose()
            self._wait(int(name.removeprefix("process-")))

    def run(self, *processes: Callable[[], None]) -> None:
        """Run all of them to their ends.

        Raises:
            BaseException: the first error of a process.
        """
        errors: list[BaseException] = []
        self._alive = list(range(len(processes)))
        threads = [
            threading.Thread(target=self._live, args=(number, process, errors), name=f"process-{number}")
            for number, process in enumerate(processes)
        ]
        for thread in threads:
            thread.start()
        with self._turn:
            self._choose()
        for thread in threads:
            thread.join(timeout=240)
        if errors:
            raise errors[0]

    def _live(self, number: int, process: Callable[[], None], errors: list[BaseException]) -> None:
        with self._turn:
            self._wait(number)
        try:
            process()
        except BaseException as error:  # noqa: BLE001  it is raised again where the test sees it
            errors.append(error)
        with self._turn:
            self._alive.remove(number)
            self._choose()

    def _choose(self) -> None:
        self._next = self._luck.choice(self._alive) if self._alive else -1
        self._turn.notify_all()

    def _wait(self, number: int) -> None:
        self._turn.wait_for(lambda: self._next == number, timeout=240)
