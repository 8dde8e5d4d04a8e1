"""A person between a plan and its run: which plans need one, and that what was approved is what is applied."""

from __future__ import annotations

from springtide.errors import PermanentError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.run.ports import RunRequest


def needs_approval(request: RunRequest, plan: ScalingPlan) -> bool:
    """Say whether a person must approve `plan`; a release never needs one: it was approved with its floor's expiry."""
    if request.is_release or request.dry_run or plan.outcome is PlanOutcome.NOTHING_TO_DO:
        return False
    return request.policy.spec.approval.is_needed(plan.current, plan.replicas)


def require_approved(request: RunRequest, plan: ScalingPlan) -> None:
    """Return when `plan` needs nobody, or is the very one that was approved.

    Raises:
        PermanentError: nobody approved it (`approval_missing`), or another one was approved (`plan_changed`).
    """
    # By fingerprint, not by a yes: between the question and the answer the plan may have become another one.
    if not needs_approval(request, plan) or request.approved == plan.fingerprint:
        return
    title = f"plan {plan.fingerprint} ({plan.current} to {plan.replicas} by {plan.strategy})"
    if request.approved:
        raise PermanentError(
            f"approval: {title} is not the one that was approved, {request.approved}: something changed since. Look at "
            "the plan again, and approve it.",
            code="plan_changed",
            field="approval",
        )
    raise PermanentError(
        f"approval: {title} must be approved, as spec.approval of policy {request.policy.name} says. Look at it with "
        f"`springtide plan`, then run with --approve {plan.fingerprint}.",
        code="approval_missing",
        field="approval",
    )
