"""springtide's own application below Airflow's address, with a simulated cluster whose runs are made as they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from springtide.policy.reading.folder import PolicyFolder
from springtide.run import pipeline
from springtide.run.request_parameters import RequestOrigin, parse_request
from springtide.web.ports import Caller, DagRunState
from support.simulation import Simulation
from support.web import FakeStarts, WebScene


@dataclass
class RunsAtOnce(FakeStarts):
    """Makes the whole run as soon as it is started, in the simulation's time; `is_held`: queues it only."""

    scene: WebScene | None = None
    is_held: bool = False

    def start(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        caller: Caller,
        note: str = "",
        due: datetime | None = None,
    ) -> None:
        """Keep the run, and make it."""
        super().start(dag_id, run_id, conf, caller=caller, note=note, due=due)
        if self.is_held:
            return
        assert self.scene is not None
        now = self.scene.clock.now()
        origin = RequestOrigin(run_id=run_id, requested_by=caller.name, trigger="manual", due=now)
        wanted = {name: value for name, value in conf.items() if name != "queue"}
        request = parse_request(wanted, PolicyFolder(self.scene.folder), origin, now)
        pipeline.run(self.scene.simulation.ports(), request, lambda _phase: None)
        self.states[dag_id, run_id] = DagRunState.SUCCESS


def installation(folder: Path, *, is_held: bool = False) -> tuple[WebScene, FastAPI]:
    """Return an installation with the service `web` of two pods, and what serves it: REST is below /springtide."""
    scene = WebScene.of(Simulation.of(2), folder)
    scene.starts = RunsAtOnce(scene=scene, is_held=is_held)
    airflow = FastAPI()
    airflow.mount("/springtide", scene.app())
    return scene, airflow
