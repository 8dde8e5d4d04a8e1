"""What the cluster says of many services: two or three lists of each namespace, however many services are in it.

A namespace that does not answer in time makes its services unknown, with the reason, and keeps no page waiting: a read
that is on its way is waited for by whoever asks next, and never sent twice at one time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from springtide.clock import Clock
from springtide.errors import NotFound, SpringtideError
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.client import KubeReader, Right
from springtide.kube.objects import Json, Kind
from springtide.kube.workloads import KIND_OF, view_of
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.halt import Halt
from springtide.run.ports import Ports
from springtide.strategy.hold import FloorHold, hold_on

WITHIN_SECONDS: Final = 2.0
"""How long a page waits for the cluster."""

FRESH_SECONDS: Final = 5.0
"""How long what one look saw counts: many who look at one page ask the cluster once."""

PAGE_RIGHTS: Final = (
    Right(verb="list", group="apps", resource="deployments"),
    Right(verb="list", group="apps", resource="statefulsets"),
)
"""What a page needs of the cluster that no run does: without them its services are unknown, and the page says so."""

_SIDE_BY_SIDE: Final = 8
"""Namespaces that are read at one time."""

Place = tuple[str, str]
"""A cluster, as policies call it, and a namespace in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is of one service: pods that are wanted and those that are ready, and what owns their number.

    `unknown` says why nobody knows, "" where everything was seen; None is what was not seen, never 0.
    """

    wanted: int | None = None
    ready: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    autoscaler: str = ""
    hold: FloorHold | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look saw: every service by its name, and who has halted the writes of which namespace."""

    services: Mapping[str, Seen] = field(default_factory=dict)
    halts: Mapping[Place, Halt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    services: Mapping[str, Seen]
    halt: Halt | None


class ClusterLooks:
    """Looks at clusters for pages. It is safe to use from several threads at once."""

    def __init__(self, clock: Clock, *, within_seconds: float = WITHIN_SECONDS) -> None:
        self._clock = clock
        self._within = within_seconds
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="springtide-look")
        self._asked: dict[Place, tuple[float, frozenset[str], Future[_Answer]]] = {}

    def look(
        self, policies: Iterable[ScalingPolicy], open_ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]]
    ) -> Looked:
        """Return what the clusters of `policies` say, within the time that a page has. Raises nothing."""
        asked = {
            place: (tuple(mine), self._answer(place, tuple(mine), open_ports))
            for place, mine in by_place(policies).items()
        }
        wait([future for _, future in asked.values()], timeout=self._within)
        services: dict[str, Seen] = {}
        halts: dict[Place, Halt] = {}
        for place, (mine, future) in asked.items():
            answer = self._within_time(future, mine)
            services |= answer.services
            if answer.halt is not None:
                halts[place] = answer.halt
        return Looked(services=services, halts=halts)

    def _answer(
        self,
        place: Place,
        policies: Sequence[ScalingPolicy],
        open_ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]],
    ) -> Future[_Answer]:
        names = frozenset(policy.name for policy in policies)
        with self._lock:
            now = self._clock.monotonic()
            at, asked, future = self._asked.get(place, (float("-inf"), frozenset(), Future()))
            is_on_its_way = at > float("-inf") and not future.done()
            if names <= asked and (is_on_its_way or now - at < FRESH_SECONDS):
                return future
            future = self._pool.submit(_looked_at, policies, open_ports)
            self._asked[place] = (now, names, future)
            return future

    def _within_time(self, future: Future[_Answer], policies: Sequence[ScalingPolicy]) -> _Answer:
        if not future.done():
            return _unknown(policies, f"the cluster did not answer within {self._within:g} s")
        error = future.exception()
        if error is None:
            return future.result()
        return _unknown(policies, error.message if isinstance(error, SpringtideError) else f"{type(error).__name__}")


def by_place(policies: Iterable[ScalingPolicy]) -> dict[Place, list[ScalingPolicy]]:
    """Return the policies of each namespace of each cluster."""
    found: dict[Place, list[ScalingPolicy]] = {}
    for policy in policies:
        workload = policy.spec.target.workload
        found.setdefault((workload.cluster, workload.namespace), []).append(policy)
    return found


def _looked_at(
    policies: Sequence[ScalingPolicy], open_ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]]
) -> _Answer:
    namespace = policies[0].spec.target.namespace
    with open_ports(policies[0]) as ports:
        halt = ports.halt.pulled(ports.kube, ports.clock, namespace)
        return _Answer(seen_in(ports.kube, namespace, policies), halt)


def _unknown(policies: Iterable[ScalingPolicy], why: str) -> _Answer:
    return _Answer({policy.name: Seen(unknown=why) for policy in policies}, None)


def seen_in(kube: KubeReader, namespace: str, policies: Sequence[ScalingPolicy]) -> dict[str, Seen]:
    """Return what one namespace says of its `policies`: a list of each kind that they name, and the autoscalers.

    Raises:
        ClusterRefused, ClusterUnavailable: as the client says; of one kind it is the reason of that kind alone.
    """
    kinds = {policy.spec.target.workload.kind for policy in policies}
    workloads = {kind: _listed(kube, namespace, KIND_OF[kind]) for kind in kinds}
    autoscalers = _autoscalers(kube, namespace)
    return {policy.name: _seen(policy, workloads[policy.spec.target.workload.kind], autoscalers) for policy in policies}


def _listed(kube: KubeReader, namespace: str, kind: Kind) -> dict[str, Json] | str:
    """Return the objects by their names, or why they could not be read."""
    try:
        return {raw["metadata"]["name"]: raw for raw in kube.list(kind, namespace)}
    except SpringtideError as error:
        return error.message


def _autoscalers(kube: KubeReader, namespace: str) -> dict[str, Autoscaler]:
    """Return the autoscaler of each workload by its title; KEDA's own go before the HPAs that KEDA keeps."""
    found: dict[str, Autoscaler] = {}
    for kind in (Kind.AUTOSCALER, Kind.SCALED_OBJECT):
        try:
            listed = kube.list(kind, namespace)
        except NotFound:
            continue  # no KEDA
        except SpringtideError:
            continue  # what a floor was is not shown then; the number of pods is
        found |= {each.target: each for raw in listed for each in [Autoscaler(raw, kind)]}
    return found


def _seen(policy: ScalingPolicy, workloads: dict[str, Json] | str, autoscalers: Mapping[str, Autoscaler]) -> Seen:
    workload = policy.spec.target.workload
    if isinstance(workloads, str):
        return Seen(unknown=workloads)
    raw = workloads.get(workload.deployment)
    if raw is None:
        return Seen(unknown=f"there is no {workload.title} in namespace {workload.namespace}")
    found = view_of(workload.kind, raw)
    owner = autoscalers.get(workload.title)
    hold, unreadable = _hold(owner)
    return Seen(
        wanted=found.replicas,
        ready=found.ready_replicas if found.is_observed else None,
        minimum=None if owner is None else owner.minimum,
        maximum=None if owner is None else owner.maximum,
        autoscaler="" if owner is None else owner.title,
        hold=hold,
        unknown=unreadable or ("" if found.is_observed else "its controller has not seen its latest change yet"),
    )


def _hold(owner: Autoscaler | None) -> tuple[FloorHold | None, str]:
    try:
        return (None if owner is None else hold_on(owner)), ""
    except SpringtideError as error:
        return None, error.message
