"""Watching a run of Airflow to its end."""

from __future__ import annotations

import time
from typing import Final

from examples.demo.airflow_server import Airflow
from examples.demo.children import DemoError
from examples.demo.screen import console, phase_table
from rich.live import Live

from springtide.errors import NotFound
from springtide.record.model import ScalingRun
from springtide.record.store import RunStore

ORDER: Final = (
    "calculate_capacity",
    "approve",
    "create_instances",
    "instances_ready",
    "switch_endpoints",
    "endpoints_switched",
    "smoke_test",
    "remove_old_instances",
    "instances_removed",
    "roll_back",
    "report",
)
LONGEST_SECONDS: Final = 300
ENDED: Final = frozenset({"success", "failed"})


def follow(airflow: Airflow, store: RunStore, run_id: str) -> str:
    """Show the run's phases until it has ended, and return its state in Airflow.

    Raises:
        DemoError: it does not end in time, or Airflow ended.
    """
    end = time.monotonic() + LONGEST_SECONDS
    with Live(console=console, refresh_per_second=4, vertical_overflow="visible") as live:
        while True:
            state = str(airflow.run(run_id)["state"])
            live.update(phase_table(ORDER, airflow.tasks(run_id), _record(store, run_id)))
            if state in ENDED:
                return state
            airflow.child.require_alive()
            if time.monotonic() > end:
                raise DemoError(f"the run has not ended within {LONGEST_SECONDS} s: {airflow.page(run_id)}")
            time.sleep(0.3)


def finished(airflow: Airflow, store: RunStore, run_id: str) -> ScalingRun:
    """Return springtide's own record of the run.

    Raises:
        DemoError: it kept none.
    """
    record = _record(store, run_id)
    if record is None:
        raise DemoError(f"springtide kept no record of the run {run_id}; the tasks' logs are in {airflow.logs}")
    return record


def _record(store: RunStore, run_id: str) -> ScalingRun | None:
    try:
        return store.get(run_id)
    except NotFound:
        return None
