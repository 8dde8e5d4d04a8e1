"""A person between a plan and its run: which plans need one, and that what was approved is what is applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from springtide.errors import PermanentError, SpringtideError
from springtide.plan.footprint import peak_between
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.looks import approval_asked, approval_ended, keep_look
from springtide.record.metrics import APPROVAL_DEADLINE, APPROVAL_WAITING_SINCE
from springtide.record.model import PhaseRecord, PhaseStatus
from springtide.record.store import OpenStore
from springtide.run.ports import RunRequest

log = structlog.get_logger(__name__)

APPROVE: Final = "approve"
"""What a person's answer is called among the phases of a run's record."""


def needs_approval(request: RunRequest, plan: ScalingPlan) -> bool:
    """Say whether a person must approve `plan`; a release never needs one: it was approved with its floor's expiry."""
    if request.is_release or request.dry_run or plan.outcome is not PlanOutcome.SCALE:
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


def keep_asked(open_store: OpenStore, request: RunRequest, now: datetime) -> timedelta:
    """Keep for the metrics that somebody is asked; return how long the answer is waited for."""
    within = timedelta(seconds=request.policy.spec.approval.within.total_seconds())
    keep_look(open_store, approval_asked(request.policy.name, now=now, within=within))
    return within


def keep_answered(open_store: OpenStore, policy: str, refusal: PermanentError | None = None) -> None:
    """Keep for the metrics that nobody is asked any more, and what was said: `refusal` None where it was yes."""
    no = "unanswered" if refusal is not None and refusal.code == "approval_missing" else "rejected"
    keep_look(open_store, approval_ended(policy, "approved" if refusal is None else no))


def others_waiting(open_store: OpenStore, policy: str, now: datetime) -> datetime | None:
    """Return since when another run of the policy waits for a person; None where none does, or nobody knows."""
    try:
        with open_store() as store:
            totals = {total.name: total.value for total in store.totals() if ("policy", policy) in total.labels}
    except SpringtideError:
        return None
    since = totals.get(APPROVAL_WAITING_SINCE.name)
    is_over = totals.get(APPROVAL_DEADLINE.name, 0.0) <= now.timestamp()
    return None if since is None or is_over else datetime.fromtimestamp(since, UTC)


def keep_approved(open_store: OpenStore, run_id: str, words: str, at: datetime) -> None:
    """Keep with the run who approved its plan, in words; a store that does not answer stands in no run's way."""
    approved = PhaseRecord(
        phase=APPROVE, status=PhaseStatus.SUCCEEDED, started_at=at, ended_at=at, message=words
    )  # without seconds: how long a person takes is no phase's duration
    try:
        with open_store() as store:
            store.save_phase(run_id, approved)
    except SpringtideError as error:
        log.warning("approval_not_kept", run=run_id, code=error.code, message=error.message)


def approval_subject(plan: ScalingPlan) -> str:
    """Return the question in a line, as the list of what waits shows it."""
    return f"{plan.policy}: {plan.current} → {plan.replicas} replicas?"


def approval_page(plan: ScalingPlan, request: RunRequest, now: datetime, *, waiting: datetime | None = None) -> str:
    """Return the plan for the page that asks, as Markdown; what others wrote stands in code, so it is only text.

    It says who asks and why, until when an answer is waited for from `now`, and how many pods there are at the peak;
    and since when another plan for the service is `waiting`.
    """
    numbers = f"{plan.current} → {plan.replicas} replicas by `{plan.strategy}`"
    lines = [f"**{plan.policy}**: {numbers}, plan `{plan.fingerprint}`", "", *_asked(plan, request, now)]
    if waiting is not None:
        lines += ["", f"**Another plan for {plan.policy} waits for an answer since {waiting:%Y-%m-%d %H:%M} UTC.**"]
        lines += ["Two runs of one service do not go side by side: approve one of them, and reject the other."]
    reason = [f"    {line}" for line in plan.reason.splitlines()]
    lines += ["", *reason, "", "| check | | found |", "|---|---|---|"]
    lines += [f"| {each.check} | {each.status.value} | `{_cell(each.message)}` |" for each in plan.findings]
    return "\n".join(lines)


def _asked(plan: ScalingPlan, request: RunRequest, now: datetime) -> Iterator[str]:
    until = now + timedelta(seconds=request.policy.spec.approval.within.total_seconds())
    yield f"- asked for by `{_cell(request.requested_by)}` ({request.trigger}): `{_cell(request.reason)}`"
    yield f"- waits until {until:%Y-%m-%d %H:%M} UTC; then the run ends failed, and nothing is written"
    yield f"- {peak_between(plan.current, plan.replicas, request.settings)} pods at the peak, {plan.current} now"


def rejected(plan: ScalingPlan, who: str | None) -> PermanentError:
    """Return the error of a run whose plan somebody rejected (`approval_rejected`)."""
    message = f"plan {plan.fingerprint} was rejected by {who or 'somebody'}."
    return PermanentError(message, code="approval_rejected", field="approval")


def unanswered(plan: ScalingPlan) -> PermanentError:
    """Return the error of a run whose plan nobody answered for in time (`approval_missing`)."""
    message = f"nobody answered within approval.within of policy {plan.policy}; nothing was written."
    return PermanentError(message, code="approval_missing", field="approval")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").replace("`", "'").splitlines())
