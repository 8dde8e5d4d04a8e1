"""`python -m examples.history`: 30 days of a real Prometheus, learned by backfills of a real Airflow, twice.

Needs Debian's `prometheus`. Takes some minutes. There is no cluster at all, and the backfill's conf says
`dry_run: false`: it learns all the same, and changes nothing. `--keep` leaves both running for a look at the pages,
until Ctrl-C.

Airflow creates a backfill in one transaction beside its scheduler; on a busy machine its SQLite refuses that
("database is locked"). Then set AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, and the same with _ASYNC behind it, to a
PostgreSQL (`postgresql+psycopg://…`), as real installations have one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy, copytree
from typing import Final

import httpx
from examples.demo.airflow_server import ROOT, Airflow, begin_airflow, when_ready
from examples.demo.children import Children, DemoError
from examples.demo.database import begin_database
from examples.demo.patience import wait_until
from examples.demo.screen import console
from examples.demo.told import leave_login, told
from examples.history.month import begin_prometheus

from springtide.record.history import HistoryDay
from springtide.record.sql import open_store

HOME: Final = ROOT / ".springtide" / "history"
DAG: Final = "/api/v2/dags/capacity_history"
DAGS: Final = ("capacity_history", "scale_service")
"""The others look at a cluster every minute, and here is none."""

DAYS: Final = 30
PATIENCE: Final = 1800


def main() -> int:
    """Tell the story; 0 when the second backfill left the rows of the first."""
    return told("python -m examples.history", __doc__, HOME, tell)


def tell(children: Children) -> None:
    """Start everything, and backfill the month twice."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    copytree(Path(__file__).parent / "policies", HOME / "policies")
    url = begin_prometheus(children, HOME / "prometheus", now)
    (HOME / "dags").mkdir()
    for name in DAGS:
        copy(ROOT / "dags" / f"{name}.py", HOME / "dags")
    database = begin_database(children, HOME)
    console.print(str(database), highlight=False, soft_wrap=True)
    environment = dict(database.environment) | {
        "AIRFLOW_CONN_PROMETHEUS_DEFAULT": json.dumps({"conn_type": "http", "host": url}),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
        "SPRINGTIDE_POLICIES": str(HOME / "policies"),
        "SPRINGTIDE_PAGES": str(HOME / "pages"),
    }
    airflow = when_ready(begin_airflow(children, HOME / "airflow", environment))
    airflow.client.timeout = httpx.Timeout(60)
    leave_login(airflow, HOME)
    wait_until(lambda: airflow.client.get(DAG).is_success, "the DAG is read", airflow.child.require_alive, 120)
    first = (now - timedelta(days=DAYS)).date()
    last = (now - timedelta(days=1)).date()
    span = ["--from-date", first.isoformat(), "--to-date", last.isoformat(), "--max-active-runs", "4"]
    conf = ["--dag-run-conf", json.dumps({"dry_run": False})]
    once = backfilled(airflow, database.store_url, [*span, *conf])
    again = backfilled(airflow, database.store_url, [*span, *conf, "--reprocess-behavior", "completed"])
    show(once)
    same = "the same rows" if once == again else "OTHER ROWS"
    console.print(f"{len(once)} days after the first backfill, {len(again)} after the second: {same}")
    if len(once) != DAYS or once != again:
        raise DemoError("the second backfill did not leave the rows of the first")


def backfilled(airflow: Airflow, store: str, arguments: Sequence[str]) -> tuple[HistoryDay, ...]:
    """Backfill by Airflow's command line, wait until all runs are over, and return what is kept."""
    command = ["airflow", "backfill", "create", "--dag-id", "capacity_history", *arguments]
    console.print(f"\n$ {' '.join(command)}", highlight=False, soft_wrap=True)
    began = time.monotonic()
    program = str(Path(sys.executable).with_name(command[0]))
    done = subprocess.run(  # noqa: S603  our own command, no shell
        [program, *command[1:]],
        env=dict(os.environ) | dict(airflow.environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"the backfill was refused: {done.stdout[-500:]}{done.stderr[-500:]}")
    wait_until(lambda: is_over(airflow), "the backfill is done", airflow.child.require_alive, PATIENCE)
    console.print(f"done after {time.monotonic() - began:.0f} s")
    with open_store(store) as opened:
        return opened.days("checkout", date.min, date.max)


def is_over(airflow: Airflow) -> bool:
    """Say whether every backfill is complete; a run that failed ends the story."""
    runs = airflow.client.get(f"{DAG}/dagRuns", params={"limit": 100}).json()["dag_runs"]
    failed = [run["dag_run_id"] for run in runs if run["state"] == "failed"]
    if failed:
        raise DemoError(f"runs failed: {', '.join(failed)}")
    backfills = airflow.client.get("/api/v2/backfills", params={"dag_id": "capacity_history"}).json()["backfills"]
    return (
        bool(backfills)
        and all(backfill["completed_at"] for backfill in backfills)
        and all(run["end_date"] for run in runs)
    )


def show(days: Sequence[HistoryDay]) -> None:
    """Print one line a day."""
    for day in days:
        saturation = "-" if day.saturation is None else f"{day.saturation:.0%}"
        peak = "-" if day.peak is None else f"{day.peak:.0f}"
        rules = ", ".join(finding["rule"] for finding in day.quality["findings"])
        console.print(
            f"{day.day} peak {peak:>5} {day.unit}, {day.required} replicas filled of {day.actual}, saturation "
            f"{saturation}, quality {day.quality['outcome']} {rules}",
            highlight=False,
        )


if __name__ == "__main__":
    raise SystemExit(main())
