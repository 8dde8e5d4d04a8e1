"""Memory and child runs without Airflow: the same suites as Airflow's own pass (tests/dags/test_dag_contracts.py)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import pytest

from springtide.errors import InputError
from springtide.events.waves import ChildRunState
from springtide.fleet.in_process import InProcessRuns
from springtide.fleet.memory import Memory, ProcessMemory
from springtide.run.ports import Ports
from support.fleet import Fleet, FleetRuns
from unit.fleet.contracts import MEMORY, RUNS, Ended


@pytest.mark.parametrize("promise", MEMORY)
def test_memory_of_one_process(promise: Callable[[Memory], None]) -> None:
    promise(ProcessMemory())


@dataclass
class EndedThreads:
    """Threads that wait at their beginning until a test says how they end."""

    fleet: Fleet = field(default_factory=lambda: Fleet({"checkout": ()}))
    may_begin: threading.Event = field(default_factory=threading.Event)
    error: InputError | None = None
    runs: InProcessRuns = field(init=False)

    def __post_init__(self) -> None:
        self.runs = InProcessRuns(replace(self.fleet.fleet_ports(), open_ports=self.open_ports), requested_by="a test")

    def open_ports(self) -> AbstractContextManager[Ports]:
        return self._opened()

    @contextmanager
    def _opened(self) -> Iterator[Ports]:
        self.may_begin.wait()
        if self.error is not None:
            raise self.error
        yield self.fleet.ports()

    def succeed(self, run_id: str) -> None:
        self.may_begin.set()
        self.runs.join(run_id)

    def fail(self, run_id: str) -> str:
        self.error = InputError("there is no such cluster", code="cluster_unreachable")
        self.succeed(run_id)
        return self.error.message


@dataclass
class EndedInAWorld:
    """The runs of a fleet in virtual time."""

    fleet: Fleet
    runs: FleetRuns = field(init=False)

    def __post_init__(self) -> None:
        self.runs = FleetRuns(self.fleet)

    def succeed(self, run_id: str) -> None:
        while self.runs.state(run_id) is ChildRunState.GOING:
            self.fleet.tick()

    def fail(self, run_id: str) -> str:
        self.succeed(run_id)
        return "ErrImageNeverPull"


@pytest.mark.parametrize("promise", RUNS)
def test_runs_in_threads(promise: Callable[[Ended], None]) -> None:
    ended = EndedThreads()
    with ended.runs:
        try:
            promise(ended)
        finally:
            ended.may_begin.set()


@pytest.mark.parametrize("promise", RUNS)
def test_runs_in_virtual_time(promise: Callable[[Ended], None]) -> None:
    is_to_fail = "failed" in promise.__name__
    promise(EndedInAWorld(Fleet({"checkout": ()}, frozenset({"checkout"} if is_to_fail else ()))))
