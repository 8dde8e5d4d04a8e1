"""What a person approved before it came: which plan of which run it counts for, and nothing else.

A run never says by itself that it was approved. It says which event it is for, which only a preparation can
(`RunRequest.event`), and what was approved for that event stands in the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog

from springtide.errors import SpringtideError
from springtide.plan.model import ScalingPlan
from springtide.record.approvals import ApprovalAhead, last_word
from springtide.record.store import OpenStore, RunStore
from springtide.run.ports import RunRequest

log = structlog.get_logger(__name__)


def approved_ahead(
    request: RunRequest, plan: ScalingPlan, approvals: Iterable[ApprovalAhead], now: datetime
) -> ApprovalAhead | None:
    """Return the approval that `plan` of `request` is within at `now`, None where there is none.

    It has to be the last word about this service and this event, for this workload in this cluster, not over, and for
    at least as many replicas as the plan goes up to. What a plan takes away is never approved ahead.
    """
    said = last_word(approvals, plan.policy, request.event) if request.event else None
    if said is None or why_not(said, plan, now):
        return None
    return said


def why_not(said: ApprovalAhead, plan: ScalingPlan, now: datetime) -> str:
    """Return why `said` does not count for `plan` at `now`, "" where it does."""
    if said.is_taken_back:
        return f"{said.by} took it back"
    if said.target != plan.target:
        return f"it was approved for {said.target}, and the plan is for {plan.target}"
    if not said.at <= now < said.until:
        return f"it was approved until {said.until:%Y-%m-%d %H:%M} UTC"
    if plan.replicas > said.up_to:
        return f"it was approved up to {said.up_to} replicas, and the plan is for {plan.replicas}"
    return "" if plan.replicas > plan.current else "it was approved to grow, and the plan makes it smaller"


def approval_for(store: RunStore, request: RunRequest, plan: ScalingPlan, now: datetime) -> ApprovalAhead | None:
    """Return what the store holds of `approved_ahead`; None also where it does not answer: then a person is asked."""
    if not request.event:
        return None
    try:
        approvals = store.approvals_ahead([plan.policy])
    except SpringtideError as error:
        log.warning("approval_not_known", run=request.run_id, policy=plan.policy, why=error.message)
        return None
    said = last_word(approvals, plan.policy, request.event)
    counts = approved_ahead(request, plan, approvals, now)
    if counts is not None:
        log.info("approved_ahead", run=request.run_id, policy=plan.policy, occurrence=request.event, by=counts.by)
    elif said is not None:
        log.warning("approval_does_not_count", run=request.run_id, why=why_not(said, plan, now))
    return counts


def approval_in(open_store: OpenStore, request: RunRequest, plan: ScalingPlan, now: datetime) -> ApprovalAhead | None:
    """Return what `approval_for` says of the store that `open_store` opens; None where it cannot be opened."""
    if not request.event:
        return None
    try:
        with open_store() as store:
            return approval_for(store, request, plan, now)
    except SpringtideError as error:
        log.warning("approval_not_known", run=request.run_id, policy=plan.policy, why=error.message)
        return None
