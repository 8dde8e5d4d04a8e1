"""`make demo`: one scaling run from measured demand to clean-up, under live load, in a real Airflow."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from contextlib import suppress
from shutil import rmtree
from typing import Any

import httpx
from examples.demo.airflow_server import ROOT, begin_airflow, when_ready
from examples.demo.children import Children, DemoError
from examples.demo.database import KINDS, Database, begin_database
from examples.demo.follow import finished, follow
from examples.demo.live_load import LOOKED_AT_RATE, LOOKED_AT_SECONDS, LiveLoad
from examples.demo.sale import write_sale
from examples.demo.screen import console, load_table, next_table, plan_table, result
from examples.demo.shop import Shop, begin_shop

from springtide.clock import SystemClock
from springtide.record.sql import open_store

HOME = ROOT / ".springtide" / "demo"
POLICIES = ROOT / "examples" / "sandbox"
CALENDARS = HOME / "calendars"
TRAIL_SECONDS = 5
"""How long the load goes on after the run: what breaks only then is the run's fault, too."""


def main() -> int:
    """Run the demonstration; 0 when the run succeeded, serves what it planned, and no request failed."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end by itself instead of waiting for Ctrl-C")
    about = "where everything is kept; by default PostgreSQL, and SQLite where that cannot be had"
    parser.add_argument("--database", choices=KINDS, help=about)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rmtree(HOME, ignore_errors=True)
    try:
        with Children(HOME / "logs") as children:
            return demonstrate(children, once=asked.once, database=begin_database(children, HOME, asked.database))
    except DemoError as error:
        console.print(f"[red]The demonstration ended:[/red] {error}", highlight=False)
    except httpx.HTTPError as error:
        console.print(f"[red]Airflow did not answer:[/red] {error!r}; its log is {HOME}/logs/airflow.log")
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started is stopped.")
    return 1


def demonstrate(children: Children, *, once: bool, database: Database) -> int:
    """Start everything, do one run, show how it went."""
    console.print(str(database), style="yellow" if database.instead else "", highlight=False, soft_wrap=True)
    with console.status("Starting a cluster on loopback and a real Airflow") as status:
        shop = begin_shop(children, HOME, ROOT / "examples" / "workloads" / "checkout.yaml")
        sale = write_sale(CALENDARS, SystemClock().now())
        airflow = begin_airflow(children, HOME / "airflow", settings(shop, database))
        shop.when_serving()
        status.update("Waiting for Airflow's parts")
        when_ready(airflow)
    before = shop.ready_replicas()
    console.print(f"Cluster {shop.server}, Service {shop.url}, {before} replicas")
    console.print(f"Airflow {airflow.url} (login admin, password {airflow.password})", soft_wrap=True)
    load = LiveLoad(children, shop.url)
    conf = {"service": "checkout", "strategy": "blue_green", "reason": "kick-off: demand has doubled"}
    run_id = airflow.trigger(conf)
    with open_store(database.store_url) as store:
        state = follow(airflow, store, run_id)
        load.watch_on(TRAIL_SECONDS)
        reports = load.stop()
        record = finished(airflow, store, run_id)
    after = shop.ready_replicas()
    plan = record.plan or {}
    failed = sum(report["failed"] for report in reports)
    console.print("", plan_table(plan), load_table(reports), sep="\n")
    console.print(result(state, before, after, reports, record.seconds or 0))
    console.print(f"The run in Airflow: {airflow.page(run_id)}", soft_wrap=True)
    is_good = state == "success" and after == plan.get("replicas") and failed == 0
    if not once:
        LiveLoad(children, shop.url, name="load-on", seconds=LOOKED_AT_SECONDS, rate=LOOKED_AT_RATE)
        console.print("", next_table(airflow.url, sale))
        console.print(f"Log in as admin with {airflow.password}. The load goes on; Ctrl-C ends everything.")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0 if is_good else 1


def settings(shop: Shop, database: Database) -> dict[str, str]:
    """Return what springtide needs of Airflow's environment: its cluster, its policies, its database."""
    connection: dict[str, Any] = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(shop.kubeconfig)}}
    return dict(database.environment) | {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "SPRINGTIDE_POLICIES": str(POLICIES),
        "SPRINGTIDE_CALENDARS": str(CALENDARS),
        "SPRINGTIDE_SWEEP_PLANS_AFTER": "never",  # who turns the sweep on here wants to see it act
    }


if __name__ == "__main__":
    sys.exit(main())
