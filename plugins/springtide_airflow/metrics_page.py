"""`GET /springtide/metrics` of Airflow's API server: the metrics for a Prometheus, behind a token of their own."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Header, Response

from springtide_airflow.hook import SpringtideHook
from springtide_airflow.settings import airflow_settings

PREFIX: Final = "/springtide"
"""Where the API server mounts the application."""

# No list of its routes: Airflow's login does not stand before what a plugin mounts.
app = FastAPI(title="springtide", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/metrics")
def metrics(authorization: Annotated[str | None, Header()] = None) -> Response:
    """Return every metric in Prometheus' text format, or one sentence about why not."""
    from springtide.record.scrape import scrape

    answer = scrape(authorization, token_file=airflow_settings().metrics_token_file, open_store=SpringtideHook().store)
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": answer.challenge} if answer.challenge else {})
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type, headers=headers)
