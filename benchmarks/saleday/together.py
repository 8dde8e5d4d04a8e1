"""Runs that go on side by side in virtual time: each in a thread of its own, only one of which ever works.

A run is a plain function that sleeps by its clock (`springtide.run.pipeline.run`). Its sleep gives the turn back; time
then moves to whoever is woken next. So the order of everything follows from the virtual time alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from springtide.clock import Clock
from springtide.sandbox.world import World

PATIENCE = 600.0
"""Real seconds that a turn may take before it is taken for stuck."""


class StuckError(RuntimeError):
    """A run neither slept nor ended."""


@dataclass(eq=False)
class Task:
    """One run: it sleeps until `wakes`, or has ended; `error` is what it raised."""

    act: Callable[[Clock], object]
    wakes: float
    clock: TaskClock = field(init=False)
    is_over: bool = False
    result: object = None
    error: Exception | None = None
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    given_back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def work(self) -> None:
        """Be the thread."""
        self.turn.acquire()
        try:
            self.result = self.act(self.clock)
        except Exception as error:  # noqa: BLE001  told to whoever started it
            self.error = error
        self.is_over = True
        self.given_back.release()

    def take_turn(self) -> None:
        """Let it work until it sleeps or ends."""
        self.turn.release()
        if not self.given_back.acquire(timeout=PATIENCE):
            raise StuckError(f"a run does not come back within {PATIENCE:.0f} s")


class Together:
    """The tasks of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[Task] = []

    def start(self, act: Callable[[Clock], object]) -> Task:
        """Begin a task: it works at the next `advance`."""
        task = Task(act, self._world.elapsed)
        task.clock = TaskClock(self._world, task)
        threading.Thread(target=task.work, daemon=True).start()
        self._tasks.append(task)
        return task

    def advance(self, moment: float) -> None:
        """Let time pass until `moment`, and every task work when it wakes."""
        while self._tasks:
            first = min(self._tasks, key=lambda task: task.wakes)
            if first.wakes > moment:
                break
            self._world.advance(max(0.0, first.wakes - self._world.elapsed))
            first.take_turn()
            if first.is_over:
                self._tasks.remove(first)
        self._world.advance(max(0.0, moment - self._world.elapsed))


class TaskClock:
    """The world's time for one task."""

    def __init__(self, world: World, task: Task) -> None:
        self._world = world
        self._task = task

    def now(self) -> datetime:
        """Return the time of day in the world."""
        return self._world.now()

    def monotonic(self) -> float:
        """Return the seconds since the world began."""
        return self._world.elapsed

    def sleep(self, seconds: float) -> None:
        """Give the turn back for so long."""
        self._task.wakes = self._world.elapsed + seconds
        self._task.given_back.release()
        self._task.turn.acquire()
