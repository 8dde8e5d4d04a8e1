"""What a rehearsal measured, as a finding of the plan. Pure."""

from __future__ import annotations

from springtide.capacity.model import CapacityEstimate
from springtide.capacity.rehearsed import MEASURED, PLANNED, RAISED_BY, REHEARSED
from springtide.plan.findings import Finding, FindingStatus


def rehearsal_findings(estimate: CapacityEstimate) -> tuple[Finding, ...]:
    """Return one finding for each model that a rehearsal says something about."""
    findings = []
    for answer in estimate.answers:
        if MEASURED not in answer.inputs:
            continue
        message = f"{answer.inputs[REHEARSED]}; {answer.model} plans with {float(answer.inputs[PLANNED]):.4g}"
        if answer.inputs.get(RAISED_BY):
            message += (
                ". More replicas are asked for. Correct the policy, or rehearse again when the service is faster."
            )
            findings.append(
                Finding(check="rehearsal", status=FindingStatus.WARNING, message=message, code="rehearsal_below_plan")
            )
        else:
            findings.append(Finding(check="rehearsal", status=FindingStatus.PASSED, message=message))
    return tuple(findings)
