"""REST and pages on a simulation: a fake login, DAG runs that are only counted, and a client without a socket."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from fastapi import FastAPI, Request

from springtide.clock import Clock
from springtide.errors import Conflict, NotFound, PermanentError
from springtide.events.snapshot import CalendarSnapshot
from springtide.kube.client import KubeReader
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.run.ports import Ports
from springtide.settings import Settings
from springtide.web.app import create_app
from springtide.web.ports import AirflowHealth, Caller, DagRunState, Permission, Surroundings, WaitingRun
from support.builders import NOW
from support.simulation import Simulation

HOST: Final = "airflow.example"
URL: Final = f"http://{HOST}"
COOKIE: Final = "_token"

OPERATOR: Final = Caller(name="ann", roles=frozenset({"op"}), is_bearer=True)
VIEWER: Final = Caller(name="vic", roles=frozenset({"viewer"}), is_bearer=True)
NOBODY: Final = Caller(name="nat", roles=frozenset(), is_bearer=True)
"""Logged in, and with no right at all."""

ADMIN: Final = Caller(name="ada", roles=frozenset({"admin"}), is_bearer=True)


@dataclass
class FakeAccess:
    """People by their names as tokens: `Authorization: Bearer ann`, or the same in the cookie."""

    callers: Sequence[Caller] = (OPERATOR, VIEWER, NOBODY, ADMIN)

    async def caller(self, request: Request) -> Caller:
        """Return whose name is in the header, else in the cookie."""
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ") or request.cookies.get(COOKIE, "")
        if not token:
            raise PermanentError("log in, or send Authorization: Bearer.", code="auth_required")
        for each in self.callers:
            if each.name == token:
                return Caller(name=each.name, roles=each.roles, is_bearer=bool(header))
        raise PermanentError("this token is not to be used.", code="token_invalid", field="Authorization")

    def may(self, caller: Caller, permission: Permission) -> bool:
        """Say whether the roles allow it: a viewer only sees."""
        return bool(caller.roles & ({"viewer", "op", "admin"} if permission is Permission.READ else {"op", "admin"}))

    def log_in(self, address: str) -> str:
        """Return an address that leads back."""
        return f"/login?next={quote(address, safe='')}"


@dataclass(frozen=True, kw_only=True)
class StartedRun:
    """A DAG run that somebody started."""

    dag_id: str
    run_id: str
    conf: Mapping[str, Any]
    caller: str
    note: str = ""
    due: datetime | None = None


@dataclass
class FakeStarts:
    """DAG runs that are only kept: `states` says how each stands, queued at first."""

    runs: list[StartedRun] = field(default_factory=list)
    states: dict[tuple[str, str], DagRunState] = field(default_factory=dict)
    paused_dags: set[str] = field(default_factory=set)
    missing_dags: set[str] = field(default_factory=set)
    due: datetime = NOW
    alive: AirflowHealth = field(
        default_factory=lambda: AirflowHealth(scheduler=True, triggerer=True, dag_processor=True)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
        """Keep the run."""
        if dag_id in self.missing_dags:
            raise PermanentError(f"the DAG {dag_id} cannot be run.", code="dag_unavailable", field=dag_id)
        if dag_id in self.paused_dags:
            raise Conflict(f"the DAG {dag_id} is paused.", code="dag_paused", field=dag_id)
        with self._lock:
            if (dag_id, run_id) in self.states:
                raise Conflict(f"there is a run {run_id!r} already.", code="run_exists", field="run_id")
            self.states[dag_id, run_id] = DagRunState.QUEUED
            run = StartedRun(dag_id=dag_id, run_id=run_id, conf=conf, caller=caller.name, note=note, due=due)
            self.runs.append(run)

    def state(self, dag_id: str, run_id: str) -> DagRunState | None:
        """Return how the run stands."""
        return self.states.get((dag_id, run_id))

    def waiting(self, dag_id: str) -> Sequence[WaitingRun]:
        """Return the runs that have not ended; each is due as it was asked, or at `due`."""
        return [
            WaitingRun(run_id=run.run_id, state=self.states[dag_id, run.run_id], due=run.due or self.due, conf=run.conf)
            for run in self.runs
            if run.dag_id == dag_id and not self.states[dag_id, run.run_id].is_ended
        ]

    def take_back(self, dag_id: str, run_id: str, *, caller: Caller) -> None:
        """Remove the run."""
        del caller
        state = self.states.get((dag_id, run_id))
        if state is None:
            raise NotFound(f"there is no run {run_id!r}.", code="run_unknown", field="run_id")
        if state is not DagRunState.QUEUED:
            raise Conflict(f"run {run_id!r} has begun.", code="event_began", field="run_id")
        del self.states[dag_id, run_id]
        self.runs = [run for run in self.runs if (run.dag_id, run.run_id) != (dag_id, run_id)]

    def paused(self) -> frozenset[str]:
        """Return the paused DAGs."""
        return frozenset(self.paused_dags)

    def health(self) -> AirflowHealth:
        """Return what `alive` says."""
        return self.alive

    def token_for(self, caller: Caller) -> str:
        """Return the name, which is the token."""
        return caller.name

    def link(self, dag_id: str, run_id: str) -> str:
        """Return the address of the run's page."""
        return f"/dags/{dag_id}/runs/{run_id}"


