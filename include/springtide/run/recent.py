"""What was decided about a service lately, from the store of runs: for the guards over time, and for advice."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from springtide.errors import SpringtideError
from springtide.plan.model import ScalingPlan
from springtide.plan.recent import ADVICE_LASTS, NOTHING_RECENT, PastAnswer, Recent, SweepDecision, left_by_advice
from springtide.policy.scaling.guards import Guards
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.record.store import RunStore
from springtide.run.ports import RunRequest

log = structlog.get_logger(__name__)


def recent_of(store: RunStore, policy: ScalingPolicy, now: datetime) -> Recent:
    """Return what guards over time look at; nothing where none of them is set.

    A store that does not answer makes it unknown, and then nothing is made smaller: see `springtide.plan.guards`.
    """
    guards = policy.spec.guards
    if not _looks_back(guards):
        return NOTHING_RECENT
    try:
        decisions = store.decisions(policy.name, now - _looks_back(guards), now)
        changed = _changed_at(store, policy, decisions) if guards.cooldown or guards.cooldown_up else None
    except SpringtideError as error:
        log.warning("decisions_not_read", policy=policy.name, code=error.code, message=error.message)
        return Recent(unknown=error.message)
    answers = tuple(PastAnswer(each.at, each.answer) for each in decisions if each.answer is not None)
    return Recent(answers=answers, changed_at=changed)


def advised_before(store: RunStore, policy: ScalingPolicy, now: datetime) -> int | None:
    """Return what would stand now by the latest advice; None where the policy's mode is to act, or none was given.

    Raises:
        TemporaryError: the store does not answer.
    """
    if not policy.spec.advises:
        return None
    decisions = store.decisions(policy.name, now - ADVICE_LASTS, now)
    return left_by_advice(decisions, now=now, is_floor=policy.spec.strategy.type == "floor")


def decision_of(request: RunRequest, plan: ScalingPlan) -> SweepDecision:
    """Return what a run by itself decided: not one of a sweep's, whose number the sweep has decided already."""
    return SweepDecision(
        policy=plan.policy,
        at=plan.decided_at,
        before=plan.current,
        planned=plan.replicas,
        answer=plan.estimate.replicas,
        is_floor=plan.strategy == "floor",
        advises=request.policy.spec.advises,
        by_hand=True,
        reason=plan.reason,
        gate=plan.estimate.gate,
        abstained=plan.estimate.abstained,
    )


def _looks_back(guards: Guards) -> timedelta:
    held = guards.stabilization
    return max(held.down, held.error_over, guards.cooldown, guards.cooldown_up)


def _changed_at(store: RunStore, policy: ScalingPolicy, decisions: tuple[SweepDecision, ...]) -> datetime | None:
    if policy.spec.advises:
        return max((each.at for each in decisions if not each.by_hand and each.planned != each.before), default=None)
    changes = (
        run.ended_at
        for run in store.latest(policy.name)
        if run.ended_at is not None and run.outcome is RunOutcome.SUCCEEDED and not run.dry_run
    )
    return max(changes, default=None)
