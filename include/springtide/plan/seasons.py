"""Whose days a plan goes by, as a finding: told once, whatever number of models look at other days. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from springtide.plan.findings import Finding, FindingStatus

if TYPE_CHECKING:
    from springtide.capacity.model import CapacityEstimate
    from springtide.policy.scaling.model import ScalingPolicy

_CHECK: Final = "timezone"

SEASONAL: Final = frozenset({"auto", "conformal", "event", "forecast", "seasonal"})
"""The models that learn from other days, and so ask whose clocks days go by."""


def season_findings(policy: ScalingPolicy, estimate: CapacityEstimate) -> tuple[Finding, ...]:
    """Return what the plan says of the clocks by which its models compare days; nothing where none of them does."""
    demand = policy.spec.demand
    if demand is None or not any(answer.model in SEASONAL for answer in estimate.answers):
        return ()
    if demand.timezone is not None:
        message = f"days and weeks are those of {demand.timezone}"
        return (Finding(check=_CHECK, status=FindingStatus.PASSED, message=message),)
    message = (
        "days and weeks are in UTC. Where customers put their clocks forward or back, what is learned comes an hour "
        "early or late then: set demand.timezone, such as America/New_York or UTC"
    )
    return (Finding(check=_CHECK, status=FindingStatus.WARNING, message=message, code="seasons_in_utc"),)
