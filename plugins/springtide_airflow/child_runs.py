"""Starting runs of another DAG from within a task, and asking what became of them.

The one file that uses what Airflow's task runner itself uses for TriggerDagRunOperator: that operator starts one run
per task, and a wave is many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from springtide.errors import PermanentError
from springtide.events.waves import ChildRunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.sdk import Context

    from springtide.fleet.child_runs import ChildRun
    from springtide.record.store import OpenStore

SCALE_SERVICE: Final = "scale_service"
_STATES: Final = {"success": ChildRunState.SUCCEEDED, "failed": ChildRunState.FAILED}


def going_in(context: Context) -> Callable[[str], bool]:
    """Return what says of a run of `scale_service` whether it goes on; one that is not there does not."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    def is_going(run_id: str) -> bool:
        try:
            state = str(context["ti"].get_dagrun_state(dag_id=SCALE_SERVICE, run_id=run_id))
        except AirflowRuntimeError:
            return False
        return state.rpartition(".")[2].lower() not in _STATES

    return is_going


@dataclass(frozen=True, slots=True)
class AirflowRuns:
    """`ChildRuns` as runs of `scale_service`; why one failed stands in the store of runs."""

    context: Context
    open_store: OpenStore

    def start(self, run: ChildRun) -> None:
        """Start the run; one of this name that is there already is left as it is.

        Raises:
            PermanentError: Airflow refused it (`run_not_started`).
        """
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        parent = self.context["dag_run"]
        note = f"started by {parent.dag_id} {parent.run_id}"
        conf = run.parameters()
        asked = TriggerDagRun(dag_id=SCALE_SERVICE, run_id=run.run_id, conf=conf, logical_date=None, note=note)
        try:
            answer = SUPERVISOR_COMMS.send(asked)
        except AirflowRuntimeError as error:  # how an answer of the real supervisor arrives; that of tests returns it
            answer = error.error
        if isinstance(answer, ErrorResponse) and answer.error != ErrorType.DAGRUN_ALREADY_EXISTS:
            raise PermanentError(f"run {run.run_id} could not be started: {answer.detail}", code="run_not_started")

    def state(self, run_id: str) -> ChildRunState:
        """Return what has become of the run."""
        state = str(self.context["ti"].get_dagrun_state(dag_id=SCALE_SERVICE, run_id=run_id))
        return _STATES.get(state.rpartition(".")[2].lower(), ChildRunState.GOING)

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those of these runs that have ended: a request for many that all go on."""
        from springtide.fleet.child_runs import asked_in_parts

        return asked_in_parts(lambda part: self._count(part, *_STATES) > 0, self.state, run_ids)

    def _count(self, run_ids: Sequence[str], *states: str) -> int:
        count: int = self.context["ti"].get_dr_count(dag_id=SCALE_SERVICE, run_ids=list(run_ids), states=list(states))
        return count

    def failure(self, run_id: str) -> str:
        """Return why the run failed."""
        from springtide.fleet.child_runs import failure_in_store

        return failure_in_store(self.open_store, run_id)
