"""REST and pages inside Airflow's API server: its logins and its rights, runs of its DAGs, and who of it is alive.

The one file that uses Airflow's internal modules for this. It decides nothing: `springtide.web` does.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, HTTPException

from springtide.errors import Conflict, InputError, NotFound, PermanentError
from springtide.web.app import app_to_serve
from springtide.web.limits import WebLimits
from springtide.web.ports import AirflowHealth, Caller, DagRunState, Permission, Surroundings, WaitingRun
from springtide_airflow.clock import WallClock
from springtide_airflow.folders import calendar_folder, policy_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.settings import airflow_settings, store_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from fastapi import Request

    from springtide.events.snapshot import CalendarSnapshot
    from springtide.kube.client import KubeReader
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.store import RunStore
    from springtide.run.ports import Ports

MOST_WAITING: Final = 200
UNENDED: Final = (DagRunState.QUEUED.value, DagRunState.RUNNING.value)

NOBODY: Final = "Not authenticated"
EXPIRED: Final = "Token Expired"
"""Airflow's own words."""

SHOWN: Final = "scale_service"
"""The DAG whose runs a caller must be allowed to see: what springtide shows is about them."""

log = logging.getLogger(__name__)


class AirflowAccess:
    """Airflow's logins, by cookie or token, and the rights that its auth manager gives."""

    async def caller(self, request: Request) -> Caller:
        """Return who asks, as Airflow's own API would see them."""
        from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

        credentials = await bearer_scheme(request)
        try:
            user: Any = await get_user(request, None, credentials)
        except HTTPException as error:
            raise _not_taken(request, str(error.detail)) from None
        return Caller(name=user.get_name(), roles=_roles(user), is_bearer=credentials is not None, user=user)

    def may(self, caller: Caller, permission: Permission) -> bool:
        """Say what the auth manager says about the runs of the DAG."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
        from airflow.models.dag import DagModel

        dag_id = SHOWN if permission is Permission.READ else permission.value
        user: Any = caller.user
        details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        method: Any = "GET" if permission is Permission.READ else "POST"
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method, access_entity=DagAccessEntity.RUN, details=details, user=user
            )
        )

    def log_in(self, address: str) -> str:
        """Return the address from which Airflow leads to the login of its auth manager, and then back."""
        return f"{_root()}/api/v2/auth/login?next={quote(address, safe='')}"


def _not_taken(request: Request, detail: str) -> PermanentError:
    if "authorization" not in request.headers:
        is_over = "" if detail == NOBODY else "your login to Airflow is over: "
        message = f"{is_over}log in to Airflow, or send Authorization: Bearer and a token."
        return PermanentError(message, code="auth_required")
    why = "this token has expired" if detail == EXPIRED else f"Airflow does not take this token: {detail}"
    message = f"{why}. Ask POST /auth/token for another."
    return PermanentError(message, code="token_invalid", field="Authorization")


def _roles(user: Any) -> frozenset[str]:
    """Return the names of the user's roles: one of the simple auth manager's, several of others'."""
    several = getattr(user, "roles", None) or ()
    names = {str(getattr(role, "name", role)) for role in several}
    one = getattr(user, "role", None)
    return frozenset(names | ({str(one)} if one else set()))


