"""A real Airflow that works on the cluster: all of its parts, its connections, and its runs as a user sees them."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
from examples.demo.airflow_server import DAG_ID, ROOT, Airflow, begin_airflow, when_ready
from examples.demo.children import Children

from e2e.command import Finished
from springtide.record.sql import open_store
from support.postgres_server import OWNER, is_wanted, postgresql_server

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from e2e.manifests import Json

ENDED = ("success", "failed")
WAITING = frozenset({"instances_ready", "endpoints_switched"})
"""The tasks of a `blue_green` run that leave the worker; the old pods drain in `remove_old_instances`, on it."""

CONDUCTED = ("prepare_services", "scale_services")
LOOK_SECONDS = 0.5
PATIENCE = 600.0
TAKEN_WITHIN = 120.0
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "12",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",  # the machine has the cluster and the load to carry, too
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
    "SPRINGTIDE_SWEEP_CRON": "0 0 1 1 *",  # a sweep begins when a test asks for one
    "SPRINGTIDE_SWEEP_PLANS_AFTER": "never",  # and acts
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A DAG run that has ended: its state, its tasks' states by name, and what springtide's own record says of it."""

    run_id: str
    state: str
    tasks: dict[str, str]
    finished: Finished
    deferred: frozenset[str]
    """The tasks whose trigger has run in the triggerer."""

    left: Json
    """What the task that waits for the runs of a sweep or an event has returned; empty where there is none."""

    def __str__(self) -> str:
        return f"{self.run_id}: {self.state}, {self.tasks}, deferred: {sorted(self.deferred)}\n{self.finished}"


