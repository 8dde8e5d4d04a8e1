"""Writes what a run does into the store of runs: beside the run, never in its way.

Not what a run goes by: that is the journal in its Lease (`work`), which is written before a phase acts. This one is
what people and metrics read, and a store that does not answer costs a record, not a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog

from springtide.errors import Fenced, NotFound, OtherCluster, PermanentError, SpringtideError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun, Trigger
from springtide.run.handover import Handover
from springtide.run.ports import Ports, RunRequest
from springtide.run.recent import decision_of
from springtide.run.state import Phase

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class JournalNote:
    """What a phase wants to be remembered by; `is_ended` False keeps its record open (a later attempt continues it)."""

    message: str = ""
    is_ended: bool = True


@contextmanager
def recorded(
    ports: Ports, run_id: str, phase: Phase, *, attempt: int = 1, handover: Handover | None = None
) -> Iterator[JournalNote]:
    """Keep a record of one attempt at `phase`: its start, its end, and the error that ended it.

    Where a `handover` names the phase that follows in this process, this one's end and that one's start are kept
    together, and the moments of both later.
    """
    start = ports.clock.monotonic()
    read_before = ports.reads()
    begun = None if handover is None else handover.begun(phase, attempt)
    record = begun or _started(phase, attempt, ports)
    if begun is None:
        _keep(lambda: ports.store.save_phase(run_id, record))
    note = JournalNote()

    def keep(kept: PhaseRecord, following: PhaseRecord | None = None) -> None:
        reads = ports.reads() - read_before
        if following is None:
            ports.moments.flush(ports.store, ports.clock, run_id)
        _keep(lambda: ports.store.save_phase(run_id, kept, reads=reads, following=following))

    def end(status: PhaseStatus, message: str, following: PhaseRecord | None = None) -> None:
        seconds = ports.clock.monotonic() - start
        keep(record.with_end(status, at=ports.clock.now(), seconds=seconds, message=message), following)

    try:
        yield note
    except Exception as error:
        end(PhaseStatus.FAILED, error.message if isinstance(error, SpringtideError) else repr(error))
        raise
    # A phase that lost patience goes on in its next attempt, as the same record.
    if not note.is_ended:
        keep(record)
        return
    after = None if handover is None else handover.following
    following = None if after is None else _started(after, attempt, ports)
    end(PhaseStatus.SUCCEEDED, note.message, following)
    if handover is not None:
        handover.begin(following)


def _started(phase: Phase, attempt: int, ports: Ports) -> PhaseRecord:
    return PhaseRecord(phase=phase.value, status=PhaseStatus.RUNNING, started_at=ports.clock.now(), attempt=attempt)


def begin_run(ports: Ports, request: RunRequest) -> None:
    """Keep that the run was asked for, by whom and why."""
    run = ScalingRun(
        run_id=request.run_id,
        policy=request.policy.name,
        target=request.policy.spec.target.workload,
        strategy=request.settings.type,
        requested_by=request.requested_by,
        reason=request.reason,
        started_at=ports.clock.now(),
        trigger=Trigger(request.trigger),
        dry_run=request.dry_run,
    )
    _keep(lambda: ports.store.save(run))


def keep_plan(ports: Ports, request: RunRequest, plan: ScalingPlan) -> None:
    """Keep the plan; a run that has nothing to do, or only was to plan, ends with it."""

    def save() -> None:
        run = replace(ports.store.get(request.run_id), plan=plan.to_record())
        if plan.outcome is PlanOutcome.NOTHING_TO_DO:
            run = run.with_outcome(RunOutcome.NOTHING_TO_DO, at=ports.clock.now())
        elif request.dry_run or plan.outcome is PlanOutcome.PLANNED_ONLY:
            run = run.with_outcome(RunOutcome.PLANNED_ONLY, at=ports.clock.now())
        ports.store.save(run)

    _keep(save)
    if request.replicas is None and not request.is_release and not request.dry_run:
        _keep(lambda: ports.store.save_decisions([decision_of(request, plan)], now=ports.clock.now()))


def keep_verdict(ports: Ports, run_id: str, verdict: dict[str, Any]) -> None:
    """Keep what the smoke test found."""
    _keep(lambda: ports.store.save(replace(ports.store.get(run_id), verdict=verdict)))


@contextmanager
def ending(ports: Ports, run_id: str, error: SpringtideError | None) -> Iterator[None]:
    """Keep that the run needs attention where what happens inside fails for good: no record runs for ever.

    Raises:
        OtherCluster: the connection leads to another cluster than the run's: that is told before all else.
        PermanentError: what happened inside; behind `error`, where the run had failed before, and never in its place.
    """
    try:
        yield
    except OtherCluster as lost:
        end_run(ports, run_id, RunOutcome.NEEDS_ATTENTION, lost)
        raise
    except PermanentError as failure:
        if not isinstance(failure, Fenced):  # else whoever owns the workload now keeps how the run ends
            end_run(ports, run_id, RunOutcome.NEEDS_ATTENTION, error or failure)
        if error is None or error.message == failure.message:
            raise
        raise behind(error, failure) from failure


def behind(cause: SpringtideError, failure: SpringtideError) -> PermanentError:
    """Return the error of a run that failed for `cause`, and whose end could not be written down."""
    message = f"{cause.message}\nHow the run ended could not be written down: {failure.message}"
    kind = Fenced if isinstance(failure, Fenced) else PermanentError
    return kind(message, code=cause.code, field=cause.field)


def end_run(ports: Ports, run_id: str, outcome: RunOutcome, error: SpringtideError | None = None) -> RunOutcome:
    """Keep how the run ended; without `error`, the last failed phase says why it failed.

    Returns how it ended by the record: `outcome`, or `refused` where it was refused before it began.
    """
    kept = [outcome]

    def save() -> None:
        try:
            run = ports.store.get(run_id)
        except NotFound:
            return  # it never began, so there is nothing to end
        if run.is_ended and run.outcome is not RunOutcome.NEEDS_ATTENTION:
            if run.outcome is RunOutcome.REFUSED:
                kept.append(run.outcome)
            return  # whoever ended it first knew why; a late `report` of the same run knows less
        failed = [phase for phase in run.phases if phase.status is PhaseStatus.FAILED]
        record: dict[str, Any] | None = None
        if run.error is not None:
            record = dict(run.error)  # the first cause, also where somebody ends later what nobody could then
        elif error is not None:
            record = error.to_record()
        elif failed and outcome not in {RunOutcome.SUCCEEDED, RunOutcome.NOTHING_TO_DO, RunOutcome.PLANNED_ONLY}:
            record = {"code": "phase_failed", "field": failed[-1].phase, "message": failed[-1].message}
        ports.store.save(run.with_outcome(outcome, at=ports.clock.now(), error=record))

    _keep(save)
    return kept[-1]


def _keep(save: Callable[[], None]) -> None:
    try:
        save()
    except SpringtideError as error:
        # The cluster is the truth and the Lease holds the run: without its record a run is as safe as with it.
        log.warning("record_not_kept", code=error.code, message=error.message)
