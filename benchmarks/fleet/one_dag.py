"""One DAG of a real Airflow, alone: run to its end, with what its processes took and hold."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from examples.demo.patience import wait_until

if TYPE_CHECKING:
    from examples.demo.airflow_server import Airflow

    from benchmarks.fleet.metrics import Measured
    from benchmarks.fleet.postgres import Databases

ALL_BUT_RUNS: Final = (
    "adjust_capacity",
    "capacity_history",
    "check_calendars",
    "prepare_events",
    "reconcile_runs",
    "release_floors",
)
LONGEST_SECONDS: Final = 1800
REST_SECONDS: Final = 20
START_SECONDS: Final = 300


def settings_of(home: Path, metrics: Measured, stores: Databases) -> dict[str, str]:
    """Return what Airflow is started with: PostgreSQL, the fleet's policies, and its Prometheus."""
    kubernetes = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(home / "kubeconfig")}}
    host, _, port = metrics.url.removeprefix("http://").partition(":")
    prometheus: dict[str, Any] = {"conn_type": "http", "host": host, "port": int(port), "schema": "http"}
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stores.airflow,
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(kubernetes),
        "AIRFLOW_CONN_PROMETHEUS_DEFAULT": json.dumps(prometheus),
        "SPRINGTIDE_POLICIES": str(home / "policies"),
        "SPRINGTIDE_STORE_URL": stores.store,
        "SPRINGTIDE_SWEEP_CRON": "0 0 1 1 *",  # by hand alone
        "SPRINGTIDE_SWEEP_PLANS_AFTER": "never",
    }


def leave_alone(airflow: Airflow, dag_id: str) -> None:
    """Pause every other DAG that starts by itself: what it takes is no part of this one."""
    for each in ALL_BUT_RUNS:
        _set_paused(airflow, each, paused=each != dag_id)


def _set_paused(airflow: Airflow, dag_id: str, *, paused: bool) -> None:
    path = f"/api/v2/dags/{dag_id}"
    alive = airflow.child.require_alive
    wait_until(lambda: airflow.client.get(path).is_success, f"{dag_id} is read", alive, START_SECONDS)
    airflow.client.patch(path, json={"is_paused": paused}).raise_for_status()


def when_idle(airflow: Airflow, dag_id: str) -> None:
    """Wait until what the schedule started is over: a DAG that is not paused begins with its last interval."""

    def is_idle() -> bool:
        answer = airflow.client.get(f"/api/v2/dags/{dag_id}/dagRuns", timeout=60)
        states = [str(run["state"]) for run in answer.json()["dag_runs"]]
        return bool(states) and not {"queued", "running"}.intersection(states)

    wait_until(is_idle, f"{dag_id} has run by itself", airflow.child.require_alive, START_SECONDS)


def run_dag(airflow: Airflow, dag_id: str) -> tuple[str, float, list[dict[str, Any]]]:
    """Run it once; return how it ended, after how many seconds, and its tasks."""
    run_id = f"benchmark__{secrets.token_hex(4)}"
    client = airflow.client
    began = time.monotonic()
    started = client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})
    started.raise_for_status()
    state = "queued"

    def is_over() -> bool:
        nonlocal state
        answer = client.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", timeout=60)
        state = str(answer.json().get("state", "queued"))
        return state in {"success", "failed"}

    wait_until(is_over, f"the run of {dag_id} is over", airflow.child.require_alive, LONGEST_SECONDS)
    seconds = time.monotonic() - began
    tasks = client.get(
        f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 1000}, timeout=60
    ).json()
    return state, seconds, tasks["task_instances"]


def at_rest(processor: Callable[[], float]) -> float:
    """Return how many of the processor's seconds go in a second in which nothing is asked for."""
    before = processor()
    time.sleep(REST_SECONDS)
    return (processor() - before) / REST_SECONDS
