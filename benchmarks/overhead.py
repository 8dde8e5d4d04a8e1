"""A run's own overhead: what it takes beyond what nobody can do faster.

Overhead = the run's time less the pods' own start, the wait for the propagation or the drain (both count from the
switch), and the end of the pods of each step of the removal; all as the policy and the pods are told to take. The same
runs by `springtide run` and in a real Airflow, on the embedded cluster.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from examples.demo.__main__ import settings
from examples.demo.airflow_server import ROOT, begin_airflow, when_ready
from examples.demo.children import Children
from examples.demo.database import begin_database
from examples.demo.follow import ENDED
from examples.demo.patience import wait_until
from examples.demo.shop import Shop, begin_shop

from benchmarks.table import Table, spread
from springtide.record.sql import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 2
SMALL = 3
LARGE = 6
START = 1.0  # of the pods of examples/workloads/checkout.yaml
DRAIN = 3.0
SWITCHED = 4.0  # the policy's drain, which is longer than its propagation; both count from the switch
REMOVAL_STEPS = 2  # of 50 %
IN_PLACE_STEPS = 1  # from 6 to 3 is one step of 50 %

COURSE = (("blue_green", LARGE), ("in_place", SMALL), ("in_place", LARGE), ("in_place", SMALL))
WAITS = {
    ("blue_green", LARGE): START + SWITCHED + REMOVAL_STEPS * DRAIN,
    ("in_place", SMALL): IN_PLACE_STEPS * DRAIN,
    ("in_place", LARGE): START,
}


def measure() -> Table:
    """Return the overhead of runs of each strategy, by the command line and in Airflow."""
    rows = []
    with TemporaryDirectory() as folder, Children(Path(folder) / "logs") as children:
        home = Path(folder)
        shop = begin_shop(children, home, ROOT / "examples" / "workloads" / "checkout.yaml")
        shop.when_serving()
        rows += _series("`springtide run`", "3", lambda replicas, strategy: _by_command(shop, home, replicas, strategy))
        database = begin_database(children, home)
        airflow = when_ready(begin_airflow(children, home / "airflow", settings(shop, database)))

        def in_airflow(replicas: int, strategy: str) -> float:
            run_id = airflow.trigger({"service": "checkout", "replicas": replicas, "strategy": strategy})
            wait_until(
                lambda: str(airflow.run(run_id)["state"]) in ENDED, "the run has ended", children.require_alive, 300
            )
            with open_store(database.store_url) as opened:
                return opened.get(run_id).seconds or 0.0

        in_airflow(SMALL, "in_place")  # the first task after a start is slow
        rows += _series("Airflow", "10", in_airflow)
    columns = ("run", "by", "waits, s", "limit, s", "overhead: median, s", "least", "most")
    return Table("A run's own overhead", columns, rows)


def _series(by: str, limit: str, act: Callable[[int, str], float]) -> list[list[str]]:
    overheads: dict[tuple[str, int], list[float]] = {case: [] for case in WAITS}
    for _ in range(RUNS):
        for strategy, replicas in (
            ("blue_green", LARGE),
            ("in_place", SMALL),
            ("in_place", LARGE),
            ("in_place", SMALL),
        ):
            overheads[strategy, replicas].append(act(replicas, strategy) - WAITS[strategy, replicas])
    return [
        [
            f"{strategy}, {LARGE + SMALL - replicas} to {replicas}",
            by,
            f"{WAITS[strategy, replicas]:g}",
            limit,
            *spread(seconds),
        ]
        for (strategy, replicas), seconds in overheads.items()
    ]


def _by_command(shop: Shop, home: Path, replicas: int, strategy: str) -> float:
    command = [str(Path(sys.executable).with_name("springtide")), "run", "checkout", "--replicas", str(replicas)]
    command += ["--strategy", strategy, "--policies", str(ROOT / "examples" / "sandbox"), "--output", "json"]
    command += ["--kubeconfig", str(shop.kubeconfig), "--store", f"sqlite:///{home}/cli.db"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    record = json.loads(done.stdout)
    began, ended = (datetime.fromisoformat(record[name]) for name in ("started_at", "ended_at"))
    return (ended - began).total_seconds()
