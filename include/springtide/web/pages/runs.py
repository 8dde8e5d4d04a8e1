"""`/pages/runs/…`: one run, live or ended; also the tab "Scaling" of a DAG run in Airflow."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from springtide.errors import NotFound
from springtide.overview.run_chart import chart_of
from springtide.web.access import Reader
from springtide.web.pages.frame import frame_of
from springtide.web.ports import Permission, Surroundings
from springtide.web.run_sources import run_view

DAG: Final = Permission.SCALE.value


def router(surroundings: Surroundings) -> APIRouter:
    """Return the page of a run."""
    made = APIRouter()

    @made.get("/pages/runs/{run_id:path}", include_in_schema=False)
    def page(
        run_id: str, request: Request, caller: Reader, dag: Annotated[str, Query(max_length=250)] = DAG
    ) -> HTMLResponse:
        """Show the run; where there is none yet, or the DAG run is of another DAG, say so."""
        frame = frame_of(surroundings, request, caller, has_charts=True)
        if dag != DAG:
            return frame.page("run_of_another_dag.html", dag=dag)
        try:
            view = run_view(surroundings, run_id)
        except NotFound:
            return frame.page("run_unknown.html", run_id=run_id)
        may_abort = surroundings.access.may(caller, Permission.ABORT)
        airflow = surroundings.starts.link(DAG, run_id)
        return frame.page("run.html", run=view, chart=chart_of(view), may_abort=may_abort, airflow=airflow)

    return made
