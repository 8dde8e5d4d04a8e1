"""Starting runs of another DAG from within a task, and asking what became of them.

The one file that uses what Airflow's task runner itself uses for TriggerDagRunOperator: that operator starts one run
per task, and a wave is many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError
from springtide.events.waves import RunState

if TYPE_CHECKING:
    from airflow.sdk import Context

SCALE_SERVICE: Final = "scale_service"

_STATES: Final = {"success": RunState.SUCCEEDED, "failed": RunState.FAILED}


def start(context: Context, run_id: str, conf: dict[str, Any]) -> None:
    """Start the run of `scale_service` that is called `run_id`; one that is there already is left as it is.

    Raises:
        PermanentError: Airflow refused it.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    note = f"started by {context['dag_run'].dag_id} {context['dag_run'].run_id}"
    asked = TriggerDagRun(dag_id=SCALE_SERVICE, run_id=run_id, conf=conf, logical_date=None, note=note)
    try:
        answer = SUPERVISOR_COMMS.send(asked)
    except AirflowRuntimeError as error:  # how an answer of the real supervisor arrives; the one of tests returns it
        answer = error.error
    if isinstance(answer, ErrorResponse) and answer.error != ErrorType.DAGRUN_ALREADY_EXISTS:
        raise PermanentError(f"run {run_id} could not be started: {answer.detail}", code="run_not_started")


def state(context: Context, run_id: str) -> RunState:
    """Return what has become of the run."""
    found = str(context["ti"].get_dagrun_state(dag_id=SCALE_SERVICE, run_id=run_id))
    return _STATES.get(found.rpartition(".")[2].lower(), RunState.GOING)
