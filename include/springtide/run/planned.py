"""What a run's first step leaves for the later ones, and how its last one ends it.

Whoever carries out the phases of a run one by one, each in a process of its own, keeps this beside them. It is a copy:
the cluster is read anew by every phase, and the run itself stands in its Lease.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from springtide.errors import InputError, PermanentError, SpringtideError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import RunOutcome
from springtide.record.store import OpenStore
from springtide.run.halted import unbegun
from springtide.run.handover import Handover
from springtide.run.journal import end_run
from springtide.run.lease import read_lease
from springtide.run.ownership import is_owner
from springtide.run.phase_table import BEGINNING
from springtide.run.phases import calculate_capacity, report
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.request_parameters import STALE_AFTER

_DRY_RUN: Final = "dry_run"
_BY_HAND: Final = "no task failed, so some were skipped or marked by hand: see the tasks before this one."


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A plan, and whether it only was to be made."""

    plan: ScalingPlan
    dry_run: bool

    @property
    def outcome(self) -> PlanOutcome:
        """What it comes to: a dry run that would scale is planned only."""
        is_dry = self.dry_run and self.plan.outcome is PlanOutcome.SCALE
        return PlanOutcome.PLANNED_ONLY if is_dry else self.plan.outcome

    @property
    def is_unchanged(self) -> bool:
        """Whether the run ends with its plan: there is nothing to do, or only a plan was to be made."""
        return self.dry_run or self.plan.outcome is not PlanOutcome.SCALE

    def why_unchanged(self, *, is_asked: bool) -> str:
        """Return why the run ends with its plan; `is_asked` says that a dry run was asked for."""
        if self.outcome is not PlanOutcome.PLANNED_ONLY:
            return self.outcome.value.replace("_", " ")
        if not self.dry_run:
            return "the policy's mode is advise"
        return "this is a dry run" if is_asked else "the run is over the past, so it only plans"

    def summary(self) -> dict[str, Any]:
        """Return what the run came to where nothing was to be changed: JSON types only."""
        return {"outcome": self.outcome.value, _DRY_RUN: self.dry_run, **_figures(self.plan)}

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: that of the plan, and one field more."""
        return self.plan.to_record() | {_DRY_RUN: self.dry_run}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> PlannedRun:
        """Return what `to_record` stored.

        Raises:
            PermanentError: the plan's form is not that of this version (`record_unreadable`).
        """
        plan = {name: value for name, value in record.items() if name != _DRY_RUN}
        return cls(ScalingPlan.from_record(plan), record[_DRY_RUN])

    def as_approved(self, request: RunRequest, answer: Mapping[str, str] | None, now: datetime) -> RunRequest:
        """Return `request` with the plan that a person approved; as it is where nobody was asked.

        `answer` is what was approved, as `approval_record` made it. A person may answer long after the run was due:
        then it is over the past an hour after the answer.
        """
        if answer is None:
            return request
        is_stale = now - datetime.fromisoformat(answer["at"]) > STALE_AFTER
        return replace(request, approved=answer["plan"], dry_run=self.dry_run or is_stale)


def plan_run(
    ports: Ports,
    request: RunRequest,
    attempt: int = 1,
    *,
    refusal: InputError | None = None,
    handover: Handover | None = None,
) -> PlannedRun:
    """Return the plan of a run; one that owns its workload already is under way, and no dry run however late it is.

    A run that was cleared long after it was due would otherwise end with its plan, half-way and in success. `refusal`
    is why one is refused that is not under way: see `RequestOrigin.refusal_for_age`.

    Raises:
        InputError: `refusal`; nothing has begun.
        PermanentError, TemporaryError: as `calculate_capacity` says.
    """
    lease = read_lease(ports.kube, request.policy.spec.target.workload)
    is_under_way = is_owner(ports, request.run_id, lease)
    if refusal is not None and not is_under_way:
        raise refusal
    asked = replace(request, dry_run=request.dry_run and not is_under_way)
    return PlannedRun(calculate_capacity(ports, asked, attempt=attempt, handover=handover), asked.dry_run)


def begun_run(open_store: OpenStore, run_id: str) -> PlannedRun | None:
    """Return the plan of a run that has begun to write and has not ended; None where the store of runs knows of none.

    Its first step may have been killed after that, and have failed before it could leave the plan once more.
    """
    try:
        with open_store() as store:
            run = store.get(run_id)
    except SpringtideError:
        return None
    has_begun = any(phase.phase in BEGINNING for phase in run.phases)
    if run.plan is None or run.is_ended or not has_begun:
        return None
    return PlannedRun(ScalingPlan.from_record(run.plan), dry_run=False)


def approval_record(plan: ScalingPlan, at: datetime) -> dict[str, str]:
    """Return what is kept of an answer: the fingerprint of the plan that was approved, and when."""
    return {"plan": plan.fingerprint, "at": at.isoformat()}


def failure_of(step: str, record: Mapping[str, Any] | None) -> PermanentError:
    """Return why a run failed, by the `record` of the error that ended its `step`; None where it left none."""
    if record is None:
        return PermanentError(
            f"{step} failed without words of its own: its log says why.", code="task_failed", field=step
        )
    return PermanentError(f"{step}: {record['message']}", code=record["code"], field=record["field"])


def close_run(
    ports: Ports,
    planned: PlannedRun | None,
    error: SpringtideError | None,
    *,
    run_id: str,
    attempt: int = 1,
    tell: Callable[[RunOutcome, str], None] | None = None,
) -> dict[str, Any]:
    """Close a run and return what it came to, JSON types only; `planned` is None where it came to no plan.

    `tell` is given how it ended, and why.

    Raises:
        PermanentError: it did not do what it was asked to (`run_not_succeeded`); the message is `error`'s.
    """
    if planned is None:
        outcome = end_run(ports, run_id, unbegun(error), error)
    else:
        outcome = report(ports, RunRef.of_plan(planned.plan, run_id, attempt), error)
    if planned is None or outcome is not RunOutcome.SUCCEEDED:
        why = error.message if error else _BY_HAND
        if tell is not None:
            tell(outcome, why)
        raise PermanentError(f"{outcome.value}: {why}", code="run_not_succeeded")
    if tell is not None:
        tell(outcome, f"{planned.plan.current} → {planned.plan.replicas} replicas: {planned.plan.reason}")
    return {"outcome": outcome.value, **_figures(planned.plan)}


def _figures(plan: ScalingPlan) -> dict[str, Any]:
    return {"current": plan.current, "replicas": plan.replicas, "reason": plan.reason}
