"""The Airflow that is struck: its processes, and its runs as their owner would treat them."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from examples.demo.airflow_server import DAG_ID, Airflow, begin_airflow, when_ready
from examples.demo.children import Child, Children
from examples.demo.patience import wait_until

if TYPE_CHECKING:
    from contextlib import ExitStack

WORKERS = "12"
STARTED_SECONDS = 30


@dataclass
class StruckAirflow:
    """A running Airflow, and what can be done to it."""

    airflow: Airflow
    children: Children
    restarted: list[Child] = field(default_factory=list)

    def mark_failed(self, run_id: str) -> None:
        """Mark the DAG run failed, as a user does in its page."""
        self._call("PATCH", run_id, json={"state": "failed"})

    def delete(self, run_id: str) -> None:
        """Delete the DAG run: Airflow lets one be deleted only when it does not run."""
        self.mark_failed(run_id)
        self._call("DELETE", run_id)

    def clear(self, run_id: str) -> None:
        """Clear every task of the DAG run, those under way too."""
        self._call("POST", f"{run_id}/clear", json={"dry_run": False, "only_failed": False})

    def kill_task(self, run_id: str) -> None:
        """Kill the process of the task that runs now."""
        self._task_process(run_id).kill()

    def kill_supervisor(self, run_id: str) -> None:
        """Kill the worker that supervises that process; the process itself lives on, and nobody knows."""
        supervisor = self._task_process(run_id).parent()
        assert supervisor is not None
        supervisor.kill()

    def kill_part(self, part: str) -> None:
        """Kill the scheduler or the triggerer, and start another one, as whatever runs Airflow would."""
        alive = [child.process.pid for child in (self.airflow.child, *self.restarted) if is_alive(child)]
        roots = [psutil.Process(pid) for pid in alive]
        everything = [each for root in roots for each in (root, *root.children(recursive=True))]
        killed = [each for each in everything if is_part(each, part)]
        assert killed, f"no {part} runs"
        environment = killed[0].environ()
        for each in killed:
            each.kill()
        command = [str(Path(sys.executable).with_name("airflow")), part]
        number = len(self.restarted)
        self.restarted.append(self.children.start(f"{part}-{number}", command, environment=environment))

    def _task_process(self, run_id: str) -> psutil.Process:
        """Return the process of the task that runs: its title names the task instance."""
        deadline = time.monotonic() + STARTED_SECONDS
        while time.monotonic() < deadline:
            running = [task["id"] for task in self.airflow.tasks(run_id) if task["state"] == "running"]
            titled = [each for each in psutil.process_iter(["cmdline"]) if any(id_ in title(each) for id_ in running)]
            tasks = [each for each in titled if is_leaf(each)]
            if tasks:
                return tasks[0]
            time.sleep(0.1)
        raise AssertionError(f"no task of {run_id} runs in a process")

    def _call(self, method: str, path: str, **content: Any) -> None:
        """Ask again while Airflow has trouble of its own: on a busy machine SQLite is locked, and the answer is 500."""

        def is_taken() -> bool:
            answer = self.airflow.client.request(method, f"/api/v2/dags/{DAG_ID}/dagRuns/{path}", **content)
            assert not answer.is_client_error, f"{method} {path}: {answer.status_code} {answer.text}"
            return answer.is_success

        wait_until(is_taken, f"{method} {path} is taken", self.airflow.child.require_alive, STARTED_SECONDS)


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


def start_airflow(kubeconfig: Path, folder: Path, stack: ExitStack) -> StruckAirflow:
    """Start an Airflow that works on the cluster with the policies in `folder`, and wait until it is ready."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(kubeconfig)}}
    environment = {
        "AIRFLOW__CORE__PARALLELISM": WORKERS,
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "SPRINGTIDE_POLICIES": str(folder / "policies"),
        "SPRINGTIDE_STORE_URL": f"sqlite:///{folder}/runs.db",
        "KUBECONFIG": str(kubeconfig),
    }
    children = stack.enter_context(Children(folder / "logs"))
    return StruckAirflow(when_ready(begin_airflow(children, folder / "airflow", environment)), children)
