"""A run in one sentence, and what to do about it. Pure: by the run's record alone.

The run's page, `status`, the note of its DAG run and what people are told of its end all say this sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.run.refusals import asked_of

PHASE_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "calculate_capacity": "Calculate",
        "approve": "Approval",
        "warm_nodes": "Warm nodes",
        "nodes_ready": "Nodes ready",
        "create_instances": "Create",
        "instances_ready": "Ready",
        "switch_endpoints": "Switch",
        "endpoints_switched": "Switched",
        "smoke_test": "Smoke test",
        "remove_old_instances": "Remove",
        "instances_removed": "Removed",
        "roll_back": "Roll back",
        "report": "Report",
    }
)
"""How people call the phases."""

_TO_DO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "needs_attention": "Both sets of pods may be up. Look at them, then `springtide roll-back {service}`, or "
        "`springtide release-lease {service} --i-have-looked`.",
        "halted": "Somebody has stopped all writes. When they are allowed again (`springtide resume`), start it again.",
        "refused": "Ask again for what is allowed.",
        "rolled_back": "Put right what it says, then start it again.",
        "failed": "Put right what it says, then start it again.",
        "planned_only": "Start it again without a dry run, or let the policy's mode be act, to have it done.",
    }
)


def change_of(run: ScalingRun) -> str:
    """Return from how many replicas to how many, `6 → 8`, or what was asked for where it came to no plan, `→ 8`."""
    if run.plan is not None:
        return f"{run.plan['current']} → {run.plan['replicas']}"
    asked = asked_of(run).get("replicas")
    return f"→ {asked}" if asked else ""


def is_refused(run: ScalingRun) -> bool:
    """Say whether nothing of it was begun, because what was asked is not allowed: there is nothing to draw then."""
    has_acted = any(phase.phase not in {"calculate_capacity", "approve", "report", "roll_back"} for phase in run.phases)
    return run.is_ended and run.outcome.value in {"failed", "refused", "halted"} and not has_acted


def headline_of(run: ScalingRun) -> str:
    """Return the run in one sentence: what was done, how it ended, why, and what serves now."""
    name = " ".join(part for part in (run.policy, change_of(run)) if part)
    if run.outcome is RunOutcome.NOTHING_TO_DO:
        return f"{run.policy}: nothing to do. {_reason(run)}"
    if run.outcome is RunOutcome.PLANNED_ONLY or (run.outcome is RunOutcome.SUCCEEDED and run.dry_run):
        return f"{name}: only planned, nothing was changed. {_reason(run)}"
    return f"{name}{_ending(run)}"


def _ending(run: ScalingRun) -> str:
    """Return how a run stands that was to change something, as the rest of its sentence."""
    if is_refused(run):
        return f", {'not begun' if run.outcome is RunOutcome.HALTED else 'refused'}: {_why(run)}"
    if run.outcome is RunOutcome.RUNNING:
        return f": {_doing(run)}"
    after = f"after {_took(run)}"
    if run.outcome is RunOutcome.SUCCEEDED:
        return f", done {after}: {_last_words(run)}."
    if run.outcome is RunOutcome.ROLLED_BACK:
        return f", rolled back {after}: {_why(run)} {_serves_as_before(run)}".rstrip()
    if run.outcome is RunOutcome.NEEDS_ATTENTION:
        return f", stopped half-way {after}: {_why(run)} Both sets of pods may be up."
    return f", failed {after}: {_why(run)}"


def what_to_do(run: ScalingRun) -> str:
    """Return what a person does about how the run ended; "" where nothing is to be done."""
    return _TO_DO.get(run.outcome.value, "").format(service=run.policy)


def _doing(run: ScalingRun) -> str:
    open_phases = [phase for phase in run.phases if phase.status is PhaseStatus.RUNNING]
    if open_phases:
        return f"{PHASE_TITLES.get(open_phases[-1].phase, open_phases[-1].phase).lower()} is under way."
    if run.phases:
        return (
            f"{PHASE_TITLES.get(run.phases[-1].phase, run.phases[-1].phase).lower()} is over, the next phase follows."
        )
    return "it is about to begin."


def _why(run: ScalingRun) -> str:
    message = str((run.error or {}).get("message") or "nobody knows why.")
    first = message.splitlines()[0].strip()
    return first if first.endswith((".", "!", "?")) else f"{first}."


def _reason(run: ScalingRun) -> str:
    reason = str((run.plan or {}).get("reason") or "")
    return f"{reason[:1].upper()}{reason[1:]}." if reason and not reason.endswith(".") else reason


def _serves_as_before(run: ScalingRun) -> str:
    undone = [phase.message for phase in run.phases if phase.phase == "roll_back" and phase.message]
    return f"{undone[-1][:1].upper()}{undone[-1][1:]}." if undone else ""


def _last_words(run: ScalingRun) -> str:
    told = [phase.message for phase in run.phases if phase.message and phase.phase != "report"]
    return told[-1] if told else "it says no more"


def _took(run: ScalingRun) -> str:
    seconds = run.seconds or 0.0
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  two minutes