class AirflowStarts:
    """Runs of Airflow's DAGs, in the name of who asks."""

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
        """Queue a run, as Airflow's own API does."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
        from airflow.utils.types import DagRunTriggeredByType

        _require_startable(dag_id)
        try:
            trigger_dag(
                dag_id,
                run_id=run_id,
                conf=dict(conf),
                triggered_by=DagRunTriggeredByType.REST_API,
                triggering_user_name=caller.name,
                run_after=due,
                note=note or None,
            )
        except DagRunAlreadyExists:
            raise Conflict(f"there is a run {run_id!r} already.", code="run_exists", field="run_id") from None
        except DagNotFound:
            raise _unavailable(dag_id, "Airflow does not know it") from None
        except (ParamValidationError, ValueError) as error:
            raise InputError(f"Airflow refuses the values: {error}", code="conf_invalid", field="conf") from None

    def state(self, dag_id: str, run_id: str) -> DagRunState | None:
        """Return how a run stands."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            chosen = select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
            state = session.scalar(chosen)
        return None if state is None else _state(state)

    def waiting(self, dag_id: str) -> Sequence[WaitingRun]:
        """Return the runs that have not ended."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        chosen = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.state.in_(UNENDED))
        with create_session() as session:
            found = session.scalars(chosen.order_by(DagRun.run_after, DagRun.run_id).limit(MOST_WAITING)).all()
            return [
                WaitingRun(run_id=run.run_id, state=_state(run.state), due=run.run_after, conf=dict(run.conf or {}))
                for run in found
            ]

    def take_back(self, dag_id: str, run_id: str, *, caller: Caller) -> None:
        """Remove a run that is still queued: locked, so that the scheduler does not begin it meanwhile."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        chosen = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        with create_session() as session:
            run = session.scalar(chosen.with_for_update())
            if run is None:
                raise NotFound(f"there is no run {run_id!r} of {dag_id}.", code="run_unknown", field="run_id")
            if _state(run.state) is not DagRunState.QUEUED:
                raise Conflict(f"run {run_id!r} has begun. Abort it.", code="event_began", field="run_id")
            session.delete(run)
        log.info("%s took %s of %s back", caller.name, run_id, dag_id)

    def paused(self) -> frozenset[str]:
        """Return the DAGs that are paused."""
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            return frozenset(session.scalars(select(DagModel.dag_id).where(DagModel.is_paused)))

    def health(self) -> AirflowHealth:
        """Return which parts are alive, by their heartbeats."""
        from airflow.api.common.airflow_health import get_airflow_health

        found = get_airflow_health()
        alive = {part: _alive(found[part]["status"]) for part in ("scheduler", "triggerer", "dag_processor")}
        return AirflowHealth(**alive)

    def token_for(self, caller: Caller) -> str:
        """Return a token that lasts for minutes, as the settings say."""
        from airflow.api_fastapi.app import get_auth_manager

        user: Any = caller.user
        seconds = int(WebLimits.of(airflow_settings()).page_token.total_seconds())
        return str(get_auth_manager().generate_jwt(user, expiration_time_in_seconds=seconds))

    def link(self, dag_id: str, run_id: str) -> str:
        """Return the address of a run's page."""
        return f"{_root()}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}"


def _root() -> str:
    """Return the path below which Airflow is served; empty where it is a whole server's."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def _state(state: object) -> DagRunState:
    return DagRunState(str(getattr(state, "value", state)))


def _alive(status: str | None) -> bool | None:
    return None if status is None else status == "healthy"


def _require_startable(dag_id: str) -> None:
    """Raise where a run of this DAG would never begin."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        columns = select(DagModel.is_paused, DagModel.is_stale, DagModel.has_import_errors)
        found = session.execute(columns.where(DagModel.dag_id == dag_id)).first()
    if found is None or found.is_stale:
        raise _unavailable(dag_id, "Airflow does not know it")
    if found.has_import_errors:
        raise _unavailable(dag_id, "its file cannot be imported")
    if found.is_paused:
        raise Conflict(
            f"the DAG {dag_id} is paused: a run would wait for ever. Turn it on in Airflow's pages.",
            code="dag_paused",
            field=dag_id,
        )


def _unavailable(dag_id: str, why: str) -> PermanentError:
    message = f"the DAG {dag_id} cannot be run: {why}. See the import errors in Airflow's pages."
    return PermanentError(message, code="dag_unavailable", field=dag_id)


@cache
def _kept_store(url: str) -> RunStore:
    """Open the store once for the life of the API server: its schema is looked at when it is opened."""
    from springtide.record.sql import open_store

    return open_store(url, metrics_directory=airflow_settings().metrics_directory)


def _open_store() -> AbstractContextManager[RunStore]:
    return nullcontext(_kept_store(store_url()))


def _calendars() -> CalendarSnapshot:
    return calendar_folder().known(WallClock().now())


def _ports(policy: ScalingPolicy) -> AbstractContextManager[Ports]:
    return SpringtideHook.of(policy).ports(log.debug)


def _cluster(policy: ScalingPolicy) -> AbstractContextManager[KubeReader]:
    return nullcontext(SpringtideHook.of(policy).kept_kube())


def make_app() -> FastAPI:
    """Return the application of this Airflow."""
    return app_to_serve(
        Surroundings(
            clock=WallClock(),
            access=AirflowAccess(),
            starts=AirflowStarts(),
            open_store=_open_store,
            policies=policy_folder,
            calendars=_calendars,
            ports=_ports,
            cluster=_cluster,
            settings=airflow_settings(),
        )
    )


def beside(metrics: FastAPI) -> FastAPI:
    """Return one application of both: `metrics` has a token of its own, and everything else Airflow's logins."""
    both = FastAPI(title="springtide", docs_url=None, redoc_url=None, openapi_url=None)
    both.include_router(metrics.router)
    both.mount("", make_app())
    return both
