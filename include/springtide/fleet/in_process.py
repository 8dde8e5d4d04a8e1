"""Child runs in this process, a thread each: what `springtide adjust` and `springtide prepare` do without Airflow."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from springtide.clock import Clock
from springtide.errors import SpringtideError
from springtide.events.waves import ChildRunState
from springtide.fleet.child_runs import ChildRun, asked_one_by_one
from springtide.fleet.ports import FleetPorts
from springtide.run import pipeline


@dataclass
class _Run:
    state: ChildRunState = ChildRunState.GOING
    message: str = ""
    thread: threading.Thread | None = field(default=None, repr=False)


class InProcessRuns:
    """`ChildRuns` as threads. Leaving the block interrupts them: what goes on is undone, as by Ctrl-C in one run."""

    def __init__(self, fleet: FleetPorts, *, requested_by: str) -> None:
        self._fleet = fleet
        self._requested_by = requested_by
        self._runs: dict[str, _Run] = {}
        self._interrupted = threading.Event()
        self._ended = threading.Event()

    def start(self, run: ChildRun) -> None:
        """Start the run in a thread of its own; one of this name that is there already is left as it is."""
        if run.run_id in self._runs:
            return
        kept = self._runs[run.run_id] = _Run()
        kept.thread = threading.Thread(target=self._work, args=(run, kept), name=run.run_id)
        kept.thread.start()

    def state(self, run_id: str) -> ChildRunState:
        """Return what has become of the run."""
        return self._runs[run_id].state

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those that have ended."""
        return asked_one_by_one(self.state, run_ids)

    def failure(self, run_id: str) -> str:
        """Return why the run failed."""
        return self._runs[run_id].message

    def wait_for_an_end(self, seconds: float) -> None:
        """Wait until a run has ended since the last call, for so many seconds at most."""
        self._ended.wait(seconds)
        self._ended.clear()

    def join(self, run_id: str) -> None:
        """Wait until the run has ended."""
        thread = self._runs[run_id].thread
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Interrupt what goes on, and wait until it is undone: each phase of the way back has its deadline."""
        self._interrupted.set()  # all at once, before the first is waited for: they undo side by side
        for run_id in self._runs:
            self.join(run_id)

    def _work(self, run: ChildRun, kept: _Run) -> None:
        state = ChildRunState.FAILED
        try:
            policy = self._fleet.policies.get(run.service)
            # Opened for each: whoever opens them knows what threads may share.
            with self._fleet.ports_of(policy) as ports:
                clock = InterruptibleClock(ports.clock, self._interrupted)
                request = run.request(policy, requested_by=self._requested_by)
                pipeline.run(replace(ports, clock=clock), request)
            state = ChildRunState.SUCCEEDED
        except SpringtideError as error:
            kept.message = f"run {run.run_id} failed: {error.message}"
        except KeyboardInterrupt:
            kept.message = f"run {run.run_id} was interrupted, and undone"
        except Exception as error:  # noqa: BLE001  a defect in one run must not leave the others waiting for it
            kept.message = f"run {run.run_id} failed by springtide's own fault: {error!r}"
        kept.state = state  # after the message: whoever reads the state finds it
        self._ended.set()


class InterruptibleClock:
    """A clock for one run in a thread: its next wait after the interruption raises, once, as Ctrl-C would."""

    def __init__(self, clock: Clock, interrupted: threading.Event) -> None:
        self._clock = clock
        self._interrupted = interrupted
        self._was_told = False

    def now(self) -> datetime:
        """Return the time of day."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            KeyboardInterrupt: the first time after the interruption; the way back may wait again.
        """
        if self._interrupted.is_set() and not self._was_told:
            self._was_told = True  # the way back sleeps as well, and has to come to its end
            raise KeyboardInterrupt
        self._clock.sleep(seconds)
