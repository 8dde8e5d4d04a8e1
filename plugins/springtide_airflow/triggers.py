"""The trigger of the waiting tasks. It only reads, so it may run twice at once, and anywhere (I-17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from springtide.errors import PermanentError, TemporaryError
from springtide_airflow.clock import system_clock

if TYPE_CHECKING:
    from springtide.run.engine import Progress

SECONDS_BETWEEN_LOOKS: Final = 1.0


class PhaseTrigger(BaseTrigger):
    """Looks at a run until its phase is done, cannot be done, or `deadline` (POSIX seconds) has passed.

    The event says which, for people; the task looks for itself.
    """

    def __init__(self, phase: str, namespace: str, deployment: str, run_id: str, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = phase
        self.namespace = namespace
        self.deployment = deployment
        self.run_id = run_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how another process makes this trigger again."""
        names = ("phase", "namespace", "deployment", "run_id", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        look = await asyncio.to_thread(self._looking)
        message = "the time is over"
        clock = system_clock()
        while clock.now().timestamp() < self.deadline:
            try:
                progress = await asyncio.to_thread(look)
            except TemporaryError as error:
                self.log.warning("%s: %s", error.code, error.message)
            except PermanentError as error:
                message = error.message
                break
            else:
                message = progress.message
                if progress.is_done:
                    break
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        yield TriggerEvent({"phase": self.phase, "message": message})  # type: ignore[no-untyped-call]

    def _looking(self) -> Any:
        """Return a function that takes one look, over one client: connections are read once, and in a thread."""
        from springtide.run.phases import look
        from springtide.run.ports import RunRef
        from springtide.run.state import Phase
        from springtide_airflow.hook import SpringtideHook

        ports = SpringtideHook().reading_ports()
        ref, phase = RunRef(self.namespace, self.deployment, self.run_id), Phase(self.phase)

        def take_one_look() -> Progress:
            return look(ports, ref, phase)

        return take_one_look
