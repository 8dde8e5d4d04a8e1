"""`/pages/static/`: the style sheet, the scripts and the icons, each kept by browsers until it has another version."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse

from springtide.web.access import reads
from springtide.web.pages.frame import static_file
from springtide.web.ports import Surroundings


def router(surroundings: Surroundings) -> APIRouter:
    """Return the route of the files."""
    del surroundings  # they are the same wherever the application runs
    made = APIRouter()

    @made.get("/pages/static/{name}", dependencies=[Depends(reads)], include_in_schema=False)
    def file(name: str, v: Annotated[str, Query(max_length=40)] = "") -> FileResponse:
        """Return one file; `v` is its version, which makes browsers fetch what has changed."""
        del v
        return static_file(name)

    return made
