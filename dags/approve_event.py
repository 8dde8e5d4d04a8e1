"""Approve the preparation of an event before it comes, so that nobody has to be awake for it.

    approve_ahead

Where a policy wants a person for a plan (`spec.approval`), a preparation at night waits for one. Who approves it ahead
says up to how many replicas, and until when. When the event is prepared, each plan of that event, for that service, in
its cluster and within that bound counts as approved; any other waits as before. The newest approval counts: a lower
bound lowers it, and *Take it back* ends it.

Whoever may run this DAG may approve. The runs of it are the record of who did, when and why. Nothing in a cluster is
touched. `springtide events approve` starts the same run.
"""

from airflow.sdk import DAG

from springtide_airflow.approving import ApproveAheadOperator
from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.folders import known_events, policy_folder
from springtide_airflow.parameters import approval_params

with DAG(
    dag_id="approve_event",
    description="Approve the preparation of an event ahead, up to a number of replicas.",
    doc_md=__doc__,
    schedule=None,
    params=approval_params(policy_folder(), known_events()),
    default_args=scaling_defaults(),
    is_paused_upon_creation=False,  # on a paused DAG an approval would wait for ever and say nothing
    tags=["springtide"],
):
    approve_ahead = ApproveAheadOperator(task_id="approve_ahead")
