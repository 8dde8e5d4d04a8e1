"""Finish or undo what nobody works on any more.

A run stands in its Lease in the cluster, and not in Airflow. When its DAG run has timed out, was marked failed, cleared
or deleted, or its worker, scheduler or triggerer is gone for good, the Lease stays taken. Once a minute this DAG looks
at the Leases in every namespace that a policy points to: where Airflow knows no queued or running DAG run for one, and
the Lease stands still for a minute, the run is finished when its smoke test had passed, and rolled back when not. Runs
of the command line (`cli-…`) are judged by their Lease alone.

A run that needs a person (somebody else changed what would be restored) keeps both of its pod sets, and this DAG fails
with the words of it, every minute until somebody has looked: alert on its failures. `springtide roll-back` ends such a
run. The DAG fails the same way while a run that Airflow has queued or running stands still for minutes (its DAG is
paused, its pool full), and leaves that run alone. `springtide reconcile` does the same where there is no Airflow.
"""

from airflow.sdk import DAG

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.reconciling import ReconcileRunsOperator

with DAG(
    dag_id="reconcile_runs",
    description="Finish or undo the runs whose owner is gone, from their Leases.",
    doc_md=__doc__,
    schedule="* * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=scaling_defaults(),
    is_paused_upon_creation=False,  # a safety net that has to be switched on first is none
    tags=["springtide"],
):
    reconcile_runs = ReconcileRunsOperator(task_id="reconcile_runs", scaling_dags=["scale_service"])
