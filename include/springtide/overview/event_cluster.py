"""One look at the cluster for an event's service: what runs, what its demand asks for, and what room there is.

Writes nothing, and sends nothing to what serves customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from springtide.errors import (
    ClusterRefused,
    DemandUnavailable,
    DemandUnusable,
    Fenced,
    InputError,
    NotFound,
    SpringtideError,
)
from springtide.kube.autoscaler import find
from springtide.kube.objects import Json, Kind
from springtide.kube.observation import Observation, PodSet
from springtide.overview.event_surroundings import OpenPortsOf
from springtide.plan.room import NodesSeen, Reservation
from springtide.plan.startup import startup_allowed
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.admission import admit, current_number, observe_workload
from springtide.run.estimation import EstimateInputs, estimate_for
from springtide.run.lease import read_lease
from springtide.run.nodes import nodes_seen
from springtide.run.ports import Ports, RunRequest
from springtide.run.reservations import peak_replicas, reserved_by_others

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLook:
    """What was found. `refusal` says why the workload may not be scaled, and `owner` which run scales it now.

    No number of replicas is known then; an owned one's autoscaler is. A list is None where it may not be read.
    `expected` is what demand needs, None where that is not known.
    """

    cluster: str
    namespace: str
    current: int | None = None
    running: int | None = None
    ready: int | None = None
    observation: Observation | None = None
    stable: PodSet | None = None
    expected: int | None = None
    unknown: str = ""
    refusal: str = ""
    owner: str = ""
    quotas: Sequence[Json] | None = None
    reserved: tuple[Reservation, ...] = ()
    unread: tuple[str, ...] = ()
    nodes: NodesSeen | None = None


@dataclass(slots=True, kw_only=True)
class EventLooks:
    """Looks at services, each once; the nodes of a cluster are read once for all of them."""

    ports_of: OpenPortsOf | None
    _nodes: dict[str, NodesSeen | None] = field(default_factory=dict)
    _looks: dict[str, tuple[ClusterLook | None, str]] = field(default_factory=dict)
    _peaks: dict[str, int | None] = field(default_factory=dict)

    def of(self, policy: ScalingPolicy) -> tuple[ClusterLook | None, str]:
        """Return what was found of a service; None, and why, where its cluster could not be looked at."""
        if policy.name not in self._looks:
            self._looks[policy.name] = self._look(policy)
        return self._looks[policy.name]

    def peak(self, policy: ScalingPolicy) -> int | None:
        """Return the most replicas that a service has now, or in the run that owns it; None where nobody can see."""
        if policy.name not in self._peaks:
            self._peaks[policy.name] = self._peak(policy)
        return self._peaks[policy.name]

    def _peak(self, policy: ScalingPolicy) -> int | None:
        if self.ports_of is None:
            return None
        try:
            with self.ports_of(policy) as ports:
                return peak_replicas(ports.kube, policy)[0]
        except SpringtideError:
            return None

    def _look(self, policy: ScalingPolicy) -> tuple[ClusterLook | None, str]:
        if self.ports_of is None:
            return None, "no cluster was asked"
        try:
            with self.ports_of(policy) as ports:
                cluster = policy.spec.target.workload.cluster
                if cluster not in self._nodes:
                    self._nodes[cluster] = _listed(partial(nodes_seen, ports.kube))
                return _looked(ports, policy, self._nodes[cluster]), ""
        except SpringtideError as error:
            return None, error.message


def _looked(ports: Ports, policy: ScalingPolicy, nodes: NodesSeen | None) -> ClusterLook:
    workload = policy.spec.target.workload
    request = RunRequest(
        run_id="event-check",
        policy=policy,
        replicas=None,
        strategy=None,
        requested_by="springtide",
        reason="event check",
        dry_run=True,
    )
    found = ClusterLook(cluster=workload.cluster, namespace=workload.namespace)
    try:
        observation, stable = admit(ports, request)
    except Fenced:
        return replace(found, owner=_owner(ports, policy), observation=_owned(ports, policy))
    except InputError as error:
        return replace(found, refusal=error.message)
    quotas = _listed(lambda: ports.kube.list(Kind.RESOURCE_QUOTA, workload.namespace))
    reserved, unread = reserved_by_others(ports.kube, workload) if quotas else ((), ())
    expected, unknown = _expected(ports, policy, stable)
    current = current_number(observation, stable, policy.spec.strategy.type)
    return replace(
        found,
        current=current,
        running=max(current, stable.scaled.replicas),
        ready=len(observation.ready_endpoints(stable)),
        observation=observation,
        stable=stable,
        expected=expected,
        unknown=unknown,
        quotas=quotas,
        reserved=reserved,
        unread=unread,
        nodes=nodes,
    )


def _owner(ports: Ports, policy: ScalingPolicy) -> str:
    """Return which run has the workload, since when, and when it is looked at again."""
    lease = read_lease(ports.kube, policy.spec.target.workload)
    if lease is None or not lease.holder:
        return f"a run of {policy.name} has just ended: look again"
    since = "" if lease.acquired_at is None else f" (since {lease.acquired_at:%Y-%m-%d %H:%M} UTC)"
    return f"run {lease.holder} scales {policy.name} now{since}: looked at again when it has ended"


def _owned(ports: Ports, policy: ScalingPolicy) -> Observation | None:
    """Return what may be read of a workload while a run scales it: its autoscaler's bounds, which no run moves far."""
    if policy.spec.strategy.type != "floor":
        return None
    workload = policy.spec.target.workload
    autoscalers = find(ports.kube, workload)
    return replace(observe_workload(ports, workload), autoscaler=autoscalers[0] if autoscalers else None)


def _expected(ports: Ports, policy: ScalingPolicy, stable: PodSet) -> tuple[int | None, str]:
    """Return what demand most likely needs, within the policy's bounds; None, and why, where nobody knows."""
    try:
        estimate = estimate_for(
            policy,
            ports.demand(policy),
            ports.store,
            now=ports.clock.now(),
            current=stable.scaled.replicas,
            inputs=EstimateInputs(ports.instant, startup_allowed(stable.scaled)),
        )
    except (DemandUnavailable, DemandUnusable, InputError) as error:
        return None, error.message
    if estimate.hold is not None:
        return None, estimate.hold
    spec = policy.spec.replicas
    return min(max(estimate.expected, spec.min), spec.max), ""


def _listed(read: Callable[[], Seen]) -> Seen | None:
    """Return what is there; None where it may not be read."""
    try:
        return read()
    except (ClusterRefused, NotFound):
        return None
