"""What people are told of a round over the Leases: runs that it ended, and those that need a person."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.notify.facts import Fact, key_of, kind_of, run_key
from springtide.notify.wanted import recipients
from springtide.policy.scaling.model import ScalingPolicy
from springtide.recovery.report import ReconciledRun, ReconcileReport, ReconcileStatus


def reconciled_facts(report: ReconcileReport, policies: Iterable[ScalingPolicy]) -> tuple[Fact, ...]:
    """Return the facts of a round: each run's end under the key that its own report would have given it."""
    by_workload = {_place(policy): policy for policy in policies}
    facts = (_fact(run, by_workload.get((run.cluster, run.namespace, run.deployment))) for run in report.runs)
    return tuple(fact for fact in facts if fact is not None)


def _fact(run: ReconciledRun, policy: ScalingPolicy | None) -> Fact | None:
    kind, key = _told(run)
    if kind is None:
        return None
    subject = run.workload if policy is None else policy.name
    lines = (*run.message.splitlines(), f"run {run.run_id}, whose owner is gone or stands still")
    return Fact(kind=kind, subject=subject, key=key, to=recipients(kind, [policy]), lines=lines)


def _told(run: ReconciledRun) -> tuple[str | None, str]:
    """Return the kind of the fact and its key; None where it is none."""
    if run.status is ReconcileStatus.STALLED:
        return "needs_attention", key_of("needs_attention", "stalled", run.run_id)
    is_over = run.status in {ReconcileStatus.ENDED, ReconcileStatus.NEEDS_ATTENTION}
    kind = kind_of(run.outcome) if is_over else None
    return kind, "" if kind is None else run_key(run.run_id, kind)


def _place(policy: ScalingPolicy) -> tuple[str, str, str]:
    workload = policy.spec.target.workload
    return workload.cluster, workload.namespace, workload.reference
