"""One round over the Leases of some namespaces: what `springtide reconcile` and the DAG `reconcile_runs` both do.

ended               the run's owner was gone: it has been finished or undone, and its workload is free
alive               it claims to be alive: left alone
elsewhere           it is another Airflow's, which alone can say whether it lives: left alone
retry_later         its owner woke, or the cluster did not answer: the next round looks again
needs_attention     it cannot be proven which set may go: both stay, and so does the Lease, until somebody decides
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from springtide.errors import PermanentError, PolicyError, SpringtideError
from springtide.kube.objects import ReplicaSet
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.model import RunOutcome
from springtide.recovery.left_alone import of_another_installation, of_its_owner
from springtide.recovery.reconcile import end_abandoned, end_unclaimed
from springtide.recovery.unclaimed import IsAlive, aside_sets_in
from springtide.run.lease import Lease, all_leases
from springtide.run.ownership import is_of_another
from springtide.run.ports import Ports
from springtide.run.state import RunState
from springtide.stored import Stored

COMMAND_LINE: Final = "cli-"
"""How the ids of runs begin that `springtide run` makes. Nobody can be asked whether such a process lives, so a Lease
that does not move is all there is to judge it by."""


_BY_HAND: Final = (
    "Both sets stay. Look at them, then undo the run with `springtide roll-back {service}`, or put right what it left "
    "and give the workload free with `springtide release-lease {service} --i-have-looked`."
)


class ReconcileStatus(StrEnum):
    """What one round made of a run; the module says what each means."""

    ENDED = "ended"
    ALIVE = "alive"
    ELSEWHERE = "elsewhere"
    RETRY_LATER = "retry_later"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciledRun(Stored):
    """A run that owned its workload when the round began, or still does."""

    namespace: str
    deployment: str
    run_id: str
    status: ReconcileStatus
    outcome: RunOutcome
    message: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.deployment}: run {self.run_id!r} {self.outcome.value}: {self.message}"


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What one round came to; `refused` says which namespaces and Leases could not be looked into, and why."""

    runs: tuple[ReconciledRun, ...]
    refused: tuple[SpringtideError, ...]

    def with_status(self, status: ReconcileStatus) -> tuple[ReconciledRun, ...]:
        """Return the runs of which the round made `status`."""
        return tuple(run for run in self.runs if run.status is status)

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody has to look at: the runs that need attention, and what could not be looked into."""
        attention = map(str, self.with_status(ReconcileStatus.NEEDS_ATTENTION))
        return (*attention, *(error.message for error in self.refused))


def namespaces_of(folder: PolicyFolder) -> tuple[list[str], tuple[SpringtideError, ...]]:
    """Return where the policies point, and the errors of files that cannot be read.

    A file with errors must not keep the others' runs from being ended. Without any policy both are empty.

    Raises:
        PolicyError: the folder cannot be read.
    """
    policies, violations = folder.readable()
    unread = (PolicyError(violations),) if violations else ()
    return sorted({policy.spec.target.namespace for policy in policies}), unread


def known_by(is_alive: IsAlive) -> IsAlive:
    """Return who is alive where `is_alive` knows every run but those of the command line: their Lease alone tells."""
    return lambda run_id: not run_id.startswith(COMMAND_LINE) and is_alive(run_id)


def reconcile_round(
    ports: Ports, namespaces: Iterable[str], is_alive: IsAlive, unread: Iterable[SpringtideError] = ()
) -> ReconcileReport:
    """Finish or undo every run in `namespaces` that does not claim to be alive and whose Lease does not move.

    A namespace that may not be read, or a Lease that cannot be, keeps no other from being looked into. `unread` are
    the errors of policies that would have named more namespaces: the report tells them first.

    Raises:
        TemporaryError: the cluster does not answer.
    """
    leases, refused = _leases(ports, sorted(set(namespaces)))
    abandoned = end_abandoned(ports, leases, is_alive)
    unclaimed, unclear = end_unclaimed(ports, _set_aside(ports, leases), is_alive)
    ended = [
        ReconciledRun(
            namespace=run.workload.namespace,
            deployment=run.workload.deployment,
            run_id=run.run_id,
            status=ReconcileStatus.ENDED,
            outcome=run.outcome,
            message=run.message,
        )
        for run in (*abandoned, *unclaimed)
    ]
    messages = {(run.namespace, run.deployment): run.message for run in ended}
    # The Leases are read again: ending runs takes minutes, in which others ended theirs, or began new ones.
    held = [
        _of_another(namespace, lease.state, ports.installation)
        if is_of_another(ports.installation, lease.state.installation)
        else _held(
            namespace,
            lease.state,
            is_alive,
            messages.get((namespace, lease.state.plan.target.deployment)),
            of_its_owner(lease.state, ports.installation),
        )
        for namespace in leases
        for lease in all_leases(ports.kube, namespace)[0]
        if lease.holder and lease.state is not None
    ]
    free = [run for run in ended if run.outcome is not RunOutcome.NEEDS_ATTENTION]
    return ReconcileReport((*free, *held), (*unread, *refused, *unclear))


def _set_aside(ports: Ports, namespaces: Iterable[str]) -> Iterator[ReplicaSet]:
    for namespace in namespaces:
        yield from aside_sets_in(ports.kube, namespace)


def _of_another(namespace: str, state: RunState, mine: str) -> ReconciledRun:
    """Return a run of another installation, which owns its workload."""
    return ReconciledRun(
        namespace=namespace,
        deployment=state.plan.target.deployment,
        run_id=state.run_id,
        status=ReconcileStatus.ELSEWHERE,
        outcome=RunOutcome(state.outcome or RunOutcome.RUNNING),
        message=of_another_installation(state, mine),
    )


def _held(namespace: str, state: RunState, is_alive: IsAlive, message: str | None, left_to: str) -> ReconciledRun:
    """Return a run that owns its workload after the round; `left_to` is said of one that claims to be alive."""
    status = ReconcileStatus.RETRY_LATER
    outcome = RunOutcome.RUNNING
    text = "its Lease moved, or the cluster did not answer: the next round looks again"
    if state.outcome == RunOutcome.NEEDS_ATTENTION:
        last = state.journal[-1].message if state.journal else ""
        status = ReconcileStatus.NEEDS_ATTENTION
        outcome = RunOutcome.NEEDS_ATTENTION
        why = message or last or "it is not known what it did"
        text = f"{why}. {_BY_HAND.format(service=state.plan.policy)}"
    elif is_alive(state.run_id):
        status = ReconcileStatus.ALIVE
        text = left_to
    return ReconciledRun(
        namespace=namespace,
        deployment=state.plan.target.deployment,
        run_id=state.run_id,
        status=status,
        outcome=outcome,
        message=text,
    )


def _leases(ports: Ports, namespaces: list[str]) -> tuple[dict[str, list[Lease]], tuple[SpringtideError, ...]]:
    leases = {}
    refused = list[SpringtideError]()
    for namespace in namespaces:
        try:
            leases[namespace], unreadable = all_leases(ports.kube, namespace)
        except PermanentError as error:
            refused.append(error)
        else:
            refused += unreadable
    return leases, tuple(refused)
