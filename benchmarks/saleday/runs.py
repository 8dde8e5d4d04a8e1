"""The runs of the day, side by side in virtual time, and what is told of each in the table and the picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.saleday.together import Task, Together
from springtide.errors import SpringtideError
from springtide.events.waves import ChildRunState
from springtide.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from springtide.clock import Clock
    from springtide.fleet.child_runs import ChildRun
    from springtide.fleet.ports import Policies
    from springtide.run.ports import Ports, RunRequest
    from springtide.sandbox.world import World


@dataclass
class Mark:
    """One run of the day: of a `trial`, a `sweep`, or of what was to `prepare`. Times are seconds of the world."""

    kind: str
    service: str
    before: int
    to: int
    reason: str
    begun: float
    ended: float | None = None
    outcome: str = ""


@dataclass
class DayRuns:
    """Runs whole runs, as `springtide run` does, each as a task of its own."""

    world: World
    together: Together
    ports: Callable[[Clock], Ports]
    marks: list[Mark] = field(default_factory=list)

    def begin(self, kind: str, request: RunRequest, *, before: int, to: int) -> Task:
        """Start one run."""
        mark = Mark(kind, request.policy.name, before, to, request.reason, self.world.elapsed)
        self.marks.append(mark)
        return self.together.start(lambda clock: self._run(clock, request, mark))

    def _run(self, clock: Clock, request: RunRequest, mark: Mark) -> None:
        try:
            mark.outcome = pipeline.run(self.ports(clock), request).value
        except SpringtideError as error:
            mark.outcome = f"failed: {error.message}"
            raise
        finally:
            mark.ended = self.world.elapsed


@dataclass
class ConductedRuns:
    """`ChildRuns` of one conductor of the day, which is a `kind` of it."""

    runs: DayRuns
    policies: Policies
    kind: str
    _tasks: dict[str, Task] = field(default_factory=dict)

    def start(self, run: ChildRun) -> None:
        """Start the run unless it is there."""
        if run.run_id not in self._tasks:
            request = run.request(self.policies.get(run.service), requested_by="benchmark")
            self._tasks[run.run_id] = self.runs.begin(self.kind, request, before=run.before, to=run.replicas)

    def state(self, run_id: str) -> ChildRunState:
        """Return what has become of the run."""
        task = self._tasks[run_id]
        if not task.is_over:
            return ChildRunState.GOING
        return ChildRunState.FAILED if task.error else ChildRunState.SUCCEEDED

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those that have ended."""
        from springtide.fleet.child_runs import asked_one_by_one

        return asked_one_by_one(self.state, run_ids)

    def failure(self, run_id: str) -> str:
        """Return why it failed."""
        return str(self._tasks[run_id].error)
