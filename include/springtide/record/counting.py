"""What is counted where a fact is kept: a run, decisions, what was learned. Pure; `metrics` has the names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from springtide.plan.findings import FindingStatus
from springtide.record.metrics import (
    DESIRED_REPLICAS,
    GATES,
    METRICS_HELD_SINCE,
    MODEL_ABSTAINED,
    MODEL_ERROR,
    PHASE_DURATION,
    PLAN_CLAMPED,
    RUN_DURATION,
    RUNS,
    SMOKE_CHECKS,
    GateLabels,
    GuardLabels,
    ModelLabels,
    OutcomeLabels,
    PhaseLabels,
    PolicyLabels,
    RunLabels,
)
from springtide.record.model import PhaseStatus, RunOutcome
from springtide.record.samples import Change, Gone, Look, Present, became, counted, key_of, observed

if TYPE_CHECKING:
    from springtide.capacity.learned import Learned
    from springtide.plan.recent import SweepDecision
    from springtide.record.model import Record, ScalingRun

PASS: Final = "pass"  # noqa: S105  no password
"""What the metrics gate says of demand that is acted on."""


def changes(before: ScalingRun | None, after: ScalingRun) -> tuple[Change, ...]:
    """Return what the step from `before` (None: the run is new) to `after` counts for."""
    if after.dry_run or after.outcome is RunOutcome.REFUSED:
        return tuple(_end_alone(before, after))
    return (*_plan_changes(before, after), *_phase_changes(before, after), *_end_changes(before, after))


def decided(decisions: Sequence[SweepDecision]) -> Look:
    """Return what `decisions` count for that were never kept before: gates, models without a say, demand held."""

    def look(present: Present) -> Iterator[Change | Gone]:
        for decision in decisions:
            for model in decision.abstained:
                yield counted(MODEL_ABSTAINED, ModelLabels(decision.policy, model))
            if decision.gate:
                yield counted(GATES, GateLabels("metrics", decision.gate))
            if decision.gate and not decision.by_hand:
                yield from _held_since(decision, present)

    return look


def learned_errors(policy: str, before: Learned, learned: Learned) -> Look:
    """Return the errors of the policy's models in the place of those that were learned `before`."""
    errors = _errors(policy, learned)
    gone = _errors(policy, before).keys() - errors.keys()
    steps: list[Change | Gone] = [Gone(key_of(MODEL_ERROR, labels)) for labels in sorted(gone, key=astuple)]
    steps += [became(MODEL_ERROR, labels, error) for labels, error in errors.items()]
    return lambda _present: steps


def _errors(policy: str, learned: Learned) -> dict[ModelLabels, float]:
    # By `fingerprint_of` a model's settings, which begins with the model's name.
    return {ModelLabels(policy, name.rpartition("-")[0]): error for name, error in learned.errors.items()}


def _held_since(decision: SweepDecision, present: Present) -> Iterator[Change | Gone]:
    labels = PolicyLabels(decision.policy)
    key = key_of(METRICS_HELD_SINCE, labels)
    if decision.gate == PASS:
        yield from (Gone(key) for _ in range(key in present))
    elif key not in present:
        yield became(METRICS_HELD_SINCE, labels, decision.at.timestamp())


def _plan_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    known = before.plan if before else None
    if after.plan is not None and after.plan != known:
        yield became(DESIRED_REPLICAS, PolicyLabels(after.policy), float(after.plan["replicas"]))
    if after.plan is not None and known is None:
        yield from (counted(PLAN_CLAMPED, GuardLabels(clamp["guard"])) for clamp in _parts(after.plan, "clamps"))
        found = {finding["status"] for finding in _parts(after.plan, "findings")}
        if found:
            worst = FindingStatus.REFUSED if FindingStatus.REFUSED in found else FindingStatus.PASSED
            yield counted(GATES, GateLabels("preflight", worst.value))


def _phase_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    over = {phase.key for phase in before.phases if phase.is_ended} if before else set()
    for phase in after.phases:
        counts = phase.status in {PhaseStatus.SUCCEEDED, PhaseStatus.FAILED} and phase.key not in over
        if counts and phase.seconds is not None:
            yield from observed(PHASE_DURATION, PhaseLabels(phase.phase), phase.seconds)


def _end_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    if after.verdict is not None and (before is None or before.verdict is None):
        yield from (counted(SMOKE_CHECKS, OutcomeLabels(check["status"])) for check in _parts(after.verdict, "checks"))
        yield counted(GATES, GateLabels("smoke", after.verdict["status"]))
    if after.seconds is not None and (before is None or before.outcome is not after.outcome):
        if _is_refused_by_demand(after):
            yield counted(GATES, GateLabels("metrics", "refuse"))
        labels = RunLabels(after.strategy, after.outcome.value, after.target.cluster)
        yield counted(RUNS, labels)
        yield from observed(RUN_DURATION, labels, after.seconds)


def _end_alone(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    """Yield how a run ended that did nothing: how long it took says nothing of runs that do."""
    if after.is_ended and (before is None or before.outcome is not after.outcome):
        yield counted(RUNS, RunLabels(after.strategy, after.outcome.value, after.target.cluster))


def _is_refused_by_demand(run: ScalingRun) -> bool:
    """Say whether the run ended before its plan, because nothing was known of demand."""
    code = "" if run.error is None else str(run.error.get("code"))
    return run.plan is None and (code.startswith("demand_") or code == "capacity_unusable")


def _parts(record: Record, name: str) -> Iterable[Record]:
    parts: Iterable[Record] = record.get(name, ())
    return parts
