"""A fleet of services behind the DAGs of events: calendars, policies, and runs that go on in virtual time."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.definitions.mappedoperator import MappedOperator
from ruamel.yaml import YAML

from springtide.fleet.conductor import Conductor, Decide
from springtide.fleet.load_test import Send, send
from springtide_airflow.event_operators import ScaleServicesSensor
from springtide_airflow.wiring import Wiring
from support.dag_notes import kept_note
from support.fleet import Fleet, FleetRuns

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.clock import Clock
    from springtide.fleet.child_runs import ChildRuns
    from springtide.fleet.due import Due
    from springtide.fleet.ports import FleetPorts
    from springtide.fleet.report import TurnReport
    from springtide.record.store import RunStore
    from springtide.run.ports import Ports

TURN_SECONDS = 5.0


class SceneWiring(Wiring):
    """What the tasks of a scene reach the world through: its own."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def clock(self) -> Clock:
        """Return the world's time."""
        return self.scene.fleet.world.clock

    def open_ports(self) -> AbstractContextManager[Ports]:
        """Open the world."""
        return nullcontext(self.scene.fleet.ports())

    def open_store(self) -> AbstractContextManager[RunStore]:
        """Open the fleet's store."""
        return nullcontext(self.scene.fleet.store)

    def fleet(self) -> FleetPorts:
        """Return what a conductor reaches the world through; the scene sends the load."""
        return replace(super().fleet(), send=self.scene.send)

    def runs(self, context: Context) -> ChildRuns:
        """Return the fleet's runs."""
        del context
        return FleetRuns(self.scene.fleet)

    def conductor(self, context: Context, decide: Decide, *, way: str = "") -> Conductor:
        """Return Airflow's conductor; time passes with each of its turns."""
        conductor = super().conductor(context, decide, way=way)
        given = {field.name: getattr(conductor, field.name) for field in fields(conductor) if field.init}
        return TickingConductor(**given, ticking=self.scene.fleet)


@dataclass(frozen=True, kw_only=True)
class TickingConductor(Conductor):
    """A conductor with whose turns time passes."""

    ticking: Fleet

    def turn(self, due: Due) -> TurnReport:
        """Take a turn, and let time pass."""
        try:
            return super().turn(due)
        finally:
            self.ticking.tick(TURN_SECONDS)


class Scene:
    """A fleet, and the calendars and policies that its DAGs see."""

    def __init__(self, fleet: Fleet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet = fleet
        self.folder = folder
        self.send: Send = send
        self.note = ""
        for name in ("policies", "calendars"):
            (folder / name).mkdir()
            monkeypatch.setenv(f"SPRINGTIDE_{name.upper()}", str(folder / name))
        monkeypatch.setenv("SPRINGTIDE_KNOWN_EVENTS", str(folder / "known.json"))
        monkeypatch.setenv("SPRINGTIDE_SWEEP_PLANS_AFTER", "never")  # a scene's sweeps act unless it is about the first
        for name in fleet.after:
            self.policy(fleet.document(name))

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
        hpa = self.fleet.world.get("horizontalpodautoscalers", "shop", name)
        assert hpa is not None
        return hpa

    def bounds(self, name: str) -> tuple[int, int]:
        spec = self.autoscaler(name)["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def lower(self, name: str, least: int) -> None:
        hpa = self.autoscaler(name)
        self.fleet.world.apply(hpa | {"spec": hpa["spec"] | {"minReplicas": least}})

    def run(
        self, bag: DagBag, dag_id: str, *, at: datetime | None = None, wiring: Wiring | None = None, **conf: Any
    ) -> tuple[str, dict[str, Any]]:
        """Run a DAG to its end, due `at` its logical date; return how it ended, and what its report says.

        The note of the run is left in `note`.
        """
        dag = deepcopy(bag.dags[dag_id])  # the bag is for the whole session
        dag.deadline = None  # Airflow 3.3.2 takes the second `dag.test()` of a DAG with a deadline for a broken one
        sensors = [task for task in dag.tasks if isinstance(task, ScaleServicesSensor)]
        for sensor in sensors:
            sensor.mode = "poke"
            sensor.poke_interval = 0.0
        for task in dag.tasks:
            task.retries = 0
            given = wiring or SceneWiring(self)
            if isinstance(task, MappedOperator):
                task.partial_kwargs["wiring"] = given
            else:
                task.wiring = given
        done = dag.test(run_conf=conf or None, logical_date=at, run_after=at)
        self.note = kept_note(done)
        instances = {ti.task_id: ti for ti in done.get_task_instances()}
        last = sensors[0].task_id if sensors else dag.tasks[-1].task_id
        report = instances[last].xcom_pull(task_ids=last) or {}
        return str(done.state.value), report

    def _write(self, name: str, document: Any) -> None:
        with (self.folder / name).open("w") as file:
            YAML(typ="safe", pure=True).dump(json.loads(json.dumps(document)), file)
