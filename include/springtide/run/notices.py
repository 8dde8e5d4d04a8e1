"""What people are told of a run: that a plan waits for them, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from springtide.notify.facts import Fact, key_of, kind_of, run_key
from springtide.notify.wanted import recipients
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome


def ended_fact(
    policy: ScalingPolicy | None,
    service: str,
    run_id: str,
    outcome: RunOutcome,
    told: Sequence[str],
    *,
    link: str | None = None,
) -> Fact | None:
    """Return the fact that a run ended so; None where nobody wants to know. `policy` is None where it is unreadable.

    `told` are the lines of `ended_words.told_lines`.
    """
    kind = kind_of(outcome)
    if kind is None:
        return None
    to = recipients(kind, [policy])
    lines = (*told, f"run {run_id}")
    return Fact(kind=kind, subject=service, key=run_key(run_id, kind), to=to, lines=lines, link=link)


def approval_fact(policy: ScalingPolicy, plan: ScalingPlan, run_id: str, *, link: str | None = None) -> Fact:
    """Return the fact that `plan` waits for a person; another plan of the same run is another fact."""
    change = f"{plan.current} → {plan.replicas} replicas by {plan.strategy}: {plan.reason}"
    waits = f"Plan {plan.fingerprint} waits for {policy.spec.approval.within}. Then its run ends failed, with no write."
    lines = (change, waits)
    kind = "approval_wanted"
    key = key_of(kind, plan.fingerprint, run_id)
    return Fact(kind=kind, subject=policy.name, key=key, to=recipients(kind, [policy]), lines=lines, link=link)