@dataclass(frozen=True, slots=True)
class RealAirflow:
    """See the module. `folder` holds the policies, the calendars, the store and everything that Airflow writes."""

    airflow: Airflow
    children: Children
    folder: Path

    @classmethod
    def start(cls, kubeconfig: Path, folder: Path, stack: ExitStack) -> Self:
        """Start it with the policies in `folder`, wait until it is ready, and make its connections.

        Its own database is a PostgreSQL where that is installed, else SQLite: with so many runs at once a scheduler on
        SQLite was seen to die of "database is locked".
        """
        for name in ("policies", "calendars"):
            (folder / name).mkdir(exist_ok=True)
        places = {
            "SPRINGTIDE_POLICIES": str(folder / "policies"),
            "SPRINGTIDE_CALENDARS": str(folder / "calendars"),
            "KUBECONFIG": str(folder / "none"),  # nothing but the connection leads to the cluster
        }
        if is_wanted():
            places |= database_of(stack.enter_context(postgresql_server()))
        children = stack.enter_context(Children(folder / "logs"))
        started = cls(begin_airflow(children, folder / "airflow", SETTINGS | places), children, folder)
        stack.callback(started.airflow.client.close)
        when_ready(started.airflow, within=PATIENCE)
        extra = json.dumps({"kube_config_path": str(kubeconfig)})
        started.connect("kubernetes_default", "kubernetes", extra=extra)
        started.connect("springtide_store", "sqlite", host=str(folder / "runs.db"))
        started.until("every DAG is read", started.has_every_dag)
        return started

    def has_every_dag(self) -> bool:
        """Tell whether Airflow knows a DAG for each file of dags/."""
        known = {each["dag_id"] for each in self.call("GET", "/dags")["dags"]}
        return known >= {file.stem for file in (ROOT / "dags").glob("*.py")}

    def connect(self, name: str, kind: str, **fields: str) -> None:
        """Make a connection, as a user does in Airflow's page: it stands in Airflow's database alone."""
        self.call("POST", "/connections", json={"connection_id": name, "conn_type": kind, **fields})

    def scale(self, service: str, replicas: int | str, strategy: str) -> str:
        """Start a run of `scale_service`; return its id, which is ours: the same run is not started twice."""
        run_id = f"e2e__{secrets.token_hex(4)}"
        asked = {"service": service, "replicas": replicas, "strategy": strategy, "reason": "end to end"}
        wanted = {"dag_run_id": run_id, "logical_date": None, "conf": asked}
        self.call("POST", f"/dags/{DAG_ID}/dagRuns", json=wanted)
        return run_id

    def scaled(self, service: str, replicas: int | str, strategy: str) -> Ran:
        """Start such a run, and wait for its end."""
        return self.ran(DAG_ID, self.scale(service, replicas, strategy))

    def ran(self, dag: str, run_id: str) -> Ran:
        """Wait until a run has ended, and return it."""
        path = f"/dags/{dag}/dagRuns/{run_id}"
        self.until(f"{dag} {run_id} has ended", lambda: self.call("GET", path)["state"] in ENDED)
        state = str(self.call("GET", path)["state"])
        record = self.record(run_id) if dag == DAG_ID else {}
        finished = Finished(0 if state == "success" else 1, record, "")
        tasks = self.tasks(dag, run_id)
        deferred = frozenset(task for task in tasks if self._was_deferred(dag, run_id, task))
        left = [self._left_by(dag, run_id, task) for task in CONDUCTED if tasks.get(task) == "success"]
        return Ran(
            run_id=run_id,
            state=state,
            tasks=tasks,
            finished=finished,
            deferred=deferred,
            left=left[0] if left else {},
        )

    def tasks(self, dag: str, run_id: str) -> dict[str, str]:
        """Return the states of a run's tasks; of one that is mapped, the last of its instances counts."""
        instances = self.call("GET", f"/dags/{dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {each["task_id"]: each["state"] for each in instances}

    def runs(self, dag: str) -> list[Json]:
        """Return all runs of a DAG."""
        return list(self.call("GET", f"/dags/{dag}/dagRuns?limit=200")["dag_runs"])

    def record(self, run_id: str) -> Json:
        """Return what springtide's own store says of a run."""
        with open_store(f"sqlite:///{self.folder}/runs.db") as store:
            return dict(store.get(run_id).to_record())

    def until(self, what: str, condition: Any, *, seconds: float = PATIENCE) -> None:
        """Wait for a condition; fail when it does not come true, or when Airflow has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.airflow.child.require_alive()
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; see {self.folder}"
            time.sleep(LOOK_SECONDS)

    def call(self, method: str, path: str, **content: Any) -> Json:
        """Ask Airflow's API, and again while it has trouble of its own: on a busy machine SQLite is locked (500).

        When a request is sent again whose answer was lost, what it made is there already (409), or gone (404).
        """
        deadline = time.monotonic() + TAKEN_WITHIN
        lost = False
        while True:
            try:
                answer = self.airflow.client.request(method, f"/api/v2{path}", **content)
            except httpx.TimeoutException:
                lost = True
                assert time.monotonic() < deadline, f"{method} {path}: no answer"
                continue
            if answer.is_success:
                return dict(answer.json()) if answer.content else {}
            if lost and answer.status_code == (httpx.codes.NOT_FOUND if method == "DELETE" else httpx.codes.CONFLICT):
                return {}
            said = f"{method} {path}: {answer.status_code} {answer.text}"
            assert answer.is_server_error, said
            assert time.monotonic() < deadline, said
            lost = True
            time.sleep(LOOK_SECONDS)

    def _left_by(self, dag: str, run_id: str, task: str) -> Json:
        path = f"/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/return_value?deserialize=true"
        value = self.call("GET", path)["value"]
        return dict(json.loads(value) if isinstance(value, str) else value)

    def _was_deferred(self, dag: str, run_id: str, task: str) -> bool:
        """Tell whether the triggerer has written a log of this task."""
        logs = self.airflow.logs / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
        return any(logs.glob("**/*.trigger.*.log"))


def database_of(socket_folder: str) -> dict[str, str]:
    """Return the settings by which Airflow uses the server behind `socket_folder`."""
    place = f"{OWNER}@/postgres?host={socket_folder}"
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{place}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{place}",
    }
