"""springtide's application on a socket, whose runs are real ones on the cluster of KUBECONFIG. For the SDK's tests.

`python sdk_server.py FOLDER PORT`: FOLDER holds `policies/`, and the store is made in it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from springtide.cli.options import CliContext
from springtide.clock import SystemClock
from springtide.events.snapshot import CalendarSnapshot
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.run import pipeline
from springtide.run.ports import Ports
from springtide.run.request_parameters import RequestOrigin, parse_request
from springtide.settings import Settings
from springtide.web.app import create_app
from springtide.web.ports import Caller, DagRunState, Surroundings
from support.web import FakeAccess, FakeStarts, cluster_through


@dataclass
class RealRuns(FakeStarts):
    """Makes each run in a thread, as a DAG would in its tasks."""

    place: CliContext = field(default_factory=CliContext)

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
        """Begin the run."""
        super().start(dag_id, run_id, conf, caller=caller, note=note, due=due)
        threading.Thread(target=self._make, args=(dag_id, run_id, conf, caller), daemon=True).start()

    def _make(self, dag_id: str, run_id: str, conf: Mapping[str, Any], caller: Caller) -> None:
        now = SystemClock().now()
        origin = RequestOrigin(run_id=run_id, requested_by=caller.name, trigger="manual", due=now)
        request = parse_request(conf, PolicyFolder(self.place.policies), origin, now)
        with self.place.ports(lambda _message: None) as ports:
            pipeline.run(ports, request, lambda _phase: None)
        self.states[dag_id, run_id] = DagRunState.SUCCESS


def application(folder: Path) -> FastAPI:
    """Return what stands below Airflow's address."""
    place = CliContext(policies=folder / "policies", store=f"sqlite:///{folder}/runs.db")

    def ports(_policy: ScalingPolicy) -> AbstractContextManager[Ports]:
        return place.ports(lambda _message: None)

    def open_store() -> AbstractContextManager[RunStore]:
        return place.open_store()

    surroundings = Surroundings(
        clock=SystemClock(),
        access=FakeAccess(),
        starts=RealRuns(place=place),
        open_store=open_store,
        policies=lambda: PolicyFolder(place.policies),
        calendars=CalendarSnapshot,
        ports=ports,
        cluster=partial(cluster_through, ports),
        settings=Settings.from_environment({}, home=folder),
    )
    airflow = FastAPI()
    airflow.mount("/springtide", create_app(surroundings))
    return airflow


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
