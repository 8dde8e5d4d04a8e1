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
        known = len(ended)
        started = [
            Started(service=order.service, step=0, at=_BEFORE_ALL, state=ChildRunState.FAILED, message=order.reason)
            for order in orders
            if is_unseen(order)
        ]
        for key, at in times.items():
            service, _, step = key.rpartition("/")
            state, message = self._what_became(key, ended)
            started.append(
                Started(service=service, step=int(step), at=datetime.fromisoformat(at), state=state, message=message)
            )
        if len(ended) > known:
            self._memory.set("ended", ended)
        return started

    def start(self, order: ServicePlan, step: int, now: datetime) -> str:
        """Start the run that takes the order's service to its step; return what was started, in words.

        A start that is repeated starts nothing: the run has the same name.
        """
        override = BACK_THROUGH_PAUSES if self._way else ""
        self._runs.start(ChildRun.of(order, step, self.run_id(order.service, step), override=override))
        times: dict[str, Any] = self._memory.get("started") or {}
        self._memory.set("started", times | {f"{order.service}/{step}": now.isoformat()})
        return f"{order.current} → {order.steps[step]} replicas: {order.reason}"

    def run_ids(self) -> list[str]:
        """Return the names of all runs that were started."""
        keys = (key.rpartition("/") for key in self._memory.get("started") or {})
        return [self.run_id(service, int(step)) for service, _, step in keys]

    def run_id(self, service: str, step: int) -> str:
        """Return the name of the run that takes `service` to its step."""
        return child_run_id(self._parent, service, step, way=self._way)

    def _what_became(self, key: str, ended: dict[str, list[str]]) -> tuple[ChildRunState, str]:
        if key in ended:
            state, message = ended[key]
            return ChildRunState(state), message
        service, _, step = key.rpartition("/")
        run_id = self.run_id(service, int(step))
        state_now = self._runs.state(run_id)
        if state_now is ChildRunState.GOING:
            return state_now, ""
        message = self._runs.failure(run_id) if state_now is ChildRunState.FAILED else ""
        # A run that was cleared by hand and goes again must not take back what this conductor has acted on.
        ended[key] = [state_now.value, message]
        return state_now, message
