"""`GET /api/v1/audit`: who asked for what, why, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from springtide.record.audit import AuditPage, AuditRecord
from springtide.web.access import reads_as
from springtide.web.cursors import cursor_after, place_of
from springtide.web.examples import AUDIT, PROBLEMS
from springtide.web.ports import Caller, Permission, Surroundings

SHOWN: Final = ("at", "who", "dag_id", "service", "run_id", "reason", "asked", "outcome", "code")
Auditor = Annotated[Caller, Depends(reads_as(Permission.SCALE))]
"""Who may start runs may see who did; a viewer may not."""


def router(surroundings: Surroundings) -> APIRouter:
    """Return the route."""
    made = APIRouter(tags=["audit"])

    @made.get("/audit", summary="Who asked for what, and why", responses=PROBLEMS | {200: AUDIT})
    def audit(
        _caller: Auditor,
        service: Annotated[str | None, Query(max_length=253)] = None,
        by: Annotated[str | None, Query(max_length=250, description="Who asked.")] = None,
        cursor: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Return the requests that would have changed something, newest first."""
        before = None if cursor is None else place_of(cursor)
        page = AuditPage(limit=limit + 1, before=before, service=service, who=by)
        with surroundings.open_store() as store:
            found = store.audit(page)
        shown = found[:limit]
        more = cursor_after(shown[-1].at, shown[-1].record_id) if len(found) > limit else None
        return {"items": [_shown(each) for each in shown], "next": more, "left_out": []}

    return made


def _shown(record: AuditRecord) -> dict[str, Any]:
    stored = record.to_record()
    return {name: stored[name] for name in SHOWN}