@contextmanager
def cluster_through(
    ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]], policy: ScalingPolicy
) -> Iterator[KubeReader]:
    """Open the cluster of `policy` through its ports."""
    with ports(policy) as opened:
        yield opened.kube


@dataclass
class WebScene:
    """An application on a simulation: what its tests arrange, and what they look at afterwards.

    `folder` holds the policy files; the simulation's own policy is `web`. Other clusters than its own have none.
    """

    simulation: Simulation
    folder: Path
    access: FakeAccess = field(default_factory=FakeAccess)
    starts: FakeStarts = field(default_factory=FakeStarts)
    calendars: CalendarSnapshot = field(default_factory=CalendarSnapshot)
    environ: Mapping[str, str] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, simulation: Simulation, folder: Path, **environ: str) -> WebScene:
        """Return a scene whose folder holds the simulation's policy; `environ` are settings by their variables."""
        scene = cls(simulation, folder, environ=environ)
        scene.add_policy(simulation.policy)
        return scene

    def add_policy(self, policy: ScalingPolicy) -> None:
        """Write a policy's file."""
        text = policy.model_dump_json(exclude_unset=True, by_alias=True)
        self.folder.joinpath(f"{policy.name}.yaml").write_text(text)

    @property
    def clock(self) -> Clock:
        """The simulation's."""
        return self.simulation.clock or self.simulation.world.clock

    def surroundings(self) -> Surroundings:
        """Return what the application is made with."""
        return Surroundings(
            clock=self.clock,
            access=self.access,
            starts=self.starts,
            open_store=self._open_store,
            policies=lambda: PolicyFolder(self.folder),
            calendars=lambda: self.calendars,
            ports=self._ports,
            cluster=self._cluster,
            settings=Settings.from_environment(self.environ, home=self.folder),
        )

    def app(self) -> FastAPI:
        """Return the application."""
        return create_app(self.surroundings())

    @asynccontextmanager
    async def client(
        self, caller: Caller | None = OPERATOR, *, by_cookie: bool = False, made: FastAPI | None = None
    ) -> AsyncIterator[Client]:
        """Open a client in the name of `caller`, by token unless `by_cookie`; None is logged in as nobody.

        `made` is the application, where it is not to be a new one.
        """
        async with Client(made or self.app(), caller, by_cookie=by_cookie) as client:
            yield client

    def _open_store(self) -> AbstractContextManager[RunStore]:
        return nullcontext(self.simulation.store)

    @contextmanager
    def _cluster(self, policy: ScalingPolicy) -> Iterator[KubeReader]:
        del policy
        with self._turn:
            yield self._kube

    @cached_property
    def _kube(self) -> KubeReader:
        return self.simulation.ports().kube

    @contextmanager
    def _ports(self, policy: ScalingPolicy) -> Iterator[Ports]:
        del policy
        with self._turn:  # the world has no threads
            yield self.simulation.ports()


class Client(httpx.AsyncClient):
    """Requests to the application without a socket; what nobody foresaw is an answer as well, and no exception."""

    def __init__(self, app: FastAPI, caller: Caller | None, *, by_cookie: bool = False) -> None:
        name = caller.name if caller else None
        super().__init__(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=URL,
            headers={"Authorization": f"Bearer {name}"} if name and not by_cookie else {},
            cookies={COOKIE: name} if name and by_cookie else {},
        )
