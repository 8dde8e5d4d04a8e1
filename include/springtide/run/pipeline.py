"""All phases of a run in a row, in this process: what `springtide run` does, and what the DAG does in tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from springtide.errors import PermanentError, SpringtideError, TemporaryError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.run.approval import needs_approval, require_approved
from springtide.run.approved_ahead import approval_for
from springtide.run.halted import is_halt, unbegun
from springtide.run.handover import Handover
from springtide.run.journal import behind, end_run
from springtide.run.phase_table import FORWARD, WARMING, phase_behind
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.retry import retried
from springtide.run.state import Phase

OnPhase = Callable[[Phase], None]


Approve = Callable[[ScalingPlan], bool]
"""Asks a person about a plan that needs one."""


def run(
    ports: Ports,
    request: RunRequest,
    on_phase: OnPhase = lambda _phase: None,
    *,
    approve: Approve = lambda _plan: False,
) -> RunOutcome:
    """Do the whole run; any failure rolls it back. Returns how it ended.

    `approve` is asked when the plan needs a person, the request does not name it as approved, and nobody approved it
    ahead for the event that it is for.

    Raises:
        PermanentError: the run failed; it has been rolled back, or its record says what could not be.
        TemporaryError: the same, after the last attempt at something that did not answer.
    """
    on_phase(Phase.CALCULATE_CAPACITY)
    handover = Handover()
    try:
        plan = retried(ports, lambda: phases.calculate_capacity(ports, request, handover=handover))
        if needs_approval(request, plan) and request.approved != plan.fingerprint:
            ahead = approval_for(ports.store, request, plan, ports.clock.now())
            if ahead is not None or approve(plan):
                request = replace(request, approved=plan.fingerprint)
        require_approved(request, plan)
    except (Exception, KeyboardInterrupt) as error:
        cause = _as_ours(error)
        end_run(ports, request.run_id, unbegun(cause), cause)
        raise
    if plan.outcome is PlanOutcome.NOTHING_TO_DO:
        return RunOutcome.NOTHING_TO_DO
    if request.dry_run or plan.outcome is PlanOutcome.PLANNED_ONLY:
        return RunOutcome.PLANNED_ONLY
    return _scale(ports, request, plan, on_phase, handover)


def _scale(ports: Ports, request: RunRequest, plan: ScalingPlan, on_phase: OnPhase, handover: Handover) -> RunOutcome:
    ref = RunRef.of_plan(plan, request.run_id)
    try:
        for phase in FORWARD:
            if phase in WARMING and request.settings.warm_nodes is None:
                continue
            on_phase(phase)
            if phase is Phase.WARM_NODES:
                retried(ports, lambda: phases.warm_nodes(ports, request, plan))
                continue
            handover.following = phase_behind(phase)
            if phase is Phase.CREATE_INSTANCES:
                retried(ports, lambda: phases.create_instances(ports, request, plan, handover=handover))
            else:
                retried(ports, partial(phases.run_phase, ports, ref, phase, handover=handover))
    except (Exception, KeyboardInterrupt) as error:
        # Also what nobody foresaw: a run that ends half-way is worse than one that is undone.
        _undo(ports, ref, _as_ours(error), on_phase)
        raise
    on_phase(Phase.REPORT)
    return retried(ports, lambda: phases.report(ports, ref))


def _undo(ports: Ports, ref: RunRef, cause: SpringtideError, on_phase: OnPhase) -> None:
    on_phase(Phase.ROLL_BACK)
    try:
        retried(ports, lambda: phases.roll_back(ports, ref, is_halted=is_halt(cause)))
    except SpringtideError as error:
        raise PermanentError(
            f"{cause.message}\nThe roll back did not end either, both pod sets stay: {error.message}", code=error.code
        ) from cause
    finally:
        on_phase(Phase.REPORT)
        _report(ports, ref, cause)


def _report(ports: Ports, ref: RunRef, cause: SpringtideError) -> None:
    """Close a run that failed; what goes wrong here is told behind the cause, and never in its place."""
    try:
        retried(ports, lambda: phases.report(ports, ref, cause))
    except TemporaryError as error:
        end_run(ports, ref.run_id, RunOutcome.NEEDS_ATTENTION, cause)
        raise behind(cause, error) from cause


def _as_ours(error: BaseException) -> SpringtideError:
    if isinstance(error, SpringtideError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return PermanentError("the run was interrupted.", code="interrupted")
    return PermanentError(f"an error that is springtide's own fault: {error!r}", code="internal_error")
