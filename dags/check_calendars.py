"""Read the calendars every five minutes, so that one that broke is told long before its next event.

A broken calendar counts as it was before, so nothing is left out at once, and what was changed in it is not done. The
preparation of an event and the sweep check calendars as well, but the next of them may be days away, and the sweep may
be paused. Here a broken calendar fails the run, with every error's file and line. It becomes a metric for the alert,
and is told once (`springtide_notify`) until it is mended.

`springtide events list` says the same where there is no Airflow, and `springtide validate` before a change is merged.
"""

from airflow.sdk import DAG

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.event_operators import CheckCalendarsOperator

with DAG(
    dag_id="check_calendars",
    description="Tell of broken calendars before their events come.",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=scaling_defaults(),
    is_paused_upon_creation=False,  # who is to hear of a broken calendar has not looked at a list of DAGs
    tags=["springtide"],
):
    check_calendars = CheckCalendarsOperator(task_id="check_calendars")
