"""The evening before a sale: the pages on an embedded cluster, and what Airflow would do with the runs they start."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from ruamel.yaml import YAML

from e2e.sandbox_cluster import SandboxCluster
from springtide.clock import SystemClock
from springtide.events.calendars import Calendars
from springtide.events.rehearsed import RehearsalOutcome
from springtide.events.snapshot import CalendarSnapshot
from springtide.events.sweep import Inspection
from springtide.fleet.approve_ahead import approval_asked
from springtide.fleet.conductor import Conductor, Decide, conducted
from springtide.fleet.in_process import InProcessRuns
from springtide.fleet.looking import look_at
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.pausing import pause_service, resume_service
from springtide.fleet.ports import FleetPorts
from springtide.fleet.rehearsal import WAY_BACK, ServiceRehearsal, WayBack, growth_orders
from springtide.fleet.rehearsal_report import end_rehearsal
from springtide.fleet.rehearsal_request import AcceptedRehearsal, begin_rehearsal
from springtide.fleet.report import FleetReport
from springtide.kube.live import connect
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from springtide.run.assembly import Metrics, assemble
from springtide.run.pauses import parse_pause
from springtide.run.ports import Ports
from springtide.settings import Settings
from springtide.web.app import create_app
from springtide.web.ports import DagRunState, Surroundings
from support.builders import policy_text
from support.simulation import web
from support.web import FakeAccess, FakeStarts, StartedRun, cluster_through

TURN = timedelta(milliseconds=200)
DEMAND = 60
"""Requests a second that the file of demand says: two replicas' worth."""

POLICY: dict[str, Any] = {
    "replicas": {"min": 1, "max": 20},
    "demand": {"source": "file", "path": "demand.csv", "unit": "requests/s", "lookback": "1h"},
    "capacity": {"models": [{"model": "target_utilization", "per_replica": 50, "target": 0.7}]},
    "strategy": {"type": "in_place", "propagation": "1s", "drain": "1s"},
    "smoke": [{"http": {"path": "/healthz", "samples": 3}}],
    "rehearsal": {"max_rate": 100, "duration": "10s", "p99_milliseconds": 5000},
}


def write_web(folder: Path) -> Path:
    """Write two replicas of the workload `web`, and return their file."""
    manifest = folder / "web.yaml"
    documents = json.loads(json.dumps(web(2, STARTUP="100ms", DRAIN="100ms")))
    with manifest.open("w") as file:
        YAML(typ="safe", pure=True).dump_all(documents, file)
    return manifest


