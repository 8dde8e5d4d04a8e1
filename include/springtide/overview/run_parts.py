"""The parts of a run's view: its phases, its course, its writes, its checks and its plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from springtide.overview.run_view import CheckView, CourseView, PhaseView, PlanView, StepView, Tone, WriteView
from springtide.record.model import PhaseRecord, PhaseStatus, ScalingRun
from springtide.record.moments import RunMoment
from springtide.run.sentence import PHASE_TITLES

_PHASE_TONES: Final[Mapping[PhaseStatus, Tone]] = {
    PhaseStatus.RUNNING: "info",
    PhaseStatus.SUCCEEDED: "good",
    PhaseStatus.FAILED: "bad",
    PhaseStatus.SKIPPED: "muted",
}
_FINDING_TONES: Final[Mapping[str, Tone]] = {"passed": "good", "warning": "warn", "refused": "bad"}
_CHECK_TONES: Final[Mapping[str, Tone]] = {"pass": "good", "fail": "bad", "inconclusive": "warn"}


def second(run: ScalingRun, at: datetime) -> float:
    """Return at which second of the run `at` is."""
    return round((at - run.started_at).total_seconds(), 3)


def phase_view(run: ScalingRun, phase: PhaseRecord) -> PhaseView:
    """Return one attempt at one phase."""
    return PhaseView(
        phase=phase.phase,
        title=PHASE_TITLES.get(phase.phase, phase.phase),
        status=phase.status.value,
        tone=_PHASE_TONES[phase.status],
        begin=second(run, phase.started_at),
        end=None if phase.ended_at is None else second(run, phase.ended_at),
        message=phase.message,
        attempt=phase.attempt,
    )


def course_of(run: ScalingRun, moments: Sequence[RunMoment]) -> Iterator[CourseView]:
    """Yield what the run saw, oldest first."""
    for moment in moments:
        counts = moment.counts
        if counts is not None:
            yield CourseView(
                at=second(run, moment.at),
                stable=counts.stable,
                new=counts.new,
                stable_serving=counts.stable_serving,
                new_serving=counts.new_serving,
            )


def writes_of(run: ScalingRun, moments: Sequence[RunMoment]) -> Iterator[WriteView]:
    """Yield what the run wrote, oldest first."""
    for moment in moments:
        if moment.write is not None:
            yield WriteView(at=moment.at, second=second(run, moment.at), what=moment.write)


def smoke_of(run: ScalingRun) -> tuple[CheckView, ...]:
    """Return what the smoke test found; nothing before it."""
    checks = (run.verdict or {}).get("checks") or ()
    return tuple(
        CheckView(
            name=str(each["check"]),
            status=str(each["status"]),
            tone=_CHECK_TONES.get(str(each["status"]), "muted"),
            message=str(each["message"]),
        )
        for each in checks
    )


def smoke_at(run: ScalingRun) -> float | None:
    """Return at which second that was; None before it."""
    tested = [phase.ended_at for phase in run.phases if phase.phase in {"smoke_test", "switch_endpoints"}]
    ended = [at for at in tested if at is not None]
    return second(run, ended[-1]) if ended and run.verdict is not None else None


def plan_view(plan: Mapping[str, Any]) -> PlanView:
    """Return a stored plan with every step to its number."""
    estimate: Mapping[str, Any] = plan.get("estimate") or {}
    demand = estimate.get("demand")
    return PlanView(
        current=int(plan["current"]),
        replicas=int(plan["replicas"]),
        reason=str(plan.get("reason") or ""),
        fingerprint=str(plan.get("fingerprint") or ""),
        demand="" if demand is None else f"{demand:g} {estimate.get('unit') or ''}".strip(),
        steps=tuple(_steps(plan, estimate)),
        preflight=tuple(_findings(plan)),
    )


def _steps(plan: Mapping[str, Any], estimate: Mapping[str, Any]) -> Iterator[StepView]:
    for answer in estimate.get("answers") or ():
        yield StepView(
            step=f"model {answer['model']}", replicas=f"{answer['replicas']:g}", why=str(answer.get("reason") or "")
        )
    if estimate.get("combine"):
        yield StepView(step=f"combine {estimate['combine']}", replicas=str(estimate.get("replicas", "")), why="")
    for clamp in plan.get("clamps") or ():
        yield StepView(
            step=f"guard {clamp['guard']}",
            replicas=f"{clamp['was']} → {clamp['replicas']}",
            why=str(clamp.get("reason") or ""),
        )


def _findings(plan: Mapping[str, Any]) -> Iterator[CheckView]:
    for finding in plan.get("findings") or ():
        status = str(finding["status"])
        yield CheckView(
            name=str(finding["check"]),
            status=status.replace("_", " "),
            tone=_FINDING_TONES.get(status, "muted"),
            message=str(finding.get("message") or ""),
        )
