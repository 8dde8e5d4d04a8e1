"""What one round over the Leases came to.

ended               the run's owner was gone: it has been finished or undone, and its workload is free
alive               it claims to be alive: left alone
elsewhere           it is another Airflow's, which alone can say whether it lives: left alone
stalled             it claims to be alive, and its Lease has stood still for minutes: left alone, and told
retry_later         its owner woke, or the cluster did not answer: the next round looks again
halted              its owner is gone, and somebody has stopped all writes: it is ended once somebody resumes
needs_attention     it cannot be proven which set may go: both stay, and so does the Lease, until somebody decides
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from springtide.errors import PermanentError, SpringtideError, TemporaryError
from springtide.record.looks import LeaseSeen
from springtide.record.metrics import LeaseLabels
from springtide.record.model import RunOutcome
from springtide.recovery.ending import Reconciled
from springtide.recovery.left_alone import of_another_installation, of_its_owner
from springtide.run.clusters import told
from springtide.run.lease import Lease
from springtide.run.ownership import is_of_another
from springtide.run.state import Phase, RunState
from springtide.stored import Stored
from springtide.workload import DEFAULT_CLUSTER, Cluster, in_cluster

_BY_HAND: Final = (
    "Both sets stay. Look at them, then undo the run with `springtide roll-back {service}`, or put right what it left "
    "and give the workload free with `springtide release-lease {service} --i-have-looked`."
)
_LATER: Final = "its Lease moved, or the cluster did not answer: the next round looks again"
_STALLED: Final = (
    "it claims to be alive, and its Lease stands still since {since}: is its DAG paused, its pool full, its scheduler "
    "gone? It is left to its owner. Let it go on, or end its DAG run: then the next round ends the run"
)


class ReconcileStatus(StrEnum):
    """What one round made of a run; the module says what each means."""

    ENDED = "ended"
    ALIVE = "alive"
    ELSEWHERE = "elsewhere"
    STALLED = "stalled"
    RETRY_LATER = "retry_later"
    HALTED = "halted"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciledRun(Stored):
    """A run that owned its workload when the round began, or still does; `cluster` is where, "" for the default one."""

    namespace: str
    deployment: str
    run_id: str
    status: ReconcileStatus
    outcome: RunOutcome
    message: str
    cluster: Cluster = DEFAULT_CLUSTER

    @property
    def workload(self) -> str:
        """Which workload it is, for people."""
        return in_cluster(f"{self.namespace}/{self.deployment}", self.cluster)

    def __str__(self) -> str:
        return f"{self.workload}: run {self.run_id!r} {self.outcome.value}: {self.message}"


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What one round came to; `refused` says what could not be looked into or ended, and why.

    `leases` are those of `runs` that are held after it, as metrics show them: another Airflow's are not among them.
    """

    runs: tuple[ReconciledRun, ...]
    refused: tuple[SpringtideError, ...]
    leases: tuple[LeaseSeen, ...] = ()

    def with_status(self, *statuses: ReconcileStatus) -> tuple[ReconciledRun, ...]:
        """Return the runs of which the round made one of `statuses`."""
        return tuple(run for run in self.runs if run.status in statuses)

    def of_cluster(self, cluster: str) -> ReconcileReport:
        """Return the same, as what came of `cluster`."""
        runs = tuple(replace(run, cluster=cluster) for run in self.runs)
        return ReconcileReport(runs, tuple(told(error, cluster) for error in self.refused), self.leases)

    def __add__(self, other: ReconcileReport) -> ReconcileReport:
        refused = (*self.refused, *other.refused)
        return ReconcileReport((*self.runs, *other.runs), refused, (*self.leases, *other.leases))

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody has to look at: runs that need attention or stand still, and what cannot be looked into."""
        runs = self.with_status(ReconcileStatus.NEEDS_ATTENTION, ReconcileStatus.STALLED)
        errors = (error for error in self.refused if not isinstance(error, TemporaryError))
        return (*map(str, runs), *(error.message for error in errors))

    @property
    def unanswered(self) -> tuple[TemporaryError, ...]:
        """What could not be looked into because the cluster did not answer: the next round may."""
        return tuple(error for error in self.refused if isinstance(error, TemporaryError))

    def require_good(self) -> None:
        """Return where nobody has to look at anything.

        Raises:
            PermanentError: somebody has to; the message says all of it, a line each (`runs_not_reconciled`).
            TemporaryError: a cluster did not answer, and nothing else is wrong.
        """
        if self.problems:
            raise PermanentError("\n".join(self.problems), code="runs_not_reconciled")
        if self.unanswered:
            raise self.unanswered[0]


def ended_run(run: Reconciled) -> ReconciledRun:
    """Return what a run came to that the round has ended."""
    return ReconciledRun(
        namespace=run.workload.namespace,
        deployment=run.workload.reference,
        run_id=run.run_id,
        status=ReconcileStatus.ENDED,
        outcome=run.outcome,
        message=run.message,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRun:
    """A run that owns its workload after the round; `message` is what the round met when it tried to end it.

    `is_halted` says that it did not, for somebody has stopped all writes.
    """

    namespace: str
    lease: Lease
    state: RunState
    claims_to_be_alive: bool
    message: str | None
    is_halted: bool = False

    def judged(self, now: datetime, *, stalled_after: timedelta, mine: str) -> ReconciledRun:
        """Return what the round of installation `mine` makes of it."""
        status, text = self._status(now, stalled_after, mine)
        is_unclear = self.state.outcome == RunOutcome.NEEDS_ATTENTION
        return ReconciledRun(
            namespace=self.namespace,
            deployment=self.state.plan.target.reference,
            run_id=self.state.run_id,
            status=status,
            outcome=RunOutcome.NEEDS_ATTENTION if is_unclear else RunOutcome.RUNNING,
            message=text,
        )

    def seen(self, status: ReconcileStatus) -> LeaseSeen:
        """Return the Lease for the metrics, by what the round made of its run."""
        journal = self.state.journal
        phase = journal[-1].phase.value if journal else Phase.CALCULATE_CAPACITY.value
        plan = self.state.plan
        labels = LeaseLabels(policy=plan.policy, phase=phase, status=status.value, cluster=plan.target.cluster)
        return LeaseSeen(labels=labels, acquired=self.lease.acquired_at, renewed=self.lease.renewed_at)

    def _status(self, now: datetime, stalled_after: timedelta, mine: str) -> tuple[ReconcileStatus, str]:
        if is_of_another(mine, self.state.installation):
            return ReconcileStatus.ELSEWHERE, of_another_installation(self.state, mine)
        if self.state.outcome == RunOutcome.NEEDS_ATTENTION:
            last = self.state.journal[-1].message if self.state.journal else ""
            why = self.message or last or "it is not known what it did"
            text = f"{why.rstrip('.')}. {_BY_HAND.format(service=self.state.plan.policy)}"
            return ReconcileStatus.NEEDS_ATTENTION, text
        if self.is_halted:
            return ReconcileStatus.HALTED, self.message or _LATER
        if not self.claims_to_be_alive:
            return ReconcileStatus.RETRY_LATER, self.message or _LATER
        renewed = self.lease.renewed_at
        # By the wall clock, for nothing is done about it: who waits for minutes to be sure would end nothing meanwhile.
        if renewed is not None and now - renewed < stalled_after:
            return ReconcileStatus.ALIVE, of_its_owner(self.state, mine)
        since = "nobody knows when" if renewed is None else f"{renewed:%Y-%m-%d %H:%M:%S} UTC"
        return ReconcileStatus.STALLED, _STALLED.format(since=since)
