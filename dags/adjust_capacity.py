"""Look at every service and scale those that need it: what demand asks for, and what events hold.

    list_services ─► look_at_services (some hundred each) ─► scale_services ─► report
    check_calendars

A service gets the larger of what its policy asks for and what the events that go on ask of it; what they ask for is
asserted again at every sweep while they last. It is made smaller in steps, and only when its demand fell and its
checks, and those of what it comes after, pass: load that is simply gone gives nothing back. A run of `scale_service` is
started only where there is something to do, in the order of `after`, at the calendars' pace. `check_calendars` fails
when a calendar is broken; the sweep goes on with the events that were known. For a service whose policy has mode advise
nothing is started: what would be done is told as "planned only", and kept for `springtide report`.

Every quarter of an hour, or as SPRINGTIDE_SWEEP_CRON says by the clocks of SPRINGTIDE_SWEEP_TIMEZONE. It is paused
until somebody turns it on: from then on it scales by itself. SPRINGTIDE_POOL names the pool of the looks, which ask
Prometheus.
"""

from datetime import datetime

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule
from pendulum import UTC

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.event_operators import (
    CheckCalendarsOperator,
    EventReportOperator,
    ListServicesOperator,
    LookAtServicesOperator,
    ScaleServicesSensor,
)
from springtide_airflow.settings import airflow_settings

settings = airflow_settings()

with DAG(
    dag_id="adjust_capacity",
    description="The sweep: what demand asks for and what events hold, for every service.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(
        settings.sweep_cron,
        timezone=settings.sweep_timezone,
    ),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args=scaling_defaults(),
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["springtide"],
):
    CheckCalendarsOperator(task_id="check_calendars", retries=2)
    list_services = ListServicesOperator(task_id="list_services")
    look_at_services = LookAtServicesOperator.partial(
        task_id="look_at_services", map_index_template="{{ looked_at }}", pool=settings.pool
    ).expand(services=list_services.output)
    scale_services = ScaleServicesSensor(task_id="scale_services", trigger_rule=TriggerRule.ALL_DONE)
    report = EventReportOperator(task_id="report", after="scale_services", trigger_rule=TriggerRule.ALL_DONE)

    look_at_services >> scale_services >> report
