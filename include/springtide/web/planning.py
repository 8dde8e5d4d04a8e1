"""What a run would do now, and what stands in its way: looked at, and nothing of it done."""

from __future__ import annotations

from typing import Any

from springtide.errors import SpringtideError
from springtide.plan.findings import require_passed
from springtide.run.admission import plan_capacity
from springtide.run.ports import RunRequest
from springtide.web.ports import Surroundings


def plan_of(surroundings: Surroundings, request: RunRequest) -> dict[str, Any]:
    """Return the plan as `springtide plan --output json` prints it; `refused` is why a run would be, None where not.

    Raises:
        SpringtideError: there can be no plan.
    """
    with surroundings.ports(request.policy) as ports:
        plan = plan_capacity(ports, request)
    return plan.to_record() | {"refused": _refusal(plan.findings)}


def _refusal(findings: Any) -> dict[str, Any] | None:
    try:
        require_passed(findings)
    except SpringtideError as error:
        return dict(error.to_record())
    return None
