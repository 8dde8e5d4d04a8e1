"""Looks at many services: a cluster is opened once, and each namespace is listed once for all that stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from springtide.errors import SpringtideError, TemporaryError
from springtide.events.sweep import Inspection
from springtide.fleet.due import Due
from springtide.fleet.inspection import LOOK_AGAIN_SECONDS, OWNED_FOR, inspect_service
from springtide.fleet.look_record import LookRecord
from springtide.fleet.ports import FleetPorts
from springtide.kube.listed import ListedKube
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports

TRIES: Final = 3
"""How often what does not answer is asked, where nobody else would ask again."""

AGAIN_SECONDS: Final = 10.0
"""After so long what did not answer is asked again."""


@dataclass(slots=True, kw_only=True)
class Looks:
    """What was found of each service, and why others have nothing: the error that each of them met."""

    seen: dict[str, Inspection] = field(default_factory=dict)
    unseen: dict[str, SpringtideError] = field(default_factory=dict)

    def add(self, found: Mapping[str, Inspection | SpringtideError]) -> None:
        """Take what a later look found: it replaces what an earlier one said of the same services."""
        for service, what in found.items():
            self.seen.pop(service, None)
            self.unseen.pop(service, None)
            if isinstance(what, SpringtideError):
                self.unseen[service] = what
            else:
                self.seen[service] = what

    def owned(self, policies: Iterable[ScalingPolicy]) -> list[ScalingPolicy]:
        """Return those of `policies` whose service a run owns."""
        return [policy for policy in policies if policy.name in self.seen and self.seen[policy.name].is_owned]

    def record(self) -> LookRecord:
        """Return what is left for those that follow."""
        unseen = {service: error.message for service, error in self.unseen.items()}
        return LookRecord(seen=self.seen, unseen=unseen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How services are looked at: see `look_at`."""

    waits: bool
    tries: int
    at_once: int


def look_at(
    fleet: FleetPorts,
    services: Iterable[str],
    *,
    waits: bool = False,
    tries: int = 1,
    at_once: int = 1,
) -> Looks:
    """Return what is found of each service, `at_once` of them side by side; an error stays with its own service.

    With `waits`, those that a run owns are looked at again until it is over, for `OWNED_FOR` at most: an event cannot
    leave them to the next sweep. What did not answer is asked again until `tries` looks were taken.

    Raises:
        TemporaryError: no service at all could be looked at, and the last one's error is worth another try.
    """
    looked = Looks()
    policies: list[ScalingPolicy] = []
    for service in services:
        try:
            policies.append(fleet.policies.get(service))
        except SpringtideError as error:
            looked.unseen[service] = error
    for mine in _by_cluster(policies).values():
        try:
            with fleet.ports_of(mine[0]) as ports:
                _look_at_cluster(ports, mine, looked, _Manner(waits=waits, tries=tries, at_once=at_once))
        except SpringtideError as error:  # the cluster cannot be opened, which is the error of each service in it
            looked.add(dict.fromkeys([policy.name for policy in mine], error))
    errors = list(looked.unseen.values())
    if errors and not looked.seen and isinstance(errors[-1], TemporaryError):
        raise errors[-1]
    return looked


def look_at_due(fleet: FleetPorts, due: Due, *, at_once: int = 1) -> LookRecord:
    """Return what is found of each service of `due`, and why others have nothing; raises as `look_at`."""
    return look_at(fleet, due.services, waits=bool(due.events), at_once=at_once).record()


def _by_cluster(policies: Iterable[ScalingPolicy]) -> dict[str | None, list[ScalingPolicy]]:
    """Return the policies of each cluster, those of one namespace behind each other."""
    found: dict[str | None, list[ScalingPolicy]] = {}
    for policy in sorted(policies, key=lambda each: each.spec.target.namespace):
        found.setdefault(policy.spec.target.cluster, []).append(policy)
    return found


def _look_at_cluster(opened: Ports, policies: Sequence[ScalingPolicy], looked: Looks, manner: _Manner) -> None:
    # All policies once: to look for those that name an object would be a look at each file for each service.
    known = opened.neighbours()
    ports = replace(opened, neighbours=lambda: known, naming=None)
    end = ports.clock.monotonic() + OWNED_FOR.total_seconds()
    looked.add(_look(ports, policies, manner.at_once))
    for _ in range(manner.tries - 1):
        silent = [policy for policy in policies if isinstance(looked.unseen.get(policy.name), TemporaryError)]
        if silent:
            ports.clock.sleep(AGAIN_SECONDS)
            looked.add(_look(ports, silent, manner.at_once))
    while manner.waits and (owned := looked.owned(policies)) and ports.clock.monotonic() < end:
        for policy in owned:
            ports.on_wait(f"{policy.name}: {looked.seen[policy.name].frozen}")
        ports.clock.sleep(LOOK_AGAIN_SECONDS)
        looked.add(_look(ports, owned, manner.at_once))


def _look(opened: Ports, policies: Sequence[ScalingPolicy], at_once: int) -> dict[str, Inspection | SpringtideError]:
    """Take one look at each service, by lists of their own."""
    ports = replace(opened, kube=ListedKube(opened.kube, opened.clock))
    return dict(zip([policy.name for policy in policies], _each(ports, policies, at_once), strict=True))


def _each(ports: Ports, policies: Sequence[ScalingPolicy], at_once: int) -> list[Inspection | SpringtideError]:
    look: Callable[[ScalingPolicy], Inspection | SpringtideError] = partial(_found, ports)
    if at_once == 1:
        return [look(policy) for policy in policies]
    with ThreadPoolExecutor(at_once, thread_name_prefix="springtide-look") as pool:
        return list(pool.map(look, policies))


def _found(ports: Ports, policy: ScalingPolicy) -> Inspection | SpringtideError:
    try:
        return inspect_service(ports, policy, before=_demand_before(ports, policy.name))
    except SpringtideError as error:
        return error


def _demand_before(ports: Ports, service: str) -> float | None:
    """Return the demand from before the latest event that is over, as long as its note is kept."""
    now = ports.clock.now()
    notes = ports.store.notes([service], now=now)[service]
    over = [note for note in notes if note.occurrence.end <= now]
    return over[-1].before if over else None
