"""A real Airflow of its own: started on loopback with the settings of deploy/airflow/, and spoken to by REST."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from examples.demo.children import Child, Children, DemoError
from examples.demo.database import airflow_on_sqlite
from examples.demo.patience import wait_until
from examples.demo.ports import free_ports

from springtide.private_file import write_private

ROOT: Final = Path(__file__).resolve().parents[2]
DAG_ID: Final = "scale_service"
USER: Final = "admin"
START_SECONDS: Final = 120
TRIGGER_SECONDS: Final = 30
SETTINGS: Final = ("airflow.env", "airflow-of-its-own.env")
PARTS: Final = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@dataclass(frozen=True)
class Airflow:
    """A running Airflow: its page, its login, the folder of its tasks' logs, and the client that is logged in."""

    url: str
    password: str
    logs: Path
    child: Child
    client: httpx.Client
    environment: Mapping[str, str]
    """What Airflow's own command line needs to work on it."""

    def trigger(self, conf: dict[str, Any]) -> str:
        """Start a run of `scale_service`, as a user does by REST, and return its id.

        Asked again while Airflow has trouble of its own, such as SQLite's lock in its first seconds: the id is ours, so
        the same run cannot be started twice.

        Raises:
            DemoError: Airflow refused it.
        """
        run_id = f"demo__{secrets.token_hex(4)}"
        wanted = {"dag_run_id": run_id, "logical_date": None, "conf": conf}

        def is_taken() -> bool:
            answer = self.client.post(f"/api/v2/dags/{DAG_ID}/dagRuns", json=wanted)
            if answer.is_client_error and answer.status_code != httpx.codes.CONFLICT:
                raise DemoError(f"Airflow refused the run ({answer.status_code}): {answer.text}")
            return not answer.is_server_error

        wait_until(is_taken, "Airflow takes the run", self.child.require_alive, TRIGGER_SECONDS)
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        """Return the run as Airflow's API shows it."""
        return self._get(f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}")

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """Return the run's task instances."""
        return list(self._get(f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")["task_instances"])

    def page(self, run_id: str) -> str:
        """Return the address of the run's page."""
        return f"{self.url}/dags/{DAG_ID}/runs/{run_id}"

    def _get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document


def begin_airflow(children: Children, home: Path, environment: dict[str, str]) -> Airflow:
    """Start Airflow with its files in `home`, its metadata too unless `environment` has a database for it.

    It is not ready yet: see `when_ready`.
    """
    port, worker_logs, triggerer_logs = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    password = secrets.token_urlsafe(9)
    home.mkdir(parents=True, mode=0o700)
    passwords = home / "passwords.json"
    write_private(passwords, json.dumps({USER: password}))
    settings = shipped_settings() | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__PARALLELISM": "4",  # one run needs no more, and a laptop has the load to carry as well
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(triggerer_logs),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    command = [str(Path(sys.executable).with_name("airflow")), "standalone"]
    settings |= airflow_on_sqlite(home) | environment
    child = children.start("airflow", command, environment=settings, stop_with=signal.SIGINT)
    client = httpx.Client(base_url=url, timeout=10, trust_env=False)
    return Airflow(url, password, home / "logs", child, client, settings)


def when_ready(airflow: Airflow, within: float = START_SECONDS) -> Airflow:
    """Wait until every part of Airflow is healthy and the DAG can be run, and log in; each takes `within` seconds.

    Raises:
        DemoError: Airflow ended, or is not ready in time.
    """
    client = airflow.client
    alive = airflow.child.require_alive
    wait_until(lambda: is_healthy(client), "Airflow is healthy", alive, within)
    login = client.post("/auth/token", json={"username": USER, "password": airflow.password})
    login.raise_for_status()
    # The first task would wait for what this starts, which takes more than a request may on a busy machine.
    wait_until(lambda: _answers(client, "/execution/health"), "its API for tasks answers", alive, within)
    client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
    wait_until(lambda: _has_dag(client), f"{DAG_ID} is read", alive, within)
    return airflow


def is_healthy(client: httpx.Client) -> bool:
    """Tell whether every part of the Airflow behind `client` says that it works."""
    try:
        parts = client.get("/api/v2/monitor/health").json()
    except (httpx.HTTPError, ValueError):
        return False
    return all(parts[name]["status"] == "healthy" for name in PARTS)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        client.get(path)
    except httpx.TimeoutException:
        return False
    return True


def _has_dag(client: httpx.Client) -> bool:
    return client.get(f"/api/v2/dags/{DAG_ID}").status_code == httpx.codes.OK


def shipped_settings() -> dict[str, str]:
    """Return what deploy/airflow sets for an Airflow in which springtide is alone."""
    lines = [line for name in SETTINGS for line in (ROOT / "deploy" / "airflow" / name).read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
