"""One wave of fifty runs through a running Airflow: how long until all have ended, and how long each one took.

    python -m benchmarks.executors.wave http://127.0.0.1:8080 PASSWORD_FILE LocalExecutor [COUNT]

It starts a run of `scale_service` for each service of `fifty.py`, or for the first COUNT of them, all at once, and
prints the table with its row. The cluster and the policies of that Airflow are those that `fifty.py` writes.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import httpx

from benchmarks.executors.fifty import SERVICES, name_of
from benchmarks.table import Table

DAG: Final = "/api/v2/dags/scale_service"
LONGEST_SECONDS: Final = 1500
COLUMNS: Final = ("executor", "runs", "succeeded", "all ended after, s", "a run: median, s", "p95, s", "slowest, s")
ENDED: Final = frozenset({"success", "failed"})


def measure(url: str, password: str, executor: str, count: int) -> Table:
    """Start the wave, wait for its end, and return the row."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        login = client.post("/auth/token", json={"username": "admin", "password": password})
        login.raise_for_status()
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        began = time.monotonic()
        wave = f"wave-{int(time.time())}"
        for number in range(count):
            _start(client, wave, name_of(number))
        runs = _ended(client, wave, count, began + LONGEST_SECONDS)
    took = [_seconds(run) for run in runs]
    slowest = [f"{each:.0f}" for each in (median(took), quantiles(took, n=20)[-1], max(took))]
    succeeded = sum(run["state"] == "success" for run in runs)
    return Table(
        f"{count} services in one wave",
        COLUMNS,
        [[executor, str(len(runs)), str(succeeded), f"{time.monotonic() - began:.0f}", *slowest]],
    )


def _start(client: httpx.Client, wave: str, service: str) -> None:
    conf = {"service": service, "replicas": "2", "strategy": "in_place", "reason": "a wave of fifty"}
    wanted = {"dag_run_id": f"{wave}-{service}", "logical_date": None, "conf": conf}
    client.post(f"{DAG}/dagRuns", json=wanted).raise_for_status()


def _ended(client: httpx.Client, wave: str, count: int, until: float) -> list[dict[str, Any]]:
    """Return the runs of the wave when all have ended.

    Raises:
        TimeoutError: they have not in time.
    """
    while time.monotonic() < until:
        answer = client.get(f"{DAG}/dagRuns", params={"limit": 100, "order_by": "-id"})
        answer.raise_for_status()
        runs = [run for run in answer.json()["dag_runs"] if run["dag_run_id"].startswith(wave)]
        if len(runs) == count and all(run["state"] in ENDED for run in runs):
            return runs
        time.sleep(1)
    raise TimeoutError(f"the wave has not ended within {LONGEST_SECONDS} s")


def _seconds(run: dict[str, Any]) -> float:
    """Return how long a run took from the moment that somebody asked for it."""
    end = datetime.fromisoformat(run["end_date"])
    return (end - datetime.fromisoformat(run["queued_at"])).total_seconds()


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[2]).read_text())["admin"]
    wanted = int(sys.argv[4]) if len(sys.argv) > 4 else SERVICES  # noqa: PLR2004
    sys.stdout.write(f"{measure(sys.argv[1], asked, sys.argv[3], wanted).to_markdown()}\n")
