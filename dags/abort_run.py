"""Abort a run in progress: it stops between two writes and rolls back.

    ask ─► the run itself stops, makes the stable pods whole, points the Service back, and says what became of it

Trigger it with the form, or by the button on a run's page. It writes one thing, on the Lease of the service: who asks,
why and when. The run undoes itself by the way back of any failure, and this DAG waits until it has. It ends failed
where the run did not roll back: when it was past its way back, so that the stable pods are gone, or takes longer than
SPRINGTIDE_ABORT_WAIT. A run that waits for an approval has written nothing: reject the approval.

`springtide abort SERVICE --reason ...` does the same from a terminal.
"""

from airflow.sdk import DAG

from springtide_airflow.aborting import AbortRunOperator
from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.folders import policy_folder
from springtide_airflow.parameters import abort_params

with DAG(
    dag_id="abort_run",
    description="Stop a run between two writes, and wait until it has rolled back.",
    doc_md=__doc__,
    schedule=None,
    params=abort_params(policy_folder()),
    default_args=scaling_defaults(),
    max_active_runs=100,
    is_paused_upon_creation=False,  # what is to stop a run must not have to be switched on first
    tags=["springtide"],
):
    abort = AbortRunOperator(task_id="abort")
