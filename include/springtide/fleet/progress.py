"""What a conductor started: kept in its memory, so that whoever takes the next turn knows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from springtide.events.waves import ChildRunState, ServicePlan, Started
from springtide.fleet.child_runs import ChildRun, ChildRuns, child_run_id
from springtide.fleet.memory import Memory
from springtide.fleet.orders import is_unseen

_BEFORE_ALL: Final = datetime.fromtimestamp(0, UTC)
"""When what could not be looked at "was started": the pace is for runs that really were."""

BACK_THROUGH_PAUSES: Final = "springtide: what a rehearsal raised is given back, paused or not"


class FleetProgress:
    """The runs of one conductor, by service and step. What ended is remembered and not asked for again."""

    def __init__(self, runs: ChildRuns, memory: Memory, *, parent: str, way: str = "") -> None:
        self._runs = runs
        self._memory = memory
        self._parent = parent
        self._way = way

    def started(self, orders: Sequence[ServicePlan]) -> list[Started]:
        """Return every run that was started, and what has become of it."""
        times: dict[str, str] = self._memory.get("started") or {}
        ended: dict[str, list[str]] = self._memory.get("ended") or {}
        started = [
            Started(service=order.service, step=0, at=_BEFORE_ALL, state=ChildRunState.FAILED, message=order.reason)
            for order in orders
            if is_unseen(order)
        ]
        self._keep_ends([key for key in times if key not in ended], ended)
        for key, at in times.items():
            service, step = _service_and_step(key)
            state, message = ended.get(key) or (ChildRunState.GOING, "")
            began = datetime.fromisoformat(at)
            started.append(Started(service=service, step=step, at=began, state=ChildRunState(state), message=message))
        return started

    def start(self, starts: Sequence[tuple[ServicePlan, int]], now: datetime) -> dict[str, str]:
        """Start the runs that take each order's service to its step; return what was started, in words, by service.

        A start that is repeated starts nothing: the run has the same name. So they are kept together, in the end: what
        a crash forgets is started again, and nothing comes of it.

        Raises:
            PermanentError, TemporaryError: one of them cannot be started; those before it are kept.
        """
        override = BACK_THROUGH_PAUSES if self._way else ""
        times: dict[str, Any] = dict(self._memory.get("started") or {}) if starts else {}
        words: dict[str, str] = {}
        try:
            for order, step in starts:
                self._runs.start(ChildRun.of(order, step, self.run_id(order.service, step), override=override))
                times[f"{order.service}/{step}"] = now.isoformat()
                words[order.service] = f"{order.current} → {order.steps[step]} replicas: {order.reason}"
        finally:
            if words:
                self._memory.set("started", times)
        return words

    def run_ids(self) -> list[str]:
        """Return the names of all runs that were started."""
        return [self.run_id(*_service_and_step(key)) for key in self._memory.get("started") or {}]

    def run_id(self, service: str, step: int) -> str:
        """Return the name of the run that takes `service` to its step."""
        return child_run_id(self._parent, service, step, way=self._way)

    def _keep_ends(self, going: Sequence[str], ended: dict[str, list[str]]) -> None:
        """Add to `ended`, and keep, what has become of those that went on when they were asked for last."""
        if not going:
            return
        names = {self.run_id(*_service_and_step(key)): key for key in going}
        new = self._runs.ended(list(names))
        for run_id, state in new.items():
            # A run that was cleared by hand and goes again must not take back what this conductor has acted on.
            message = self._runs.failure(run_id) if state is ChildRunState.FAILED else ""
            ended[names[run_id]] = [state.value, message]
        if new:
            self._memory.set("ended", ended)


def _service_and_step(key: str) -> tuple[str, int]:
    service, _, step = key.rpartition("/")
    return service, int(step)
