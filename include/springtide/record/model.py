"""A run as it is remembered: what was asked, what was decided, each phase, and how it ended.

                    ┌──► succeeded        final
                    ├──► nothing_to_do    final
                    ├──► planned_only     final
    running ────────┼──► rolled_back      final
     ▲              ├──► halted ──────────► running
     │              ├──► failed ──────────► running | rolled_back
     │              └──► needs_attention ───────► running | rolled_back | succeeded
     ├──────────────────────┘
     │  continued: cleared in Airflow, or by reconcile_runs
     │
  refused    cleared in Airflow, when what was asked for is allowed by now

`failed`: the run gave up, and whatever it left behind does not serve. `needs_attention`: both sets are up, because it
could not be proven which of them may go. `planned_only`: a dry run, a backfill, or a policy whose mode is advise: the
plan is kept, and nothing was written. `halted`: somebody had stopped all writes before the first one, and nothing was
begun. `refused`: what was asked for is not allowed, so it was never planned; `error` says why, and what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from springtide.errors import Conflict, InputError
from springtide.stored import Stored
from springtide.workload import Workload

Record = Mapping[str, Any]
"""The stored form of a value of another module: JSON types only."""


class RunOutcome(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    NOTHING_TO_DO = "nothing_to_do"
    PLANNED_ONLY = "planned_only"
    HALTED = "halted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"


TRANSITIONS: Final[Mapping[RunOutcome, frozenset[RunOutcome]]] = MappingProxyType(
    {
        RunOutcome.RUNNING: frozenset(RunOutcome) - {RunOutcome.RUNNING, RunOutcome.REFUSED},
        RunOutcome.SUCCEEDED: frozenset(),
        RunOutcome.NOTHING_TO_DO: frozenset(),
        RunOutcome.PLANNED_ONLY: frozenset(),
        RunOutcome.HALTED: frozenset({RunOutcome.RUNNING}),
        RunOutcome.REFUSED: frozenset({RunOutcome.RUNNING}),
        RunOutcome.ROLLED_BACK: frozenset(),
        RunOutcome.FAILED: frozenset({RunOutcome.RUNNING, RunOutcome.ROLLED_BACK}),
        RunOutcome.NEEDS_ATTENTION: frozenset({RunOutcome.RUNNING, RunOutcome.ROLLED_BACK, RunOutcome.SUCCEEDED}),
    }
)
"""Where each outcome may go; every other move is refused."""


class Trigger(StrEnum):
    """What started a run."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    EVENT = "event"
    BACKFILL = "backfill"


class PhaseStatus(StrEnum):
    """How one attempt at a phase stands or ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecord(Stored):
    """One attempt at one phase; `seconds` comes from a monotonic clock, so the times may differ by something else."""

    phase: str
    status: PhaseStatus
    started_at: datetime
    ended_at: datetime | None = None
    seconds: float | None = None
    message: str = ""
    attempt: int = 1

    def __post_init__(self) -> None:
        _require_zone("started_at", self.started_at)
        _require_zone("ended_at", self.ended_at)

    @property
    def key(self) -> tuple[str, int]:
        """What makes two records the same attempt."""
        return self.phase, self.attempt

    @property
    def is_ended(self) -> bool:
        """Whether this attempt is over."""
        return self.status is not PhaseStatus.RUNNING

    def with_end(self, status: PhaseStatus, *, at: datetime, seconds: float, message: str = "") -> PhaseRecord:
        """Return this attempt, over after `seconds`."""
        return replace(self, status=status, ended_at=at, seconds=seconds, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRun(Stored):
    """The whole of one run. `plan`, `verdict` and `error` are stored forms; None until there is one."""

    run_id: str
    policy: str
    target: Workload
    strategy: str
    requested_by: str
    reason: str
    started_at: datetime
    trigger: Trigger = Trigger.MANUAL
    dry_run: bool = False
    outcome: RunOutcome = RunOutcome.RUNNING
    ended_at: datetime | None = None
    plan: Record | None = None
    verdict: Record | None = None
    error: Record | None = None
    phases: tuple[PhaseRecord, ...] = ()

    def __post_init__(self) -> None:
        _require_zone("started_at", self.started_at)
        _require_zone("ended_at", self.ended_at)
        if self.is_ended != (self.ended_at is not None):
            raise InputError(
                f"ended_at is {self.ended_at} and outcome is {self.outcome}; set it when the run has ended, only then.",
                code="run_inconsistent",
                field="ended_at",
            )

    @property
    def is_ended(self) -> bool:
        """Whether nobody works on this run any more (it may still be continued)."""
        return self.outcome is not RunOutcome.RUNNING

    @property
    def seconds(self) -> float | None:
        """How long the run took by the wall clock; None while it runs."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    def with_phases(self, phase: PhaseRecord, following: PhaseRecord | None) -> ScalingRun:
        """Return the run with this attempt, and with one at the phase that follows, where there is one."""
        after = self.with_phase(phase)
        return after if following is None else after.with_phase(following)

    def with_phase(self, phase: PhaseRecord) -> ScalingRun:
        """Return the run with this attempt added, or put in place of the same attempt's earlier record.

        An attempt that is over stays over (a late start says nothing new), and keeps its first start: a deferred task
        enters its phase twice.
        """
        known = {record.key: record for record in self.phases}
        earlier = known.get(phase.key)
        if earlier is not None:
            if earlier.is_ended and not phase.is_ended:
                return self
            phase = replace(phase, started_at=min(earlier.started_at, phase.started_at))
        known[phase.key] = phase
        return replace(self, phases=tuple(sorted(known.values(), key=lambda record: (record.started_at, record.key))))

    def with_outcome(self, outcome: RunOutcome, *, at: datetime, error: Record | None = None) -> ScalingRun:
        """Return the run with another outcome; the same outcome again changes nothing.

        Raises:
            Conflict: the run has ended in a way that cannot become this (`run_ended`).
        """
        if outcome is self.outcome:
            return self
        if outcome not in TRANSITIONS[self.outcome]:
            allowed = ", ".join(sorted(TRANSITIONS[self.outcome])) or "nothing, it is final"
            raise Conflict(
                f"run {self.run_id} is {self.outcome} and cannot become {outcome} (allowed: {allowed}): start another.",
                code="run_ended",
                field="outcome",
            )
        ended_at = None if outcome is RunOutcome.RUNNING else at
        return replace(self, outcome=outcome, ended_at=ended_at, error=error or self.error)


def merged(stored: ScalingRun | None, run: ScalingRun) -> ScalingRun:
    """Return what a store keeps when `run` is saved over `stored`: several processes write one run, some of them late.

    Phases are merged, and a plan, verdict or error that one process wrote is not lost because another does not know it.

    Raises:
        Conflict: `stored` has ended in a way that cannot become `run.outcome`.
    """
    if stored is None:
        return run
    # Saved again with the outcome that it has, a run keeps its first end: a repeated report must not make it longer.
    moved = run if run.outcome is not stored.outcome else stored
    result = replace(
        run,
        outcome=stored.with_outcome(run.outcome, at=run.started_at).outcome,
        ended_at=moved.ended_at,
        plan=run.plan if run.plan is not None else stored.plan,
        verdict=run.verdict if run.verdict is not None else stored.verdict,
        error=run.error if run.error is not None else stored.error,
        phases=stored.phases,
    )
    for phase in run.phases:
        result = result.with_phase(phase)
    return result


def _require_zone(field: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise InputError(
            f"{field} is {moment.isoformat()}, which has no time zone; pass an aware datetime (UTC).",
            code="time_invalid",
            field=field,
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
