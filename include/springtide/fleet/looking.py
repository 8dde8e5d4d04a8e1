"""Looks at many services: a cluster is opened once, and each namespace is listed once for all that stand in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import Final

import structlog

from springtide.errors import SpringtideError, TemporaryError
from springtide.events.sweep import Inspection
from springtide.fleet.due import Due
from springtide.fleet.inspection import LOOK_AGAIN_SECONDS, OWNED_FOR, inspect_service
from springtide.fleet.look_record import LookRecord
from springtide.fleet.ports import FleetPorts
from springtide.fleet.shared_demand import sharing_demand
from springtide.kube.client import Right
from springtide.kube.listed import ListedKube
from springtide.policy.scaling.model import ScalingPolicy
from springtide.recovery.ending import as_ours
from springtide.run.ports import Neighbours, Ports
from springtide.shared_answer import SharedAnswer

log = structlog.get_logger(__name__)

LOOK_RIGHTS: Final = (Right(verb="list", group="", resource="services"),)
"""What a sweep needs that no run does: without it each Service is read by itself."""

TRIES: Final = 3
"""How often what does not answer is asked, where nobody else would ask again."""

AGAIN_SECONDS: Final = 10.0
"""After so long what did not answer is asked again."""

WITHIN: Final = timedelta(minutes=10)
"""How long the looks at all services may take, without what is waited for runs: then no other one begins."""

_Cluster = str | None
_Found = Inspection | SpringtideError


@dataclass(slots=True, kw_only=True)
class Looks:
    """What was found of each service, and why others have nothing: the error that each of them met."""

    seen: dict[str, Inspection] = field(default_factory=dict)
    unseen: dict[str, SpringtideError] = field(default_factory=dict)

    def add(self, found: Mapping[str, _Found]) -> None:
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

    def silent(self, policies: Iterable[ScalingPolicy]) -> list[ScalingPolicy]:
        """Return those of `policies` for which something did not answer."""
        return [policy for policy in policies if isinstance(self.unseen.get(policy.name), TemporaryError)]

    def record(self) -> LookRecord:
        """Return what is left for those that follow."""
        unseen = {service: error.message for service, error in self.unseen.items()}
        return LookRecord(seen=self.seen, unseen=unseen)


def look_at(
    fleet: FleetPorts,
    services: Iterable[str],
    *,
    waits: bool = False,
    tries: int = 1,
    at_once: int = 1,
    together: int = 1,
) -> Looks:
    """Return what is found of each service, `at_once` of them side by side; an error stays with its own service.

    Prometheus is asked for the demand of up to `together` services by one request.

    With `waits`, those that a run owns are looked at again until it is over, for `OWNED_FOR` at most: an event cannot
    leave them to the next sweep. What did not answer is asked again until `tries` looks were taken. After `WITHIN` no
    other look begins.

    Raises:
        TemporaryError: no service at all could be looked at, and the last one's error is worth another try.
    """
    looked = Looks()
    policies = _readable(fleet, services, looked)
    clock = fleet.clock
    with _opened(fleet) as opened:
        began = clock.monotonic()
        around = _Around(opened=opened, at_once=at_once, together=together, end=began + WITHIN.total_seconds())
        looked.add(around.look(policies))
        for _ in range(tries - 1):
            if (silent := looked.silent(policies)) and clock.monotonic() < around.end:
                clock.sleep(AGAIN_SECONDS)
                looked.add(around.look(silent))
        while waits and (owned := looked.owned(policies)) and clock.monotonic() - began < OWNED_FOR.total_seconds():
            for policy in owned:
                opened(policy).on_wait(f"{policy.name}: {looked.seen[policy.name].frozen}")
            clock.sleep(LOOK_AGAIN_SECONDS)
            looked.add(around.look(owned))
    errors = list(looked.unseen.values())
    if errors and not looked.seen and isinstance(errors[-1], TemporaryError):
        raise errors[-1]
    return looked


def look_at_due(fleet: FleetPorts, due: Due, *, at_once: int = 1, together: int = 1) -> LookRecord:
    """Return what is found of each service of `due`, and why others have nothing; raises as `look_at`."""
    return look_at(fleet, due.services, waits=bool(due.events), at_once=at_once, together=together).record()


def _readable(fleet: FleetPorts, services: Iterable[str], looked: Looks) -> list[ScalingPolicy]:
    """Return the policies of `services`, those of one namespace behind each other; errors go to `looked`."""
    policies: list[ScalingPolicy] = []
    for service in services:
        try:
            policies.append(fleet.policies.get(service))
        except SpringtideError as error:
            looked.unseen[service] = error
    return sorted(policies, key=lambda each: (each.spec.target.cluster or "", each.spec.target.namespace))


@contextmanager
def _opened(fleet: FleetPorts) -> Iterator[Callable[[ScalingPolicy], Ports]]:
    """Yield what opens the cluster of a policy, once for all that name it; all are closed at the end."""
    ports: dict[_Cluster, Ports] = {}

    def open_once(policy: ScalingPolicy) -> Ports:
        cluster = policy.spec.target.cluster
        if cluster not in ports:
            opened = stack.enter_context(fleet.ports_of(policy))
            # All policies once: to look for those that name an object would be a look at each file for each service.
            ports[cluster] = replace(
                opened, neighbours=partial(SharedAnswer[Neighbours](fleet.clock).of, opened.neighbours), naming=None
            )
        return ports[cluster]

    with ExitStack() as stack:
        yield open_once


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """Takes rounds of looks, each by lists of its own; `end` is when no other look begins."""

    opened: Callable[[ScalingPolicy], Ports]
    at_once: int
    together: int
    end: float

    def look(self, policies: Sequence[ScalingPolicy]) -> dict[str, _Found]:
        """Return what one look at each service finds."""
        by_cluster: dict[_Cluster, list[ScalingPolicy]] = {}
        for policy in policies:
            by_cluster.setdefault(policy.spec.target.cluster, []).append(policy)
        found: dict[str, _Found] = {}
        for mine in by_cluster.values():
            try:
                ports = self.opened(mine[0])
            except SpringtideError as error:  # which is the error of each service in it
                found |= dict.fromkeys([policy.name for policy in mine], error)
                continue
            sharing = sharing_demand(ports, mine, most=self.together)
            answers = _Round(sharing, mine, self.end).all(self.at_once)
            found |= zip([policy.name for policy in mine], answers, strict=True)
        return found


class _Round:
    """One look at each of some services of one cluster."""

    def __init__(self, ports: Ports, policies: Sequence[ScalingPolicy], end: float) -> None:
        self._policies = policies
        self._end = end
        self._left = Counter(policy.spec.target.namespace for policy in policies)
        # One service alone asks for its own objects: a list would hold those of everybody else there.
        shared = {namespace for namespace, number in self._left.items() if number > 1}
        self._listed = ListedKube(ports.kube, ports.clock, shared)
        self._ports = replace(ports, kube=self._listed)
        self._lock = Lock()
        self._before = SharedAnswer[Mapping[str, float | None]](ports.clock)

    def all(self, at_once: int) -> list[_Found]:
        """Return what is found, in the order of the policies."""
        if at_once == 1:
            return [self._found(policy) for policy in self._policies]
        with ThreadPoolExecutor(at_once, thread_name_prefix="springtide-look") as pool:
            return list(pool.map(self._found, self._policies))

    def _found(self, policy: ScalingPolicy) -> _Found:
        try:
            return self._look(policy)
        except SpringtideError as error:
            return error
        except Exception as error:
            # A broken object, or a fault of ours: it is this service's alone.
            log.exception("service_not_seen", service=policy.name)
            return as_ours(error, policy.name)
        finally:
            self._is_done(policy.spec.target.namespace)

    def _look(self, policy: ScalingPolicy) -> Inspection:
        if self._ports.clock.monotonic() >= self._end:
            raise TemporaryError(
                f"{policy.name}: it was not its turn within {WITHIN}: what is asked for the others answers too slowly. "
                "Look at fewer services in one task (SPRINGTIDE_LOOK_CHUNK).",
                code="looks_late",
            )
        return inspect_service(self._ports, policy, before=self._before.of(self._demands_before).get(policy.name))

    def _demands_before(self) -> dict[str, float | None]:
        """Return the demand from before the latest event that is over, of each service whose note of it is kept."""
        # Of all at once: each note has what its event asks of all services, and one by one they would share nothing.
        now = self._ports.clock.now()
        notes = self._ports.store.notes([policy.name for policy in self._policies], now=now)
        over = {name: [note for note in many if note.occurrence.end <= now] for name, many in notes.items()}
        return {name: many[-1].before for name, many in over.items() if many}

    def _is_done(self, namespace: str) -> None:
        with self._lock:
            self._left[namespace] -= 1
            is_last = not self._left[namespace]
        if is_last:
            self._listed.forget(namespace)
