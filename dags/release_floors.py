"""Give back what nobody gave back.

A run of strategy `floor` ends with an autoscaler's minimum raised, and a note on it that says until when. Who raised it
gives it back with `replicas: release`; where that was forgotten, or whoever was to do it is gone, this DAG does so when
the time is over. Each release is a run of its own: it waits, tests and proves as any other, and a service whose smoke
test fails keeps its floor. Then this DAG fails, every five minutes until somebody has looked: alert on its failures.

`springtide release --expired` does the same where there is no Airflow.
"""

from airflow.sdk import DAG

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.releasing import ReleaseExpiredOperator

with DAG(
    dag_id="release_floors",
    description="Give back the floors whose time is over.",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=scaling_defaults(),
    is_paused_upon_creation=False,  # a safety net that has to be switched on first is none
    tags=["springtide"],
):
    release_expired = ReleaseExpiredOperator(task_id="release_expired")
