"""`/api/v1/runs`: the runs of all services, one of them, its phases, and asking it to stop and roll back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.record.run_search import RunFilter
from springtide.run.abort_parameters import parse_abort
from springtide.run.request_parameters import LONGEST_REASON
from springtide.web.access import Reader, permitted_policy, writes
from springtide.web.cursors import cursor_after, place_of
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.run_sources import run_view
from springtide.web.starting import queued, run_id_of

Aborting = Annotated[Caller, Depends(writes(Permission.ABORT))]

PAGE: Final = 50
LARGEST_PAGE: Final = 200
LONGEST_SEARCH: Final = 250

Text = Annotated[str | None, Query(max_length=LONGEST_SEARCH)]
Cursor = Annotated[str | None, Query(max_length=600, description="`next` of the answer before.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]


class AbortBody(BaseModel):
    """Why a run is to stop."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the new pods are slow"}]})

    reason: Annotated[str, Field(description="Why; everybody reads it.", max_length=LONGEST_REASON)]


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of runs."""
    made = APIRouter(tags=["runs"])
    _reads(made, surroundings)
    _aborts(made, surroundings)
    return made


def _reads(made: APIRouter, surroundings: Surroundings) -> None:
    @made.get("/runs", summary="The runs of all services, newest first")
    def runs(
        _caller: Reader,
        *,
        service: Text = None,
        by: Text = None,
        event: Text = None,
        outcome: Text = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> dict[str, Any]:
        """Return the runs that fit; `by` and `event` are found anywhere in who asked, and in why."""
        wanted = RunFilter(
            policy=service,
            by=by,
            event=event,
            outcome=None if outcome is None else _outcome(outcome),
            after=None if cursor is None else place_of(cursor),
        )
        return _page_of(surroundings, wanted, limit)

    @made.get("/runs/{run_id}", summary="One run: its sentence, plan, phases, course, writes, and what to do")
    def run(run_id: str, _caller: Reader) -> dict[str, Any]:
        """Return the run as it stands now; what could not be read is told in `unknown`."""
        return run_view(surroundings, run_id).to_record()

    @made.get("/runs/{run_id}/phases", summary="The phases of one run, with what each found")
    def phases(run_id: str, _caller: Reader) -> dict[str, Any]:
        """Return every attempt at every phase, oldest first."""
        found = run_view(surroundings, run_id).to_record()["phases"]
        return {"items": found, "next": None, "left_out": []}


def _aborts(made: APIRouter, surroundings: Surroundings) -> None:
    @made.post(
        "/runs/{run_id}/abort",
        status_code=HTTPStatus.ACCEPTED,
        summary="Ask a run in progress to stop between two writes and to roll back",
    )
    def abort(run_id: str, asked: Annotated[AbortBody, Body()], caller: Aborting) -> dict[str, Any]:
        """Judge what is asked, and queue the run of `abort_run` that asks it; that one says what became of it."""
        view = run_view(surroundings, run_id)
        permitted_policy(surroundings, view.service, caller, Permission.ABORT)  # the address names no service
        conf = {"service": view.service, "run_id": run_id, "reason": asked.reason}
        request = parse_abort(conf, surroundings.policies())
        if not view.abort.is_possible:
            raise InputError(
                f"run {run_id!r} cannot be stopped: {view.abort.why_not}.", code="abort_impossible", field="run_id"
            )
        return _started(surroundings, caller, conf | {"reason": request.reason})


def _page_of(surroundings: Surroundings, wanted: RunFilter, limit: int) -> dict[str, Any]:
    with surroundings.open_store() as store:
        found = store.find_runs(wanted, limit=limit + 1)
    shown = found[:limit]
    more = cursor_after(shown[-1].started_at, shown[-1].run_id) if len(found) > limit else None
    return {"items": [run.to_record() for run in shown], "next": more, "left_out": []}


def _outcome(text: str) -> RunOutcome:
    try:
        return RunOutcome(text)
    except ValueError as error:
        allowed = ", ".join(RunOutcome)
        message = f"outcome: {text[:60]!r} is none; allowed: {allowed}."
        raise InputError(message, code="parameter_invalid", field="outcome") from error


def _started(surroundings: Surroundings, caller: Caller, conf: dict[str, Any]) -> dict[str, Any]:
    run_id = run_id_of(conf["service"], surroundings.clock.now(), "abort")
    note = f"abort {conf['run_id']}: {conf['reason']}"
    run = queued(surroundings, caller, Permission.ABORT, run_id, conf=conf, note=note)
    return {"service": conf["service"], **run, "page": None}
