"""What a run tells as Kubernetes Events on its workload: began, switched, how it ended, or that it was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from springtide.errors import InputError, SpringtideError
from springtide.kube.object_events import ObjectEvent, ToldReason
from springtide.plan.model import ScalingPlan
from springtide.record.model import RunOutcome
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import Phase
from springtide.workload import Workload

_ENDS: Final[Mapping[RunOutcome, ToldReason]] = MappingProxyType(
    {
        RunOutcome.SUCCEEDED: ToldReason.SUCCEEDED,
        RunOutcome.ROLLED_BACK: ToldReason.ROLLED_BACK,
        RunOutcome.FAILED: ToldReason.FAILED,
        RunOutcome.NEEDS_ATTENTION: ToldReason.NEEDS_ATTENTION,
    }
)
"""A run that had nothing to do, only planned or was halted before its first write did nothing to the workload."""


def tell_begun(ports: Ports, request: RunRequest, plan: ScalingPlan) -> None:
    """Tell that the run begins to write, for whom and why."""
    message = f"{plan.current} → {plan.replicas} replicas for {request.requested_by}: {plan.reason}"
    _tell(ports, plan.target, request.run_id, ToldReason.STARTED, message)


def tell_switched(ports: Ports, ref: RunRef, phase: Phase, message: str) -> None:
    """Tell that the endpoints were switched, where `phase` has done that."""
    if phase is Phase.SWITCH_ENDPOINTS:
        _tell(ports, ref.workload, ref.run_id, ToldReason.SWITCHED, message)


def tell_ended(ports: Ports, ref: RunRef, outcome: RunOutcome, error: SpringtideError | None) -> None:
    """Tell how the run ended, and why where it failed."""
    reason = _ENDS.get(outcome)
    if reason is not None:
        why = "the workload is as it was asked for" if error is None else error.message
        _tell(ports, ref.workload, ref.run_id, reason, why)


@contextmanager
def telling_refusal(ports: Ports, request: RunRequest) -> Iterator[None]:
    """Tell on the workload when what happens inside is refused; not of a plan, for nobody was to write.

    Raises:
        InputError: what was raised inside.
    """
    try:
        yield
    except InputError as error:
        if not (request.dry_run or request.policy.spec.advises):
            target = request.policy.spec.target.workload
            _tell(ports, target, request.run_id, ToldReason.REFUSED, f"for {request.requested_by}: {error.message}")
        raise


def _tell(ports: Ports, workload: Workload, run_id: str, reason: ToldReason, message: str) -> None:
    event = ObjectEvent(
        workload=workload, run_id=run_id, reason=reason, message=f"run {run_id}: {message}", at=ports.clock.now()
    )
    ports.object_events.tell(event)
