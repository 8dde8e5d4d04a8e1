"""A run that has ended, as the spans of one trace: the run, and below it every attempt at a phase.

They are made from the record of the run, not while it runs: its tasks are processes that may die, and the record is
what all of them leave. The ids follow from the run, so every process that sends a run sends the same trace, and a run
that is sent again (cleared, and ended once more) is no second one.

What spans carry is bounded and free of secrets: names, numbers and codes, never a message or a reason, which may quote
anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun

RUN_SPAN: Final = "springtide run"
"""The name of the span of a whole run; that of a phase is the phase's own."""

Attributes = Mapping[str, str | int | bool]

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNDONE: Final = frozenset({RunOutcome.ROLLED_BACK, RunOutcome.FAILED, RunOutcome.NEEDS_ATTENTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpan:
    """One span; its times are nanoseconds since 1970 UTC, `error_code` is empty where no code says why it failed."""

    name: str
    trace_id: int
    span_id: int
    start_ns: int
    end_ns: int
    is_failed: bool = False
    error_code: str = ""
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunTrace:
    """The span of a run, and those of its phases below it, in the order in which they began."""

    run: RunSpan
    phases: tuple[RunSpan, ...]


def trace_of(run: ScalingRun, installation: str) -> RunTrace | None:
    """Return the trace of a run of an installation; None while the run goes on.

    The installation is part of the ids: two of them may give runs of one moment the same name.
    """
    if run.ended_at is None:
        return None
    trace_id = _id(16, installation, run.run_id)
    shared = _shared(run)
    # One that was cleared keeps the phases of before, and says that it started when it started again.
    began_at = min([run.started_at, *(phase.started_at for phase in run.phases)])
    whole = RunSpan(
        name=RUN_SPAN,
        trace_id=trace_id,
        span_id=_id(8, installation, run.run_id, RUN_SPAN),
        start_ns=_nanoseconds(began_at),
        end_ns=_nanoseconds(max(began_at, run.ended_at)),
        is_failed=run.outcome in _UNDONE,
        error_code=_code(run),
        attributes={**shared, **dict(_about(run))},
    )
    return RunTrace(whole, tuple(_phase(phase, run.ended_at, whole, shared) for phase in run.phases))


def _phase(phase: PhaseRecord, run_ended_at: datetime, run: RunSpan, shared: Attributes) -> RunSpan:
    """Return the span of an attempt; one that never said how it ended lasts until the run's end."""
    ended_at = phase.ended_at or run_ended_at
    return RunSpan(
        name=phase.phase,
        trace_id=run.trace_id,
        span_id=_id(8, f"{run.trace_id:x}", phase.phase, str(phase.attempt)),
        start_ns=_nanoseconds(phase.started_at),
        end_ns=_nanoseconds(max(phase.started_at, ended_at)),
        is_failed=phase.status is PhaseStatus.FAILED,
        attributes={
            **shared,
            "springtide.phase": phase.phase,
            "springtide.phase.attempt": phase.attempt,
            "springtide.phase.status": phase.status.value,
        },
    )


def _shared(run: ScalingRun) -> Attributes:
    """Return what every span of a run carries, so that a phase can be searched for by its service."""
    service = {} if run.target.service is None else {"springtide.service": run.target.service}
    return service | {
        "springtide.run_id": run.run_id,
        "springtide.policy": run.policy,
        "springtide.strategy": run.strategy,
        "springtide.workload": run.target.reference,
        "k8s.namespace.name": run.target.namespace,
    }


def _about(run: ScalingRun) -> Iterator[tuple[str, str | int | bool]]:
    yield "springtide.outcome", run.outcome.value
    yield "springtide.trigger", run.trigger.value
    yield "springtide.dry_run", run.dry_run
    plan = run.plan or {}
    if plan.get("current") is not None:
        yield "springtide.replicas.before", plan["current"]
    if plan.get("replicas") is not None:
        yield "springtide.replicas.planned", plan["replicas"]
    if _code(run):
        yield "error.type", _code(run)


def _code(run: ScalingRun) -> str:
    return str((run.error or {}).get("code", ""))


def _id(size: int, *parts: str) -> int:
    """Return a number of `size` bytes that follows from `parts`, and is never 0, which OpenTelemetry takes for none."""
    digest = sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:size], "big") or 1


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000
