"""`GET /api/v1/health`: each part that springtide needs, as a light with what to do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from springtide.web.access import Reader
from springtide.web.examples import HEALTH, PROBLEMS
from springtide.web.health import parts, worst
from springtide.web.ports import Surroundings


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of health."""
    made = APIRouter(tags=["health"])

    @made.get("/health", summary="Each part that springtide needs, as a light", responses=PROBLEMS | {200: HEALTH})
    def health(_caller: Reader) -> dict[str, Any]:
        """Look at every part; one that cannot be looked at is `unknown`, and stands in no other's way."""
        found = parts(surroundings)
        return {"light": worst(found), "parts": [each.to_record() for each in found]}

    return made
