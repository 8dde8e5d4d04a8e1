"""One round over the Leases of some namespaces: what `springtide reconcile` and the DAG `reconcile_runs` both do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from springtide.errors import ClusterRefused, Fenced, Halted, NotFound, PolicyError, SpringtideError, TemporaryError
from springtide.kube.objects import Kind, ReplicaSet
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.looks import keep_look, leases_seen
from springtide.record.model import RunOutcome
from springtide.record.store import OpenStore
from springtide.recovery.ending import Unended, as_ours
from springtide.recovery.limits import RoundLimits
from springtide.recovery.reconcile import Ended, end_abandoned, end_unclaimed, leases_in
from springtide.recovery.report import HeldRun, ReconcileReport, ReconcileStatus, ended_run
from springtide.recovery.side_by_side import SideBySide, Threads
from springtide.recovery.unclaimed import IsAlive, aside_sets_in
from springtide.run.clusters import OpenCluster, by_cluster
from springtide.run.lease import Lease
from springtide.run.ports import Ports

COMMAND_LINE: Final = "cli-"
"""How the ids of runs begin that `springtide run` makes. Nobody can be asked whether such a process lives, so a Lease
that does not move is all there is to judge it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a round looks in one cluster: wherever the policies point that name it. There is at least one."""

    policies: tuple[ScalingPolicy, ...]

    @property
    def policy(self) -> ScalingPolicy:
        """One of them, by which the cluster is opened."""
        return self.policies[0]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where their workloads are."""
        return tuple(sorted({policy.spec.target.namespace for policy in self.policies}))

    @property
    def cluster(self) -> str:
        """What its policies call it."""
        return self.policy.spec.target.workload.cluster


def scopes_of(folder: PolicyFolder) -> tuple[tuple[Scope, ...], tuple[SpringtideError, ...]]:
    """Return where the policies point, cluster by cluster, and the errors of files that cannot be read.

    A file with errors must not keep the others' runs from being ended. Without any policy both are empty.

    Raises:
        PolicyError: the folder cannot be read.
    """
    policies, violations = folder.readable()
    unread = (PolicyError(violations),) if violations else ()
    return tuple(Scope(policies=tuple(theirs)) for theirs in by_cluster(policies).values()), unread


def known_by(is_alive: IsAlive) -> IsAlive:
    """Return who is alive where `is_alive` knows every run but those of the command line: their Lease alone tells."""
    return lambda run_id: not run_id.startswith(COMMAND_LINE) and is_alive(run_id)


def reconcile_everywhere(
    open_cluster: OpenCluster,
    scopes: Sequence[Scope],
    is_alive: IsAlive,
    unread: Iterable[SpringtideError] = (),
    *,
    limits: RoundLimits | None = None,
) -> ReconcileReport:
    """Do a round in every cluster, one after the other; one that cannot be opened or does not answer is told.

    It keeps no other cluster's runs from their end.
    """
    report = ReconcileReport((), tuple(unread))
    for scope in scopes:
        try:
            with open_cluster(scope.policy) as ports:
                if len(scopes) > 1:
                    _require_answer(ports, scope)
                found = reconcile_round(ports, scope.namespaces, is_alive, limits=limits)
        except SpringtideError as error:
            found = ReconcileReport((), (error,))
        report += found.of_cluster(scope.cluster)
    return report


def _require_answer(ports: Ports, scope: Scope) -> None:
    """Return when the cluster answers, whatever it says: else each namespace of it would cost the others a timeout.

    Raises:
        ClusterUnavailable: it does not.
    """
    try:
        ports.kube.list(Kind.LEASE, scope.namespaces[0])
    except (ClusterRefused, NotFound):
        return  # the round tells why


