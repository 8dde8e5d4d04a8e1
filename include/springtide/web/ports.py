"""What REST and pages reach the world through: who asks, how a DAG is started, and everything that a run needs too.

Airflow's are in `springtide_airflow.web_app`; tests have their own in `support.web`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from fastapi import Request

from springtide.clock import Clock
from springtide.events.snapshot import CalendarSnapshot
from springtide.kube.client import KubeReader
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import OpenStore
from springtide.run.ports import Ports
from springtide.settings import Settings


class Permission(StrEnum):
    """What a route takes to come in. Each but `read` is the name of a DAG: who may run that, may do this."""

    READ = "read"
    SCALE = "scale_service"
    PREPARE = "prepare_events"
    REHEARSE = "rehearse_event"
    PAUSE = "pause_service"
    APPROVE = "approve_event"
    ABORT = "abort_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `is_bearer`: by a token in the header, which no other site can make a browser send.

    `key` and `digest` are of a write: its idempotency key, "" where it has none, and what tells it from another.
    `user` is whatever `Access` knows its people by; nobody else looks into it.
    """

    name: str
    roles: frozenset[str] = frozenset()
    is_bearer: bool = False
    key: str = ""
    digest: str = ""
    user: object = None


class Access(Protocol):
    """Who somebody is, and what the installation lets them do. What a policy says about it comes on top."""

    async def caller(self, request: Request) -> Caller:
        """Return who asks.

        Raises:
            PermanentError: nobody is logged in (`auth_required`), or the token is not to be used (`token_invalid`).
        """
        ...

    def may(self, caller: Caller, permission: Permission) -> bool:
        """Say whether `caller` may see what springtide shows, or start the DAG of `permission`."""
        ...

    def log_in(self, address: str) -> str:
        """Return where somebody logs in who then comes back to `address`, both from the root of the server."""
        ...


class DagRunState(StrEnum):
    """How a DAG run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"

    @property
    def is_ended(self) -> bool:
        """Whether it is over."""
        return self in {DagRunState.SUCCESS, DagRunState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRun:
    """A DAG run that is queued or running; Airflow begins it at `due`."""

    run_id: str
    state: DagRunState
    due: datetime
    conf: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowHealth:
    """Which of Airflow's parts are alive; None where there is none of the kind."""

    scheduler: bool | None
    triggerer: bool | None
    dag_processor: bool | None


class Starts(Protocol):
    """Runs of DAGs: started in a caller's name, and looked at."""

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
        """Queue a run; Airflow begins it at once, or when it is `due`.

        Raises:
            PermanentError: there is no such DAG, or it cannot be loaded (`dag_unavailable`).
            InputError: Airflow refuses the values (`conf_invalid`).
            Conflict: the DAG is paused, so that the run would wait for ever (`dag_paused`), or there is a run of this
                id (`run_exists`).
        """
        ...

    def state(self, dag_id: str, run_id: str) -> DagRunState | None:
        """Return how a run stands; None where there is no such run."""
        ...

    def waiting(self, dag_id: str) -> Sequence[WaitingRun]:
        """Return the runs of a DAG that are queued or running, the first due first; 200 at most."""
        ...

    def take_back(self, dag_id: str, run_id: str, *, caller: Caller) -> None:
        """Remove a run that is still queued.

        Raises:
            NotFound: there is no such run (`run_unknown`).
            Conflict: it is not queued any more (`event_began`).
        """
        ...

    def paused(self) -> frozenset[str]:
        """Return the DAGs that are paused."""
        ...

    def health(self) -> AirflowHealth:
        """Return which parts are alive."""
        ...

    def token_for(self, caller: Caller) -> str:
        """Return a token of `caller` that lasts for minutes, for a page that they look at."""
        ...

    def link(self, dag_id: str, run_id: str) -> str:
        """Return the address of a run's page, from the root of Airflow's own: `/dags/scale_service/runs/…`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything outside the application.

    `policies` and `calendars` are read anew at each call. `ports` opens what a run of that policy would reach the
    world through; `cluster` what its cluster alone is read by, which is kept open where the installation can.
    `open_store` yields a store that stays open after the block, where the installation keeps one.
    """

    clock: Clock
    access: Access
    starts: Starts
    open_store: OpenStore
    policies: Callable[[], PolicyFolder]
    calendars: Callable[[], CalendarSnapshot]
    ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]]
    cluster: Callable[[ScalingPolicy], AbstractContextManager[KubeReader]]
    settings: Settings
