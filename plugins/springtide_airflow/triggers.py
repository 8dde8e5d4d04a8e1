"""The trigger of the waiting tasks. It only reads, so it may run twice at once, and anywhere (I-17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from springtide_airflow.clock import system_clock

if TYPE_CHECKING:
    from springtide.run.engine import Progress

SECONDS_BETWEEN_LOOKS: Final = 1.0


class PhaseTrigger(BaseTrigger):
    """Looks at a run until its phase is done, cannot be done, or `deadline` (POSIX seconds) has passed.

    The event says which, for people; the task looks for itself.
    """

    def __init__(self, phase: str, workload: dict[str, str], run_id: str, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = phase
        self.workload = workload
        self.run_id = run_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how another process makes this trigger again."""
        names = ("phase", "workload", "run_id", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        from springtide.run.waiting import why_over

        look = await asyncio.to_thread(self._looking)
        message: str | None = None
        clock = system_clock()
        while message is None and clock.now().timestamp() < self.deadline:
            message = await asyncio.to_thread(why_over, look)
            if message is None:
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        event = {"phase": self.phase, "message": message or "the time is over"}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _looking(self) -> Callable[[], Progress]:
        """Return a function that takes one look where that is worth it, over the client that all triggers share."""
        from springtide.run.ports import RunRef
        from springtide.run.state import Phase
        from springtide.run.watched_look import WatchedLook
        from springtide.workload import Workload
        from springtide_airflow.hook import SpringtideHook

        ref = RunRef(workload=Workload.from_record(self.workload), run_id=self.run_id)
        hook = SpringtideHook.of_cluster(ref.workload.cluster)
        return WatchedLook(hook.reading_ports(), ref, Phase(self.phase))
