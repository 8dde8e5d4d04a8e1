"""The tasks that wait: first a few seconds in the worker, since a deferral costs 2 to 3, then in the triggerer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseSensorOperator

from springtide_airflow.contexts import Record
from springtide_airflow.runs import progress_record
from springtide_airflow.triggers import PhaseTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.run.ports import Ports, RunRef

PATIENCE: Final = timedelta(seconds=5)
"""How long the worker looks itself: twice what a deferral costs, and most pods are ready by then."""

AT_ONCE: Final = timedelta(0)


class PhaseSensor(BaseSensorOperator):
    """A phase that waits; the task is called as the library's function.

    Whatever ends a deferral (an event, a failed trigger, a timeout), only what the cluster shows then counts (I-16).
    """

    _is_resumed = False

    def __init__(self, *, timeout: timedelta = timedelta(days=1), **kwargs: Any) -> None:
        super().__init__(timeout=timeout, **kwargs)

    def execute(self, context: Context) -> Record:
        """Return what the phase came to, or defer.

        Raises:
            DeadlineExceeded: the phase's own deadline is over.
            PermanentError, TemporaryError: as the phase says.
        """
        from springtide.run.state import Phase
        from springtide_airflow.ahead import taken_up

        return taken_up(context, Phase(self.task_id), self._wait)

    def _wait(self, ports: Ports, ref: RunRef) -> Record:
        from springtide.run.ahead import is_begun
        from springtide.run.phases import run_phase
        from springtide.run.state import Phase
        from springtide.run.waiting import WaitElsewhere

        phase = Phase(self.task_id)
        # Whoever went ahead has had the patience already: a worker that waits twice is kept from others.
        waited = not self._is_resumed and is_begun(ports, ref, phase)
        progress = run_phase(ports, ref, phase, patience=AT_ONCE if waited else PATIENCE)
        if not progress.is_done:
            wait = WaitElsewhere.of(ports, ref, phase, at_most=timedelta(seconds=self.timeout))
            self.log.info("deferred until %s: %s", wait.until.isoformat(timespec="seconds"), progress.message)
            trigger = PhaseTrigger(self.task_id, ref.workload.to_record(), ref.run_id, wait.until.timestamp())
            self.defer(trigger=trigger, method_name="execute", timeout=wait.timeout)
        return progress_record(progress)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Record:
        """Look again, whatever ended the deferral."""
        del next_method, next_kwargs
        self._is_resumed = True
        return self.execute(context)
