"""An Airflow as it is run for real: each part a process of its own, its database and the store on PostgreSQL."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from examples.demo.airflow_server import ROOT, USER, is_healthy, shipped_settings
from examples.demo.children import Child, Children
from examples.demo.patience import wait_until
from examples.demo.ports import free_ports

from benchmarks.fleet.executors import Beside
from benchmarks.fleet.postgres import Databases, databases
from springtide.private_file import write_private

LONGEST_START: Final = 300.0
COMMANDS: Final = ("api-server", "scheduler", "dag-processor", "triggerer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running Airflow, and what else works for it; `pids` are the processes by what they are."""

    client: httpx.Client
    database: str
    store: str
    environment: Mapping[str, str]
    parts: Mapping[str, Child]
    postmaster: int

    def pids(self) -> dict[str, int]:
        """Return the first process of each kind."""
        return {name: child.process.pid for name, child in self.parts.items()} | {"postgresql": self.postmaster}

    def until(self, what: str, is_so: Callable[[], bool], seconds: float) -> float:
        """Wait for it, and return how long that took.

        Raises:
            DemoError: it is not so in time, or a part has ended.
        """
        began = time.monotonic()
        wait_until(is_so, what, self._require_alive, seconds)
        return time.monotonic() - began

    def _require_alive(self) -> None:
        for child in self.parts.values():
            child.require_alive()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Ask Airflow's API."""
        answer = self.client.get(f"/api/v2{path}", params=params)
        answer.raise_for_status()
        return dict(answer.json())

    def post(self, path: str, document: Mapping[str, Any]) -> None:
        """Tell Airflow's API."""
        self.client.post(f"/api/v2{path}", json=dict(document)).raise_for_status()


def start(
    folder: Path,
    kubeconfig: Path,
    stack: ExitStack,
    *,
    settings: Mapping[str, str],
    beside: Beside,
    airflow: Sequence[str],
) -> Running:
    """Start everything in `folder`, which holds the policies and calendars, and wait until a run can be asked for.

    `beside` starts what an executor needs; `airflow` are the first words of Airflow's command.
    """
    stores = stack.enter_context(databases(folder / "postgresql"))
    port, *log_ports = free_ports(3)
    password = secrets.token_urlsafe(9)
    home = folder / "airflow"
    home.mkdir(mode=0o700)
    write_private(home / "passwords.json", json.dumps({USER: password}))
    environment = _environment(folder, home, port, log_ports, stores) | dict(settings)
    subprocess.run([*airflow, "db", "migrate"], env=os.environ | environment, check=True, capture_output=True)
    children = stack.enter_context(Children(folder / "logs"))
    parts = dict(beside(children, airflow, environment))
    parts |= {name: children.start(name, [*airflow, name], environment=environment) for name in COMMANDS}
    client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False))
    running = Running(
        client=client,
        database=stores.airflow.replace("+psycopg", ""),
        store=stores.store,
        environment=environment,
        parts=parts,
        postmaster=stores.pid,
    )
    _when_ready(running, password)
    extra = json.dumps({"kube_config_path": str(kubeconfig)})
    running.post("/connections", {"connection_id": "kubernetes_default", "conn_type": "kubernetes", "extra": extra})
    return running


def _environment(folder: Path, home: Path, port: int, log_ports: list[int], stores: Databases) -> dict[str, str]:
    return shipped_settings() | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("include", "plugins")),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stores.airflow,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": stores.airflow.replace("psycopg", "asyncpg"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[0]),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[1]),
        "KUBECONFIG": str(folder / "none"),  # nothing but the connection leads to the cluster
        "SPRINGTIDE_POLICIES": str(folder / "policies"),
        "SPRINGTIDE_CALENDARS": str(folder / "calendars"),
        "SPRINGTIDE_STORE_URL": stores.store,
        "SPRINGTIDE_SWEEP_CRON": "0 0 1 1 *",
    }


def _when_ready(running: Running, password: str) -> None:
    running.until("Airflow is healthy", lambda: is_healthy(running.client), LONGEST_START)
    login = running.client.post("/auth/token", json={"username": USER, "password": password})
    login.raise_for_status()
    running.client.get("/execution/health")  # the first task would wait for what this starts
    running.client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
    names = {file.stem for file in (ROOT / "dags").glob("*.py")}
    running.until(
        "every DAG is read", lambda: names <= {dag["dag_id"] for dag in running.get("/dags")["dags"]}, LONGEST_START
    )
