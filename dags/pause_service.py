"""Pause one service, or resume it: what a person asks for by the form, the pages or REST.

    pause_service

While a service is paused no sweep and no event starts a run of it, and a run by hand is refused unless `override` says
who lifts that and why. Runs that are under way go on; giving back, rolling back and reconciling do too. springtide
pauses a service by itself when its runs fail the same way again and again (`guards.failures` of its policy): look at
why, mend it, and resume it here or with `springtide resume SERVICE`.
"""

from airflow.sdk import DAG

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.folders import policy_folder
from springtide_airflow.pausing import PauseServiceOperator, pause_params

with DAG(
    dag_id="pause_service",
    description="Pause one service, or resume it: sweeps and events start no run of it meanwhile.",
    doc_md=__doc__,
    schedule=None,
    params=pause_params(policy_folder()),
    default_args=scaling_defaults(),
    max_active_runs=16,
    is_paused_upon_creation=False,  # on a paused DAG a run would wait for ever and say nothing
    tags=["springtide"],
):
    pause_service = PauseServiceOperator(task_id="pause_service")