def reconcile_round(
    ports: Ports,
    namespaces: Iterable[str],
    is_alive: IsAlive,
    unread: Iterable[SpringtideError] = (),
    *,
    limits: RoundLimits | None = None,
    side_by_side: SideBySide | None = None,
) -> ReconcileReport:
    """Finish or undo every run in `namespaces` that does not claim to be alive and whose Lease does not move.

    Whatever cannot be read, asked or ended keeps nothing else from it: `refused` of the report says what, and why.
    `unread` are the errors of policies that would have named more namespaces: they come first. Runs are ended side by
    side, in as many threads as `limits` says.
    """
    limits = limits or RoundLimits()
    side_by_side = side_by_side or Threads(limits.at_once)
    errors = [*unread]
    claims = _told_by(is_alive, errors)
    leases = _leases(ports, sorted(set(namespaces)), errors)
    ended = end_abandoned(ports, leases, claims, side_by_side)
    ended += end_unclaimed(ports, _set_aside(ports, leases, errors), claims, side_by_side)
    errors += [*ended.errors, *(each.error for each in ended.unended if _is_for_people(each))]
    free = [ended_run(run) for run in ended.runs if run.outcome is not RunOutcome.NEEDS_ATTENTION]
    # The Leases are read again: ending runs takes minutes, in which others ended theirs, or began new ones.
    left = _leases(ports, leases, errors)
    found = _held_runs(left, claims, ended)
    held = [run.judged(ports.clock.now(), stalled_after=limits.stalled_after, mine=ports.installation) for run in found]
    both = zip(found, held, strict=True)
    seen = tuple(run.seen(judged.status) for run, judged in both if judged.status is not ReconcileStatus.ELSEWHERE)
    return ReconcileReport((*free, *held), _once(errors), seen)


def keep_round(open_store: OpenStore, report: ReconcileReport, now: datetime) -> None:
    """Keep for the metrics what a round over every namespace of the policies, in every cluster, saw."""
    keep_look(open_store, leases_seen(report.leases, refused=len(report.refused), now=now))


def _told_by(is_alive: IsAlive, errors: list[SpringtideError]) -> IsAlive:
    """Return `is_alive` where a question that cannot be answered counts as a yes, and is told."""

    def claims_to_be_alive(run_id: str) -> bool:
        try:
            return is_alive(run_id)
        except Exception as error:  # noqa: BLE001  whoever is asked may raise anything, and the other runs go on
            errors.append(as_ours(error, f"whether the owner of run {run_id!r} is alive"))
            return True

    return claims_to_be_alive


def _leases(ports: Ports, namespaces: Iterable[str], errors: list[SpringtideError]) -> dict[str, list[Lease]]:
    leases = {}
    for namespace in namespaces:
        try:
            leases[namespace], unreadable = leases_in(ports.kube, namespace)
        except Exception as error:  # noqa: BLE001  one namespace keeps no other from being looked into
            errors.append(as_ours(error, f"the Leases of namespace {namespace}"))
        else:
            errors += unreadable
    return leases


def _set_aside(ports: Ports, namespaces: Iterable[str], errors: list[SpringtideError]) -> list[ReplicaSet]:
    aside: list[ReplicaSet] = []
    for namespace in namespaces:
        try:
            aside += aside_sets_in(ports.kube, namespace)
        except Exception as error:  # noqa: BLE001  the same
            errors.append(as_ours(error, f"the ReplicaSets of namespace {namespace}"))
    return aside


def _is_for_people(unended: Unended) -> bool:
    """Say whether no later round can be expected to end the run."""
    return not isinstance(unended.error, Fenced | Halted | TemporaryError)


def _held_runs(leases: Mapping[str, list[Lease]], claims: IsAlive, ended: Ended) -> list[HeldRun]:
    messages = {(run.workload, run.run_id): run.message for run in ended.runs}
    halted = {(each.workload, each.run_id) for each in ended.unended if isinstance(each.error, Halted)}
    messages |= {(each.workload, each.run_id): each.error.message for each in ended.unended}
    return [
        HeldRun(
            namespace=namespace,
            lease=lease,
            state=state,
            claims_to_be_alive=claims(state.run_id),
            message=messages.get((state.plan.target, state.run_id)),
            is_halted=(state.plan.target, state.run_id) in halted,
        )
        for namespace, held in leases.items()
        for lease in held
        if lease.holder and (state := lease.state) is not None
    ]


def _once(errors: Iterable[SpringtideError]) -> tuple[SpringtideError, ...]:
    """Return the errors without those that say again what one before them said: Leases are read twice in a round."""
    return tuple({(error.code, error.message): error for error in errors}.values())
