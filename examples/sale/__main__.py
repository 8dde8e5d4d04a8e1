"""`python -m examples.sale`: a calendar's event, an event of no calendar, its duplicate, a rehearsal on paper.

Everything happens on a real Airflow with its scheduler and on the embedded cluster, in about five minutes. `--keep`
leaves both running for a look at Airflow's pages, until Ctrl-C.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from shutil import copytree
from typing import Any

from examples.demo.airflow_server import ROOT, USER, Airflow, begin_airflow, when_ready
from examples.demo.children import Children
from examples.demo.database import begin_database
from examples.demo.patience import wait_until
from examples.demo.screen import console
from examples.demo.shop import begin_shop
from examples.demo.told import leave_login, told
from examples.sale.story import HERE, calendar, shown, utc_now, write_demand

HOME = ROOT / ".springtide" / "sale"
DAG = "/api/v2/dags/prepare_events"
LEAD = "1m"
PATIENCE = 300
ATTEMPTS = 3
"""On SQLite Airflow's command line writes to the same file as its scheduler, and may find it locked."""


def main() -> int:
    """Tell the story; 0 when everything happened as it should."""
    return told("python -m examples.sale", __doc__, HOME, tell)


def tell(children: Children) -> None:
    """Start everything and let it happen."""
    copytree(HERE / "policies", HOME / "policies")
    (HOME / "calendars").mkdir()
    write_demand(HOME / "policies" / "demand.csv", utc_now())
    shop = begin_shop(children, HOME, HERE / "workloads.yaml")
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(shop.kubeconfig)}}
    database = begin_database(children, HOME)
    console.print(str(database), highlight=False, soft_wrap=True)
    environment = dict(database.environment) | {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "SPRINGTIDE_POLICIES": str(HOME / "policies"),
        "SPRINGTIDE_CALENDARS": str(HOME / "calendars"),
        "SPRINGTIDE_SWEEP_PLANS_AFTER": "never",
    }
    airflow = begin_airflow(children, HOME / "airflow", environment)
    shop.when_serving()
    when_ready(airflow)
    login = {
        "SPRINGTIDE_AIRFLOW": airflow.url,
        "SPRINGTIDE_AIRFLOW_USER": USER,
        "SPRINGTIDE_AIRFLOW_PASSWORD": airflow.password,
    }
    leave_login(airflow, HOME)
    ask = environment | login
    until(airflow, lambda: bool(airflow.client.get(DAG).is_success), "prepare_events is read")
    scheduled(airflow, ask)
    added(airflow, ask)
    on_paper(airflow)
    broken(airflow)


def scheduled(airflow: Airflow, ask: dict[str, str]) -> None:
    """Let an event of the calendar be prepared at its time, and another be queued meanwhile."""
    flash = (utc_now() + timedelta(seconds=150)).replace(microsecond=0)
    began = time.monotonic()
    (HOME / "calendars" / "sales.yaml").write_text(calendar(utc_now(), flash, LEAD))
    shown(["springtide", "events", "list", "--days", "2"], ask)
    until(airflow, lambda: next_run(airflow) is not None, "the calendar is seen")
    seconds = time.monotonic() - began
    console.print(f"\nAirflow saw the calendar {seconds:.0f} s after it was written: {next_run(airflow)}")
    launch = flash + timedelta(minutes=1)
    add = ["springtide", "events", "add", "launch", "--start", launch.isoformat()]
    add += ["--end", (launch + timedelta(minutes=20)).isoformat(), "--service", "checkout=12", "--lead", LEAD]
    shown([*add, "--reason", "announced on television"], ask)
    shown([*add, "--reason", "announced on television"], ask)
    later = flash + timedelta(hours=5)
    times = ["--start", later.isoformat()]
    other = [*times, "--end", (later + timedelta(minutes=20)).isoformat(), "--service", "checkout=3x"]
    shown(["springtide", "events", "add", "maybe", *other], ask)
    shown(["springtide", "events", "cancel", "maybe", *times], ask)
    run = finished(airflow, "scheduled__")
    tell_run("The calendar's event", run, airflow)


def added(airflow: Airflow, ask: dict[str, str]) -> None:
    """Let the queued event be prepared at its time, and the sweep hold both."""
    tell_run("The queued event", finished(airflow, "event__launch"), airflow)
    airflow.client.patch("/api/v2/dags/adjust_capacity", json={"is_paused": False}).raise_for_status()
    answer = airflow.client.post("/api/v2/dags/adjust_capacity/dagRuns", json={"logical_date": None})
    answer.raise_for_status()
    run_id = answer.json()["dag_run_id"]
    tell_run("A sweep while both last", finished(airflow, run_id, dag="/api/v2/dags/adjust_capacity"), airflow)
    shown(["springtide", "status"], ask)


