"""`python -m examples.rehearsal`: an event is rehearsed and holds; a service whose policy promises too much does not.

Everything happens on a real Airflow with its scheduler and on the embedded cluster, while customers send requests, in
about four minutes. `--keep` leaves both running for a look at Airflow's pages, until Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from shutil import copytree
from typing import Any

import httpx
from examples.demo.airflow_server import ROOT, Airflow, begin_airflow, when_ready
from examples.demo.children import Child, Children
from examples.demo.database import begin_database
from examples.demo.patience import wait_until
from examples.demo.screen import console
from examples.demo.shop import Shop, begin_shop
from examples.demo.told import leave_login, told
from examples.sale.story import shown, utc_now

from springtide.record.sql import open_store

HERE = ROOT / "examples" / "rehearsal"
HOME = ROOT / ".springtide" / "rehearsal"
DAG = "/api/v2/dags/rehearse_event"
DEMAND = {"checkout": 20, "search": 12}
"""What customers send all the time, in requests a second."""

CALENDAR = """\
apiVersion: springtide/v1
kind: EventCalendar
metadata: {{name: sales, owner: commerce}}
spec:
  timezone: UTC
  events:
    - name: flash
      start: {start}
      duration: 2h
      services: {{checkout: {{multiply: 6x}}, orders-db: {{replicas: 4}}}}
"""
PATIENCE = 400
LONGEST_SECONDS = 900
"""Customers go by themselves, whatever becomes of the story."""


def main() -> int:
    """Tell the story; 0 when everything happened as it should."""
    return told("python -m examples.rehearsal", __doc__, HOME, tell)


def tell(children: Children) -> None:
    """Start everything and let it happen."""
    copytree(HERE / "policies", HOME / "policies")
    (HOME / "calendars").mkdir()
    start = utc_now() + timedelta(days=2)
    (HOME / "calendars" / "sales.yaml").write_text(CALENDAR.format(start=f"{start:%Y-%m-%dT%H}:00"))
    for service, rate in DEMAND.items():
        write_demand(service, rate)
    shop = begin_shop(children, HOME, HERE / "workloads.yaml")
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(shop.kubeconfig)}}
    database = begin_database(children, HOME)
    console.print(str(database), highlight=False, soft_wrap=True)
    environment = dict(database.environment) | {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "SPRINGTIDE_POLICIES": str(HOME / "policies"),
        "SPRINGTIDE_CALENDARS": str(HOME / "calendars"),
    }
    airflow = begin_airflow(children, HOME / "airflow", environment)
    shop.when_serving()
    customers = [begin_customers(children, shop, service) for service in DEMAND]
    when_ready(airflow)
    leave_login(airflow, HOME)
    until(airflow, lambda: bool(airflow.client.get(DAG).is_success), "rehearse_event is read")
    rehearse(airflow, "flash", {"event": "sales.flash", "max_rate": 200, "seconds": 30, "confirm": True})
    rehearse(airflow, "search", {"services": {"search": {"replicas": 4}}, "max_rate": 500, "confirm": True})
    place = ["--policies", str(HOME / "policies"), "--kubeconfig", str(shop.kubeconfig)]
    shown(["springtide", "explain", "search", *place, "--store", environment["SPRINGTIDE_STORE_URL"]], environment)
    for service, child in zip(DEMAND, customers, strict=True):
        child.stop()
        counted = json.loads(child.log.read_text().splitlines()[-1])
        console.print(f"customers of {service}: {counted['requests']} requests, {counted['failed']} failed")


def write_demand(service: str, rate: int) -> None:
    """Write what customers send: the same rate from three hours ago until an hour from now."""
    first = utc_now() - timedelta(hours=3)
    lines = [f"{first + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{rate}" for minute in range(240)]
    (HOME / "policies" / f"{service}.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")


def begin_customers(children: Children, shop: Shop, service: str) -> Child:
    """Let customers send their requests to a service."""
    answer = httpx.get(f"{shop.server}/api/v1/namespaces/shop/services/{service}", timeout=5, trust_env=False)
    spec = answer.raise_for_status().json()["spec"]
    url = f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}/"
    command = [sys.executable, "-m", "springtide.sandbox.load", "--url", url, "--for", str(LONGEST_SECONDS)]
    return children.start(f"customers-{service}", [*command, "--rate", str(DEMAND[service])])


def rehearse(airflow: Airflow, name: str, conf: dict[str, Any]) -> None:
    """Rehearse as a user does by REST, and show what it came to."""
    run_id = f"rehearsal__{name}"
    wanted = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
    until(airflow, lambda: taken(airflow, wanted), "Airflow takes the run")
    until(airflow, lambda: run_of(airflow, run_id)["end_date"] is not None, f"{run_id} has ended")
    run = run_of(airflow, run_id)
    began, ended = (datetime.fromisoformat(run[key]) for key in ("start_date", "end_date"))
    console.print(f"\n[bold]{run_id}[/bold] {json.dumps(conf)}", highlight=False, soft_wrap=True)
    console.print(f"{run['state']} after {(ended - began).total_seconds():.0f} s", highlight=False)
    with open_store(airflow.environment["SPRINGTIDE_STORE_URL"]) as store:
        for service in ("orders-db", "checkout", "search"):
            for rehearsal in store.rehearsals(service):
                if rehearsal.run_id == run_id:
                    console.print(f"  {service}: {rehearsal.message}", highlight=False, soft_wrap=True)
        ours = [run for run in reversed(store.latest(limit=100)) if run.run_id.startswith(run_id)]
    for each in ours:
        plan = each.plan or {}
        message = f"{plan.get('current')} → {plan.get('replicas')} {each.outcome} in {each.seconds or 0:.1f} s"
        console.print(f"  run {each.run_id}: {message}", highlight=False, soft_wrap=True)


def taken(airflow: Airflow, wanted: dict[str, Any]) -> bool:
    """Say whether Airflow has the run: asked again, it answers that it has it already."""
    answer = airflow.client.post(f"{DAG}/dagRuns", json=wanted)
    return answer.is_success or answer.status_code == httpx.codes.CONFLICT


def run_of(airflow: Airflow, run_id: str) -> dict[str, Any]:
    """Return the run."""
    return dict(airflow.client.get(f"{DAG}/dagRuns/{run_id}").json())


def until(airflow: Airflow, is_so: Any, what: str) -> None:
    """Wait for something; Airflow has to stay alive meanwhile."""
    wait_until(is_so, what, airflow.child.require_alive, PATIENCE)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
