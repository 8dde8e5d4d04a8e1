"""What the command line asks of Airflow: a run to come, and to take it back. By its public REST API alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from springtide.cli.options import settings_now
from springtide.errors import Conflict, InputError, NotFound, PermanentError, TemporaryError
from springtide.settings import variable_name
from springtide.unpacking import ACCEPTED, PackingError, gathered, unpacked

if TYPE_CHECKING:
    import httpx

DAG_ID: Final = "prepare_events"
TIMEOUT_SECONDS: Final = 20.0
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of an answer, counted unpacked."""


def queue_run(airflow: str, run_id: str, conf: dict[str, Any], due: datetime, *, dag_id: str = DAG_ID) -> None:
    """Queue the run `run_id` of a DAG, `prepare_events` unless told otherwise, for the time `due`.

    Raises:
        Conflict: it is there already (`event_exists`).
        InputError, PermanentError: Airflow refused it.
        TemporaryError: Airflow does not answer.
    """
    # never a logical date: one in the future would keep the run's tasks from ever running
    body = {"dag_run_id": run_id, "logical_date": None, "run_after": due.isoformat(), "conf": conf}
    with opened_airflow(airflow) as client:
        answer = airflow_answer(client, "POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
    if answer.status_code == 409:  # noqa: PLR2004
        raise Conflict(
            f"{run_id} exists already: the same event is prepared once. To change it, cancel it first.",
            code="event_exists",
            field="name",
        )
    require_good(answer)


def delete_run(airflow: str, run_id: str) -> None:
    """Take back a run that has not begun.

    Raises:
        NotFound: there is none (`event_unknown`).
        Conflict: it has begun (`event_began`).
        PermanentError, TemporaryError: as for `queue_run`.
    """
    with opened_airflow(airflow) as client:
        run = airflow_answer(client, "GET", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}")
        if run.status_code == 404:  # noqa: PLR2004
            raise NotFound(f"{run_id} is not queued: there is nothing to cancel.", code="event_unknown", field="name")
        require_good(run)
        state = run.json()["state"]
        if state != "queued":
            raise Conflict(
                f"{run_id} is {state}: it can no longer be cancelled. What it prepares is released after the event.",
                code="event_began",
                field="name",
            )
        require_good(airflow_answer(client, "DELETE", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}"))


@contextmanager
def opened_airflow(airflow: str) -> Iterator[httpx.Client]:
    """Open a client that is logged in; a server that does not answer is a temporary error."""
    import httpx

    if not airflow.startswith(("http://", "https://")):
        raise InputError(f"airflow: {airflow[:80]!a} is not an http(s) address.", code="url_scheme", field="airflow")
    try:
        packing = {"Accept-Encoding": ACCEPTED}
        with httpx.Client(base_url=airflow, timeout=TIMEOUT_SECONDS, trust_env=False, headers=packing) as client:
            client.headers["Authorization"] = f"Bearer {_token(client)}"
            yield client
    except httpx.HTTPError as error:
        raise TemporaryError(
            f"airflow: {airflow} does not answer ({type(error).__name__}).", code="airflow_unreachable", field="airflow"
        ) from error


def airflow_answer(client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    """Return the answer to one request, its body whole and unpacked.

    Raises:
        PermanentError: the body is larger than is read, or cannot be unpacked (`airflow_answer`).
    """
    import httpx

    with client.stream(method, path, **content) as answer:
        try:
            body = gathered(unpacked(answer.iter_raw(), answer.headers.get("content-encoding", "")), MAX_BYTES)
        except PackingError as error:
            raise PermanentError(
                f"airflow: its answer to {method} {path}: {error}. Is the address Airflow's?",
                code="airflow_answer",
                field="airflow",
            ) from error
    kind = {"Content-Type": answer.headers.get("content-type", "")}
    return httpx.Response(answer.status_code, content=body, headers=kind, request=answer.request)


def _token(client: httpx.Client) -> str:
    settings = settings_now()
    if settings.airflow_token:
        return settings.airflow_token
    user = settings.airflow_user
    password = settings.airflow_password
    if not user or not password:
        token_name = variable_name("airflow_token")
        user_name = variable_name("airflow_user")
        raise InputError(
            f"airflow: no credentials; set {token_name}, or {user_name} and {variable_name('airflow_password')}.",
            code="airflow_login",
            field="airflow",
        )
    answer = airflow_answer(client, "POST", "/auth/token", json={"username": user, "password": password})
    if answer.is_error:
        raise PermanentError(
            f"airflow: it does not know the user {user} with this password ({answer.status_code}).",
            code="airflow_login",
            field="airflow",
        )
    return str(answer.json()["access_token"])


def require_good(answer: httpx.Response) -> None:
    """Return when Airflow did what it was asked.

    Raises:
        PermanentError: it refused (`airflow_refused`).
    """
    if answer.is_error:
        raise PermanentError(
            f"airflow: it refused ({answer.status_code}): {answer.text[:300]}", code="airflow_refused", field="airflow"
        )