def on_paper(airflow: Airflow) -> None:
    """Rehearse the past sales by a backfill from Airflow's command line."""
    first = utc_now() - timedelta(days=3)
    last = utc_now() - timedelta(minutes=30)
    command = ["airflow", "backfill", "create", "--dag-id", "prepare_events"]
    command += ["--from-date", f"{first:%Y-%m-%dT%H:%M}", "--to-date", f"{last:%Y-%m-%dT%H:%M}"]
    for _ in range(ATTEMPTS):
        if shown(command, airflow.environment) == 0:
            break

    def rehearsed() -> list[dict[str, Any]]:
        return [run for run in runs(airflow) if run["run_type"] == "backfill"]

    until(airflow, lambda: rehearsed() and all(run["end_date"] for run in rehearsed()), "the backfill is done")
    for run in sorted(rehearsed(), key=lambda run: str(run["logical_date"])):
        tell_run("On paper", run, airflow)


def broken(airflow: Airflow) -> None:
    """Break the calendar, and see it told; mend it with another event, and see that seen."""
    file = HOME / "calendars" / "sales.yaml"
    good = file.read_text()
    began = time.monotonic()
    file.write_text(good.replace("duration: 30m", "duration: half an hour"))
    until(airflow, lambda: "BROKEN" in summary(airflow), "the page says that the calendar is broken")
    console.print(f"\nAfter {time.monotonic() - began:.0f} s the DAG's page says: {summary(airflow)}", soft_wrap=True)
    later = utc_now() + timedelta(hours=6)
    began = time.monotonic()
    night = f"{{name: night, start: {later:%Y-%m-%dT%H:%M}, duration: 1h, services: {{checkout: {{replicas: 9}}}}}}"
    file.write_text(f"{good}    - {night}\n")
    until(airflow, lambda: next_run(airflow) is not None, "the edit is seen")
    console.print(f"{time.monotonic() - began:.0f} s after the edit the next run is due at {next_run(airflow)}")


def until(airflow: Airflow, is_so: Any, what: str) -> None:
    """Wait for something; Airflow has to stay alive meanwhile."""
    wait_until(is_so, what, airflow.child.require_alive, PATIENCE)


def next_run(airflow: Airflow) -> str | None:
    """Return when the next run is due; None while none is."""
    details = airflow.client.get(f"{DAG}/details").json()
    due = details.get("next_dagrun_run_after")
    return None if due is None else str(due)


def summary(airflow: Airflow) -> str:
    """Return what the DAG's page says of its timetable."""
    return str(airflow.client.get(DAG).json().get("timetable_summary"))


def runs(airflow: Airflow, dag: str = DAG) -> list[dict[str, Any]]:
    """Return the runs of a DAG."""
    return list(airflow.client.get(f"{dag}/dagRuns").json()["dag_runs"])


def finished(airflow: Airflow, prefix: str, dag: str = DAG) -> dict[str, Any]:
    """Return the run whose name begins so, when it has ended."""

    def ended() -> dict[str, Any] | None:
        named = (run for run in runs(airflow, dag) if run["dag_run_id"].startswith(prefix))
        return next((run for run in named if run["end_date"]), None)

    until(airflow, lambda: ended() is not None, f"{prefix} has ended")
    run = ended()
    assert run is not None
    return run


def tell_run(title: str, run: dict[str, Any], airflow: Airflow) -> None:
    """Show when a run was due, when it began, and what its report says."""
    due, began, ended = (datetime.fromisoformat(run[key]) for key in ("run_after", "start_date", "end_date"))
    late = (began - due).total_seconds()
    console.print(f"\n[bold]{title}[/bold]: {run['dag_run_id']} {run['state']}", highlight=False, soft_wrap=True)
    times = f"due {due:%Y-%m-%d %H:%M:%S}, took {(ended - began).total_seconds():.0f} s"
    times += "" if run["run_type"] == "backfill" else f", began {late:.1f} s after it was due"
    console.print(times, highlight=False)
    task = "scale_services" if run["dag_id"] == "adjust_capacity" else "prepare_services"
    path = f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task}/xcomEntries/return_value"
    answer = airflow.client.get(path, params={"deserialize": True})
    report = answer.json().get("value") if answer.is_success else None
    if isinstance(report, str):
        report = json.loads(report)
    for service, message in (report or {}).get("services", {}).items():
        console.print(f"  {service}: {message}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