@dataclass
class Evening:
    """The service `web` on `cluster`, with its policy and what customers send in `folder`, and no calendar."""

    cluster: SandboxCluster
    folder: Path
    awake: str = ""
    starts: FakeStarts = field(default_factory=FakeStarts)
    clock: SystemClock = field(default_factory=SystemClock)
    done: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, cluster: SandboxCluster, folder: Path, *, awake: str = "", **spec: Any) -> Evening:
        """Return the evening; `awake` is when people are, `spec` what the policy says beside `POLICY`."""
        evening = cls(cluster, folder, awake)
        folder.mkdir()
        folder.joinpath("web.yaml").write_text(policy_text(**POLICY | spec))
        first = evening.clock.now() - timedelta(hours=3)
        lines = [f"{first + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{DEMAND}" for minute in range(240)]
        folder.joinpath("demand.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")
        return evening

    def app(self) -> FastAPI:
        """Return the application, below `/springtide` as Airflow mounts it."""
        surroundings = Surroundings(
            clock=self.clock,
            access=FakeAccess(),
            starts=self.starts,
            open_store=self.open_store,
            policies=self.policies,
            calendars=CalendarSnapshot,
            ports=self.ports,
            cluster=partial(cluster_through, self.ports),
            settings=Settings.from_environment(
                {"SPRINGTIDE_AWAKE": self.awake} if self.awake else {}, home=self.folder
            ),
        )
        root = FastAPI()
        root.mount("/springtide", create_app(surroundings))
        return root

    def policies(self) -> PolicyFolder:
        """Return the folder of policies."""
        return PolicyFolder(self.folder)

    def open_store(self) -> AbstractContextManager[RunStore]:
        """Open the store of runs."""
        return open_store(f"sqlite:///{self.folder}/runs.db")

    @contextmanager
    def ports(self, policy: ScalingPolicy) -> Iterator[Ports]:
        """Open the cluster."""
        del policy
        with self.open_store() as store:
            yield assemble(connect(self.cluster.kubeconfig), store, Metrics(base=self.folder))

    def fleet(self) -> FleetPorts:
        """Return what events reach the world through."""
        web_policy = self.policies().get("web")
        return FleetPorts(
            clock=self.clock,
            calendars=Calendars,
            policies=self.policies(),
            open_ports=lambda: self.ports(web_policy),
            open_store=self.open_store,
        )

    def goes_on(self) -> None:
        """Do what the DAG of each run would do that the pages started since; a preparation waits for its time.

        In a thread of its own, as the load of a rehearsal has an event loop, and the browser another one in this.
        """
        works = {
            "pause_service": self._pause,
            "approve_event": self._approve,
            "rehearse_event": self._rehearse,
        }
        for run in list(self.starts.runs):
            if run.dag_id in works and run.run_id not in self.done:
                self.done.add(run.run_id)
                with ThreadPoolExecutor(1) as airflow:
                    airflow.submit(works[run.dag_id], run).result()
                self.starts.states[run.dag_id, run.run_id] = DagRunState.SUCCESS

    def _pause(self, run: StartedRun) -> None:
        now = self.clock.now()
        if run.conf["action"] == "resume":
            resume_service(self.open_store, "web", by=run.caller, reason=run.conf["reason"], now=now)
        else:
            request = parse_pause(run.conf, self.policies().get("web"), by=run.caller, now=now)
            pause_service(self.open_store, request, now)

    def _approve(self, run: StartedRun) -> None:
        approval = approval_asked(
            run.conf, by=run.caller, policies=self.policies(), calendars=Calendars(), now=self.clock.now()
        )
        with self.open_store() as store:
            store.approve_ahead(approval)

    def _rehearse(self, run: StartedRun) -> None:
        fleet = self.fleet()
        rehearsal = begin_rehearsal(fleet, run.conf, requested_by=run.caller)
        seen = look_at(fleet, rehearsal.due.services, waits=True).seen
        prepared = self._conducted(run, rehearsal, lambda due: growth_orders(fleet, due, seen))
        outcomes = list(self._tested(run, rehearsal, seen, prepared))
        back = WayBack(fleet, ProcessMemory(), lambda: seen)
        released = self._conducted(run, rehearsal, back, way=WAY_BACK)
        end_rehearsal(fleet, rehearsal, outcomes, released)

    def _conducted(self, run: StartedRun, rehearsal: AcceptedRehearsal, decide: Decide, way: str = "") -> FleetReport:
        fleet = self.fleet()
        with InProcessRuns(fleet, requested_by=run.caller) as runs:
            conductor = Conductor(
                fleet=fleet,
                runs=runs,
                memory=ProcessMemory(),
                decide=decide,
                parent=run.run_id,
                way=way,
                every=TURN,
            )
            return conducted(conductor, rehearsal.due, lambda _turn: None, pause=runs.wait_for_an_end)

    def _tested(
        self, run: StartedRun, rehearsal: AcceptedRehearsal, seen: dict[str, Inspection], prepared: FleetReport
    ) -> Sequence[RehearsalOutcome]:
        tests = [
            ServiceRehearsal(
                fleet=self.fleet(),
                rehearsal=rehearsal,
                service=service,
                run_id=run.run_id,
                inspection=seen.get(service),
                prepared=prepared,
                memory=ProcessMemory(),
            ).test()
            for service in rehearsal.due.services
        ]
        return [outcome for outcome in tests if outcome is not None]
