"""What a task can know of other DAGs: whether they are paused, as the execution API says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.overview.event_surroundings import AirflowSight


def airflow_sight(context: Context) -> AirflowSight:
    """Return which of the DAGs are paused that an event needs; where one cannot be asked about, nothing is known."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    from springtide.overview.event_surroundings import EVENT_DAGS, AirflowSight

    try:
        answers = {dag_id: context["ti"].get_dag(dag_id) for dag_id in EVENT_DAGS}
    except AirflowRuntimeError as error:
        return AirflowSight(why_not=f"Airflow did not say ({error.error.error.value})")
    # The real supervisor raises; that of tests returns what is wrong.
    known = {dag_id: getattr(answer, "is_paused", None) for dag_id, answer in answers.items()}
    if None in known.values():
        return AirflowSight(why_not="Airflow did not say")
    return AirflowSight(paused={dag_id: bool(paused) for dag_id, paused in known.items()}, why_not="")
