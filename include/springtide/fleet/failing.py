"""Whether the runs of a service fail again and again, and what that keeps from being started. Pure.

one failure                     sweeps wait for `guards.failures.back_off`, twice that after the next, a day at most
the same failure again          the service is paused until somebody resumes it
a success, or a pause that is over      what failed before it counts no more

The same failure is the same phase with the same error code; of a smoke test, with the same checks that did not pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from springtide.policy.scaling.guards import Failures
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import PhaseStatus, RunOutcome, ScalingRun
from springtide.record.pauses import BY_SPRINGTIDE, Pause
from springtide.run.phase_table import FORWARD

COUNTS_FOR: Final = timedelta(days=7)
"""How long a failure counts: what failed before that says little about today."""

LONGEST_BACK_OFF: Final = timedelta(days=1)

LONGEST_WORDS: Final = 300
"""Characters of a failure's own words that a pause repeats."""

_FAILED: Final = frozenset({RunOutcome.ROLLED_BACK, RunOutcome.FAILED, RunOutcome.NEEDS_ATTENTION})
_FORWARD: Final = frozenset(phase.value for phase in FORWARD)
"""Only here something is written: what is refused before it costs nothing when it is refused again."""

NOT_OF_THE_SERVICE: Final = frozenset(
    {
        "cluster_unreachable",
        "cluster_busy",
        "writes_paced",
        "outcome_unknown",
        "store_unavailable",
        "lease_stale",
        "lease_gone",
        "other_cluster",
        "service_busy",
        "rolling_back",
        "interrupted",
        "aborted",
        "halted",
        "approval_missing",
        "approval_rejected",
        "plan_changed",
        "plan_stale",
        "token_invalid",
        "rbac_missing",
    }
)
"""Error codes that tell of the surroundings, or of what a person did: an outage of an API server pauses nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """One run that failed: in which `phase`, with which `code`, and at which smoke `checks`."""

    run_id: str
    phase: str
    code: str
    checks: tuple[str, ...]
    message: str
    at: datetime

    def is_same_as(self, other: FailedRun) -> bool:
        """Say whether both failed the same way."""
        return (self.phase, self.code, self.checks) == (other.phase, other.code, other.checks)

    def __str__(self) -> str:
        message = self.message if len(self.message) <= LONGEST_WORDS else f"{self.message[: LONGEST_WORDS - 1]}…"
        return f"{self.phase} failed with {self.code}: {message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Runs that failed with no success between them, newest first; one at least."""

    runs: tuple[FailedRun, ...]

    @property
    def latest(self) -> FailedRun:
        """The one that failed last."""
        return self.runs[0]

    @property
    def same(self) -> tuple[FailedRun, ...]:
        """The latest and those that failed as it did."""
        return tuple(run for run in self.runs if run.is_same_as(self.latest))


def streak_of(runs: Sequence[ScalingRun], pauses: Sequence[Pause], now: datetime) -> Streak | None:
    """Return how the latest of `runs`, newest first, failed; None where none did since a success or a pause."""
    over = [ended for pause in pauses if (ended := pause.over_since(now)) is not None]
    since = max([now - COUNTS_FOR, *over])
    failed = tuple(_failed(runs, since))
    return Streak(runs=failed) if failed else None


def pause_for(streak: Streak, policy: ScalingPolicy, now: datetime) -> Pause | None:
    """Return the pause that the streak calls for; None where it has not failed the same way often enough."""
    limit = policy.spec.guards.failures.pause_after
    same = streak.same
    if not limit or len(same) < limit:
        return None
    target = policy.spec.target.workload
    return Pause(
        service=policy.name,
        at=now,
        by=BY_SPRINGTIDE,
        reason=f"{len(same)} runs failed the same way, the last of them {same[0].run_id}: {same[0]}",
        cluster=target.cluster,
        namespace=target.namespace,
    )


def backs_off(streak: Streak, failures: Failures, now: datetime) -> str:
    """Return why a sweep starts nothing yet after the streak; "" where it may."""
    length = min(failures.back_off * 2 ** min(len(streak.runs) - 1, 16), max(LONGEST_BACK_OFF, failures.back_off))
    until = streak.latest.at + length
    if now >= until:
        return ""
    return f"backs off until {until:%Y-%m-%d %H:%M} UTC, {length} after run {streak.latest.run_id}: {streak.latest}"


def _failed(runs: Sequence[ScalingRun], since: datetime) -> Iterator[FailedRun]:
    for run in runs:
        if run.ended_at is None or run.dry_run:
            continue
        if run.ended_at <= since or run.outcome is RunOutcome.SUCCEEDED:
            return
        failed = _failure_of(run, run.ended_at)
        if failed is not None:
            yield failed


def _failure_of(run: ScalingRun, at: datetime) -> FailedRun | None:
    error = run.error or {}
    code = str(error.get("code", ""))
    phases = [phase.phase for phase in run.phases if phase.status is PhaseStatus.FAILED and phase.phase in _FORWARD]
    if run.outcome not in _FAILED or not phases or code in NOT_OF_THE_SERVICE:
        return None
    return FailedRun(
        run_id=run.run_id,
        phase=phases[-1],
        code=code or "phase_failed",
        checks=_checks_of(run),
        message=str(error.get("message", "")),
        at=at,
    )


def _checks_of(run: ScalingRun) -> tuple[str, ...]:
    checks = (run.verdict or {}).get("checks", ())
    return tuple(sorted(f"{each['check']}: {each['status']}" for each in checks if each["status"] != "pass"))
