"""The Airflow that is struck: its processes, and its runs as their owner would treat them."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from examples.demo.airflow_server import DAG_ID

if TYPE_CHECKING:
    from examples.demo.children import Child

    from e2e.real_airflow import RealAirflow

STARTED_SECONDS = 30


@dataclass(frozen=True, slots=True)
class StruckAirflow:
    """A running Airflow, and what can be done to it."""

    real: RealAirflow
    restarted: list[Child] = field(default_factory=list)

    def mark_failed(self, run_id: str) -> None:
        """Mark the DAG run failed, as a user does in its page."""
        self.real.call("PATCH", path_of(run_id), json={"state": "failed"})

    def delete(self, run_id: str) -> None:
        """Delete the DAG run: Airflow lets one be deleted only when it does not run."""
        self.mark_failed(run_id)
        self.real.call("DELETE", path_of(run_id))

    def clear(self, run_id: str) -> None:
        """Clear every task of the DAG run, those under way too."""
        self.real.call("POST", f"{path_of(run_id)}/clear", json={"dry_run": False, "only_failed": False})

    def kill_task(self, run_id: str) -> None:
        """Kill the process of the task that runs now."""
        self._task_process(run_id).kill()

    def kill_supervisor(self, run_id: str) -> None:
        """Kill the worker that supervises that process; the process itself lives on, and nobody knows."""
        supervisor = self._task_process(run_id).parent()
        assert supervisor is not None
        supervisor.kill()

    def kill_part(self, part: str) -> None:
        """Kill the scheduler or the triggerer with all that it has started, and start another one.

        So does whatever runs Airflow: a container ends as a whole. A child that outlived it would hold its connection
        to PostgreSQL, with the locks on the runs that it looked at last, and no other scheduler would see those runs.
        """
        alive = [child.process.pid for child in (self.real.airflow.child, *self.restarted) if is_alive(child)]
        roots = [psutil.Process(pid) for pid in alive]
        everything = [process for root in roots for process in (root, *root.children(recursive=True))]
        parts = [process for process in everything if is_part(process, part)]
        assert parts, f"no {part} runs"
        environment = parts[0].environ()
        for process in [each for root in parts for each in (*root.children(recursive=True), root)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        command = [str(Path(sys.executable).with_name("airflow")), part]
        number = len(self.restarted)
        self.restarted.append(self.real.children.start(f"{part}-{number}", command, environment=environment))

    def _task_process(self, run_id: str) -> psutil.Process:
        """Return the process of the task that runs: its title names the task instance."""
        deadline = time.monotonic() + STARTED_SECONDS
        while time.monotonic() < deadline:
            tasks = self.real.call("GET", f"{path_of(run_id)}/taskInstances")["task_instances"]
            running = [task["id"] for task in tasks if task["state"] == "running"]
            processes = psutil.process_iter(["cmdline"])
            titled = [process for process in processes if any(task_id in title(process) for task_id in running)]
            leaves = [process for process in titled if is_leaf(process)]
            if leaves:
                return leaves[0]
            time.sleep(0.1)
        raise AssertionError(f"no task of {run_id} runs in a process")


def path_of(run_id: str) -> str:
    """Return where Airflow's API has a run."""
    return f"/dags/{DAG_ID}/dagRuns/{run_id}"


def is_part(process: psutil.Process, part: str) -> bool:
    """Tell whether a process is the scheduler or the triggerer itself, and not what it started."""
    return "airflow" in title(process) and title(process).split()[-1:] == [part]


def is_alive(child: Child) -> bool:
    """Tell whether a process that was started here goes on."""
    return child.process.poll() is None


def is_leaf(process: psutil.Process) -> bool:
    """Tell whether a process lives and has started no other."""
    try:
        return not process.children()
    except psutil.Error:
        return False


def title(process: psutil.Process) -> str:
    """Return a process's command line or title; empty when it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
