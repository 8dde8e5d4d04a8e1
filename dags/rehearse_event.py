"""Rehearse an event: its waves now, a bounded load test at its forecast peak, a verdict, and everything given back.

    find_event ─► look_at_services ─► prepare_services ─► load_test (each) ─► release_services ─► report
        └────────────────── whatever fails: ─────────────────────────┘

Trigger it with the form, with an event of the calendars or what is asked of services, and confirm: it scales and loads
what serves customers. Load goes only to services whose policy has a `rehearsal`, within what that allows; the others
are scaled, and the report says so. A load test ends by itself when too many requests fail, answers take too long, or
one of the policy's own conditions fails; then the verdict is that the event would not hold, and the run ends failed.

The last two tasks are teardowns: they run whatever became of the others, also when the run is marked as failed.
What the rehearsal asks for is noted with its expiry (`minutes`), so that a sweep of `adjust_capacity` gives back what
one that died left behind. Outcomes are kept in the store: a measured limit raises what the capacity models ask for.
"""

from datetime import timedelta

from airflow.sdk import DAG, TriggerRule

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.event_operators import LookAtServicesOperator
from springtide_airflow.folders import known_events, policy_folder
from springtide_airflow.parameters import rehearsal_params
from springtide_airflow.rehearsal import (
    FindRehearsalOperator,
    LoadTestOperator,
    PrepareRehearsalSensor,
    RehearsalReportOperator,
    ReleaseRehearsalSensor,
)

with DAG(
    dag_id="rehearse_event",
    description="An event's waves, a bounded load test, a verdict, and everything given back.",
    doc_md=__doc__,
    schedule=None,
    params=rehearsal_params(policy_folder(), known_events()),
    default_args=scaling_defaults(),
    max_active_runs=1,  # two rehearsals would measure each other
    is_paused_upon_creation=False,  # on a paused DAG a run would wait for ever and say nothing
    tags=["springtide"],
):
    find_event = FindRehearsalOperator(task_id="find_event")
    look_at_services = LookAtServicesOperator(task_id="look_at_services", waits=True, services=find_event.output)
    prepare_services = PrepareRehearsalSensor(
        task_id="prepare_services", trigger_rule=TriggerRule.ALL_DONE, timeout=timedelta(hours=4)
    )
    load_test = LoadTestOperator.partial(task_id="load_test").expand(service=find_event.output)
    release_services = ReleaseRehearsalSensor(task_id="release_services")
    report = RehearsalReportOperator(task_id="report")

    look_at_services >> prepare_services >> load_test >> release_services >> report
    for last in (release_services, report):
        last.as_teardown(setups=find_event, on_failure_fail_dagrun=True)
