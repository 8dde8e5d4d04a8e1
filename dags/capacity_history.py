"""Learn from each day what a service needs.

    services ─► learn_day (a hundred each)
    prune

For every service whose policy reads demand, one day (UTC) is read in five-minute maxima, judged with
great-expectations (with pages for people), and kept: the demand profile, its peak, the replicas that it would have
filled, those that ran, and their saturation. The newest day also has forecasts fitted and every model judged by what it
would have said. Runs of `scale_service` look all of that up.

A task of `learn_day` learns SPRINGTIDE_LEARN_CHUNK services, one after the other, and keeps each as soon as it is
learned. One that fails keeps no other out: at the end the task fails with all names and reasons. A retry learns only
what is left, also where the task was killed; a task that is cleared learns all of its services again.

`prune` forgets what is older than SPRINGTIDE_KEEP_RUNS, _MOMENTS and _DECISIONS say, and tells how many records went
and how many stayed.

It runs once a day by itself. Earlier days are learned by a backfill, from Airflow's pages (Trigger, Backfill), by

    airflow backfill create --dag-id capacity_history --from-date 2025-11-01 --to-date 2025-11-30

or by `POST /api/v2/backfills`. A day that is learned again is written over: the rows are the same.

**It never changes a cluster, whatever its conf says**: its tasks open the metrics and the store, and no connection to
Kubernetes. Connection: `prometheus_default`. Pages: SPRINGTIDE_PAGES, else `springtide/pages` in
AIRFLOW_HOME.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable

from springtide_airflow.defaults import scaling_defaults
from springtide_airflow.history import DemandingServicesOperator, LearnDayOperator, PruneOperator

with DAG(
    dag_id="capacity_history",
    description="One day of every service: profile, peak, replicas, saturation. Learns, and changes nothing.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args=scaling_defaults(),
    max_active_tasks=4,  # each that learns takes a core and half a gigabyte
    is_paused_upon_creation=False,
    tags=["springtide"],
):
    services = DemandingServicesOperator(task_id="services")
    prune = PruneOperator(task_id="prune")
    LearnDayOperator.partial(task_id="learn_day", map_index_template="{{ task.title }}").expand(
        services=services.output
    )
