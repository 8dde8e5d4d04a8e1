"""A fleet of services behind the DAGs of events: calendars, policies, and runs that go on in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.variable import Variable
from airflow.utils.session import create_session
from ruamel.yaml import YAML
from sqlalchemy import delete

from fleet import Fleet
from springtide.events.waves import RunState
from springtide_airflow import child_runs, event_operators, event_runs, rehearsal
from springtide_airflow.event_operators import ScaleServicesSensor
from springtide_airflow.hook import SpringtideHook

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.run.ports import Ports


class Scene:
    """A fleet, the calendars and policies that its DAGs see, and time that passes with every turn of theirs."""

    def __init__(self, fleet: Fleet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet, self.folder = fleet, folder
        with create_session() as session:  # one Airflow serves all tests: what the last one noted is not of this one
            session.execute(delete(Variable))
        for name in ("policies", "calendars"):
            (folder / name).mkdir()
            monkeypatch.setenv(f"SPRINGTIDE_{name.upper()}", str(folder / name))
        monkeypatch.setenv("SPRINGTIDE_KNOWN_EVENTS", str(folder / "known.json"))
        for name in fleet.after:
            self.policy(fleet.document(name))
        monkeypatch.setattr(SpringtideHook, "ports", self._ports)
        for module in (event_operators, rehearsal):
            monkeypatch.setattr(module, "utc_now", lambda: fleet.now)
        monkeypatch.setattr(child_runs, "start", self._start)
        monkeypatch.setattr(child_runs, "state", self._state)
        monkeypatch.setattr(event_runs, "_why", lambda run_id: fleet.runs[run_id].message)
        turn = ScaleServicesSensor.poke

        def turn_and_tick(sensor: ScaleServicesSensor, context: Context) -> Any:
            try:
                return turn(sensor, context)
            finally:
                fleet.tick(5.0)

        monkeypatch.setattr(ScaleServicesSensor, "poke", turn_and_tick)

    def policy(self, document: dict[str, Any]) -> None:
        self._write(f"policies/{document['metadata']['name']}.yaml", document)

    def calendar(self, *events: dict[str, Any], **spec: Any) -> None:
        document = {
            "apiVersion": "springtide/v1",
            "kind": "EventCalendar",
            "metadata": {"name": "sales", "owner": "commerce"},
            "spec": {"timezone": "UTC", "events": list(events)} | spec,
        }
        self._write("calendars/sales.yaml", document)

    def at(self, **ahead: float) -> str:
        return f"{self.fleet.now + timedelta(**ahead):%Y-%m-%dT%H:%M}"

    def autoscaler(self, name: str) -> dict[str, Any]:
        found = self.fleet.world.get("horizontalpodautoscalers", "shop", name)
        assert found is not None
        return found

    def bounds(self, name: str) -> tuple[int, int]:
        spec = self.autoscaler(name)["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def lower(self, name: str, least: int) -> None:
        found = self.autoscaler(name)
        self.fleet.world.apply(found | {"spec": found["spec"] | {"minReplicas": least}})

    def _write(self, name: str, document: Any) -> None:
        with (self.folder / name).open("w") as file:
            YAML(typ="safe", pure=True).dump(json.loads(json.dumps(document)), file)

    @contextmanager
    def _ports(self, _on_wait: object) -> Iterator[Ports]:
        yield self.fleet.ports()

    def _start(self, _context: object, run_id: str, conf: dict[str, Any]) -> None:
        self.fleet.start(run_id, conf["service"], conf["replicas"], conf.get("until"))

    def _state(self, _context: object, run_id: str) -> RunState:
        return self.fleet.runs[run_id].state


def run(bag: DagBag, dag_id: str, *, at: datetime | None = None, **conf: Any) -> tuple[str, dict[str, Any]]:
    """Run a DAG to its end, `at` its logical date; return how it ended, and what its report says."""
    dag = deepcopy(bag.dags[dag_id])  # the bag is for the whole session
    dag.deadline = None  # Airflow 3.3.2 takes the second `dag.test()` of a DAG with a deadline for a broken one
    sensors = [task for task in dag.tasks if isinstance(task, ScaleServicesSensor)]
    for sensor in sensors:
        sensor.mode, sensor.poke_interval = "poke", 0.0
    for task in dag.tasks:
        task.retries = 0
    done = dag.test(run_conf=conf or None, logical_date=at)
    found = {ti.task_id: ti for ti in done.get_task_instances()}
    report = found[sensors[0].task_id].xcom_pull(task_ids=sensors[0].task_id) or {}
    return str(done.state.value), report
