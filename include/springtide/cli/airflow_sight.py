"""What Airflow says of events: which DAGs are paused, and which events are queued. Whoever cannot ask says so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from springtide.cli.airflow import DAG_ID, airflow_answer, opened_airflow, require_good
from springtide.errors import SpringtideError
from springtide.overview.added_events import added_event, is_event_run
from springtide.overview.event_surroundings import EVENT_DAGS, AirflowSight

if TYPE_CHECKING:
    import httpx

MOST_RUNS: Final = 100
"""How many queued events are read."""


def airflow_sight(airflow: str) -> AirflowSight:
    """Return what Airflow at the address `airflow` says; where it cannot be asked, why not."""
    try:
        with opened_airflow(airflow) as client:
            return _seen(_paused(client), _runs(client))
    except SpringtideError as error:
        return AirflowSight(why_not=f"Airflow was not asked ({_why(error)})")


def _why(error: SpringtideError) -> str:
    return error.message.removeprefix("airflow: ").rstrip(".")


def _seen(paused: dict[str, bool], runs: list[dict[str, Any]]) -> AirflowSight:
    named = [run for run in runs if is_event_run(str(run["dag_run_id"]))]
    read = {
        str(run["dag_run_id"]): added_event(
            str(run["dag_run_id"]), str(run["state"]), datetime.fromisoformat(run["run_after"]), run.get("conf")
        )
        for run in named
    }
    return AirflowSight(
        paused=paused,
        added=tuple(event for event in read.values() if event is not None),
        unread=tuple(run_id for run_id, event in read.items() if event is None),
        why_not="",
    )


def _paused(client: httpx.Client) -> dict[str, bool]:
    answer = airflow_answer(client, "GET", "/api/v2/dags", params={"tags": "springtide", "limit": 100})
    require_good(answer)
    return {dag["dag_id"]: bool(dag["is_paused"]) for dag in answer.json()["dags"] if dag["dag_id"] in EVENT_DAGS}


def _runs(client: httpx.Client) -> list[dict[str, Any]]:
    wanted = {"state": ["queued", "running"], "order_by": "run_after", "limit": MOST_RUNS}
    answer = airflow_answer(client, "GET", f"/api/v2/dags/{DAG_ID}/dagRuns", params=wanted)
    require_good(answer)
    runs: list[dict[str, Any]] = answer.json()["dag_runs"]
    return runs
