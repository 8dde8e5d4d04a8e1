"""Prepare what begins at one instant: every service of those events, in order and at the calendars' pace.

    find_events ─► look_at_services (some hundred each) ─► prepare_services ─► report

Airflow starts a run a lead time before the events of the calendars (the folder that SPRINGTIDE_CALENDARS names); a
start that was missed still comes while the event lasts. An event of no calendar is a queued run: `springtide events
add` makes one, with the event in its conf; the form makes one that is due at once. What is prepared is held and given
back by `adjust_capacity`.

`prepare_services` starts runs of `scale_service` and waits for them. A service that fails holds back what comes after
it, in its own words, and nobody else; the run ends failed and the next sweep tries again. When the events begin and
the run is not done, its deadline says so.

A backfill over past events is a rehearsal on paper: each is planned with what was known when it would have been
prepared, beside what demand then did. Nothing is read from or written to the cluster.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, AsyncCallback, DeadlineAlert, TriggerRule  # type: ignore[attr-defined]
from pendulum import UTC

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.event_operators import (
    EventReportOperator,
    FindEventsOperator,
    LookAtServicesOperator,
    ScaleServicesSensor,
)
from springtide_airflow.folders import policy_folder
from springtide_airflow.parameters import event_params
from springtide_airflow.timetables import CalendarTimetable, EventStart, tell_late

with DAG(
    dag_id="prepare_events",
    description="A lead time before known events: every service of theirs, in order and at a pace.",
    doc_md=__doc__,
    schedule=CalendarTimetable(),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,  # a missed start is still due while its event lasts; what is over stays over
    params=event_params(policy_folder()),
    default_args=scaling_defaults(),
    deadline=DeadlineAlert(
        reference=EventStart(),
        interval=timedelta(0),
        callback=AsyncCallback(tell_late),
        name="the events begin",
    ),
    max_active_runs=16,
    is_paused_upon_creation=False,  # an event that was added by hand would wait for ever
    tags=["springtide"],
):
    find_events = FindEventsOperator(task_id="find_events")
    look_at_services = LookAtServicesOperator.partial(
        task_id="look_at_services", map_index_template="{{ looked_at }}", waits=True
    ).expand(services=find_events.output)
    prepare_services = ScaleServicesSensor(task_id="prepare_services", trigger_rule=TriggerRule.ALL_DONE)
    report = EventReportOperator(task_id="report", after="prepare_services", trigger_rule=TriggerRule.ALL_DONE)

    look_at_services >> prepare_services >> report
