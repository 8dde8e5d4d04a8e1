"""Finds the runs whose owner is gone, and has each of them ended from its Lease alone (I-3, I-26).

An owner is gone when nothing claims that it is alive (its DAG run has ended or was deleted, its process is gone) *and*
its Lease did not move for a whole lease duration on this process's monotonic clock. Then the run is taken over in a new
generation, which fences the old owner out should it wake, and ended: see `ending`. Runs are ended side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from springtide.clock import Clock
from springtide.errors import NotFound, PermanentError, SpringtideError
from springtide.kube.client import KubeReader
from springtide.kube.objects import Kind, ReplicaSet
from springtide.record.model import RunOutcome
from springtide.recovery.ending import Reconciled, Unended, as_ours, end_run_of
from springtide.recovery.side_by_side import SideBySide, Threads
from springtide.recovery.unclaimed import IsAlive, aside_sets_in, claim
from springtide.run.lease import Lease, all_leases
from springtide.run.ownership import installation_of, is_of_another
from springtide.run.ports import Ports, RunRef

_LOOK_SECONDS: Final = 5.0
_ONE_BY_ONE: Final = Threads()


@dataclass(frozen=True, slots=True)
class Ended:
    """What a round made of the runs that it found abandoned; `errors` says which ones nobody can end, and why."""

    runs: tuple[Reconciled, ...] = ()
    unended: tuple[Unended, ...] = ()
    errors: tuple[SpringtideError, ...] = ()

    def __add__(self, other: Ended) -> Ended:
        return Ended(self.runs + other.runs, self.unended + other.unended, self.errors + other.errors)


def reconcile(ports: Ports, namespaces: Iterable[str], is_alive: IsAlive) -> tuple[Reconciled, ...]:
    """Finish or undo every abandoned run in `namespaces`, one by one: see `end_abandoned` and `end_unclaimed`."""
    leases = {namespace: leases_in(ports.kube, namespace)[0] for namespace in namespaces}
    ended = end_abandoned(ports, leases, is_alive)
    unclaimed = [aside for namespace in leases for aside in aside_sets_in(ports.kube, namespace)]
    return (ended + end_unclaimed(ports, unclaimed, is_alive)).runs


def leases_in(kube: KubeReader, namespace: str) -> tuple[list[Lease], list[PermanentError]]:
    """Return every Lease in `namespace` that tells of a run, and why a held one does not.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    told: list[Lease] = []
    leases, errors = all_leases(kube, namespace)
    for lease in leases:
        if lease.holder and not _is_of_its_run(namespace, lease):
            errors.append(_edited(namespace, lease))
        else:
            told.append(lease)
    return told, errors


def end_abandoned(
    ports: Ports,
    leases: Mapping[str, Sequence[Lease]],
    is_alive: IsAlive,
    side_by_side: SideBySide = _ONE_BY_ONE,
) -> Ended:
    """Finish or undo every abandoned run of `leases`, by namespace; takes a lease duration when there is a suspect.

    A run that cannot be ended does not keep the others from it: it is told, and logged as an error.
    """
    waiting = [
        (namespace, lease)
        for namespace, held in leases.items()
        for lease in held
        if _is_suspect(lease, is_alive) and not is_of_another(ports.installation, installation_of(lease))
    ]
    ended = Ended()
    start = ports.clock.monotonic()
    # Those whose Lease may stand still for longer are waited for while the others are ended.
    while waiting:
        patience = min(lease.silent_after for _, lease in waiting)
        waiting = _still_silent(ports, waiting, until=start + patience)
        silent = [lease for _, lease in waiting if lease.silent_after <= patience]
        waiting = [(namespace, lease) for namespace, lease in waiting if lease.silent_after > patience]
        ended += _ended(ports, silent, side_by_side)
    return ended


def end_unclaimed(
    ports: Ports, aside: Iterable[ReplicaSet], is_alive: IsAlive, side_by_side: SideBySide = _ONE_BY_ONE
) -> Ended:
    """Undo every run that has set one of `aside` aside and that no Lease tells of any more."""
    leases: list[Lease] = []
    errors: list[SpringtideError] = []
    for replica_set in aside:
        try:
            lease = claim(ports, replica_set, is_alive)
        except Exception as error:  # noqa: BLE001  what stands on it may be anything, and the others go on
            errors.append(as_ours(error, replica_set.title))
        else:
            leases += [lease] if lease is not None else []
    return Ended(errors=tuple(errors)) + _ended(ports, leases, side_by_side)


def _ended(ports: Ports, leases: Sequence[Lease], side_by_side: SideBySide) -> Ended:
    def end(lease: Lease, clock: Clock) -> Reconciled | Unended | None:
        return end_run_of(replace(ports, clock=clock), lease)

    acts: list[Callable[[Clock], Reconciled | Unended | None]] = [partial(end, lease) for lease in leases]
    results = side_by_side.run(ports.clock, acts)
    return Ended(
        tuple(result for result in results if isinstance(result, Reconciled)),
        tuple(result for result in results if isinstance(result, Unended)),
    )


def _is_of_its_run(namespace: str, lease: Lease) -> bool:
    """Say whether what stands in a held Lease is the run that holds it, on the workload that it is for."""
    state = lease.state
    if state is None:
        return True
    target = state.plan.target
    owner = RunRef.of_holder(target, lease.holder).run_id
    return (target.namespace, target.lease_name, state.run_id) == (namespace, lease.name, owner)


def _edited(namespace: str, lease: Lease) -> PermanentError:
    return PermanentError(
        f"Lease {namespace}/{lease.name} is held by {lease.holder!r}, and holds another run or one of another workload "
        f"({lease.run_id!r}): somebody edited it. It is left alone. Look at the pod sets, then delete it.",
        code="lease_unreadable",
        field=lease.name,
    )


def _is_suspect(lease: Lease, is_alive: IsAlive) -> bool:
    state = lease.state
    if not lease.holder or state is None or state.outcome == RunOutcome.NEEDS_ATTENTION:
        return False  # nobody's, or waiting for a person
    return not is_alive(state.run_id)


def _still_silent(ports: Ports, suspects: list[tuple[str, Lease]], *, until: float) -> list[tuple[str, Lease]]:
    """Return those whose Lease does not move until `until`, measured here and by nobody's wall clock."""
    # An owner renews three times within a duration, so one whose Lease never moves is not working on it; and two clocks
    # that disagree cannot make it look so, for only this process's own is read.
    while suspects and ports.clock.monotonic() < until:
        ports.clock.sleep(_LOOK_SECONDS)
        suspects = [(namespace, lease) for namespace, lease in suspects if _is_unchanged(ports, namespace, lease)]
    return suspects


def _is_unchanged(ports: Ports, namespace: str, lease: Lease) -> bool:
    try:
        return Lease(ports.kube.get(Kind.LEASE, namespace, lease.name)).version == lease.version
    except NotFound:
        return False
    except Exception:  # noqa: BLE001  one Lease that cannot be read keeps no other from being waited for
        return True  # not known: the swap by which it is taken over is against this very version
