"""`GET /api/v1/policies`, and `POST /api/v1/policies/validate`: every error of a text, with its line."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from springtide.errors import PolicyError
from springtide.policy.reading.parse import policy_in
from springtide.policy.scaling.model import ScalingPolicy
from springtide.web.access import Reader, writes
from springtide.web.examples import POLICIES, PROBLEMS, VALIDATED
from springtide.web.names import may_change
from springtide.web.ports import Caller, Permission, Surroundings
from springtide.web.problems import violation_record

BODY: Final = "request body"
"""What errors call the text."""

Validator = Annotated[Caller, Depends(writes(Permission.SCALE))]
_YAML: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {}, "example": "apiVersion: springtide/v1\n"}},
    }
}


def router(surroundings: Surroundings) -> APIRouter:
    """Return the routes of policies."""
    made = APIRouter(tags=["policies"])

    @made.get("/policies", summary="All policies", responses=PROBLEMS | {200: POLICIES})
    def policies(caller: Reader) -> dict[str, Any]:
        """Return the policies that can be read, and the errors of the files that cannot."""
        found, violations = surroundings.policies().readable()
        items = [_row(policy, caller) for policy in sorted(found, key=lambda each: each.name)]
        return {"items": items, "next": None, "left_out": [violation_record(each) for each in violations]}

    @made.post(
        "/policies/validate",
        summary="Every error of a policy",
        responses=PROBLEMS | {200: VALIDATED},
        openapi_extra=_YAML,
    )
    async def validate(_caller: Validator, request: Request) -> dict[str, Any]:
        """Read the body as a policy's file, by the same entry that every run reads its own by; nothing is kept."""
        text = await request.body()
        if not text:
            await run_in_threadpool(policy_in, text, BODY)  # which says so: no body is no file that is wrong
        return await run_in_threadpool(_verdict, text)

    return made


def _row(policy: ScalingPolicy, caller: Caller) -> dict[str, Any]:
    spec = policy.spec
    return {
        "name": policy.name,
        "owner": policy.metadata.owner,
        "workload": str(spec.target.workload),
        "strategy": spec.strategy.type,
        "min": spec.replicas.min,
        "max": spec.replicas.max,
        "mode": spec.mode or "act",
        "may_scale": list(policy.metadata.may_scale),
        "may_change": may_change(policy, caller),
    }


def _verdict(text: bytes) -> dict[str, Any]:
    try:
        policy = policy_in(text, BODY).policy
    except PolicyError as error:
        return {"valid": False, "name": None, "violations": [violation_record(each) for each in error.violations]}
    return {"valid": True, "name": policy.name, "violations": []}
