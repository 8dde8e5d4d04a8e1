"""What a run reaches the world through, and what somebody asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from springtide.clock import Clock
from springtide.demand.model import DemandSource
from springtide.errors import InputError
from springtide.events.calendars import Calendars
from springtide.kube.client import KubeClient, KubeReader
from springtide.kube.cluster import ClusterIdentity
from springtide.kube.kubeconfig import ClusterAddress
from springtide.kube.object_events import NoObjectEvents, ObjectEvents
from springtide.kube.watched import Watched
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import BlueGreen, Floor, InPlace, RunSettings, StrategyPart
from springtide.record.store import RunStore
from springtide.run.halt import HaltSwitch
from springtide.run.moments import Moments
from springtide.run.nodes import LooksAtNodes, nodes_seen
from springtide.verify.database import Databases, NoDatabases
from springtide.verify.destinations import Ways
from springtide.verify.route import Route
from springtide.verify.smoke import Instant
from springtide.workload import Workload

_TAKEOVER_PREFIX: Final = "reconcile:"


def _say_nothing(_message: str) -> None:
    """Ignore progress: nobody watches."""


def _uncounted() -> int:
    """Return that nobody counts."""
    return 0


def _no_policy(name: str) -> ScalingPolicy:
    raise InputError(f"policy {name!r}: no policies are read here.", code="service_unknown", field="service")


def _nowhere_else(cluster: str) -> KubeReader:
    raise InputError(
        f"cluster {cluster or 'of policies that name none'}: nothing leads to it from here.",
        code="cluster_unreachable",
        field="target.cluster",
    )


_Named = tuple[str, str, str]
"""A cluster, a namespace in it, and the name of an object there."""


def _named_by(policy: ScalingPolicy) -> set[_Named]:
    workload = policy.spec.target.workload
    warm = policy.spec.strategy.warm_nodes
    names = (workload.deployment, workload.service, warm.deployment if warm else None)
    return {(workload.cluster, workload.namespace, name) for name in names if name}


@dataclass(frozen=True)
class Neighbours:
    """The policies beside the one of a run; `unread` are the names of files that cannot be read."""

    policies: tuple[ScalingPolicy, ...] = ()
    unread: tuple[str, ...] = ()

    def near(self, policy: ScalingPolicy) -> list[ScalingPolicy]:
        """Return the others that name, in the same namespace, any object that `policy` names."""
        found = {other.name: other for key in _named_by(policy) for other in self._by_name.get(key, ())}
        return [found[name] for name in sorted(found) if name != policy.name]

    @cached_property
    def _by_name(self) -> dict[_Named, list[ScalingPolicy]]:
        # Asked for each of a thousand services of one look: comparing all with all would be a million times.
        found: dict[_Named, list[ScalingPolicy]] = {}
        for policy in self.policies:
            for key in _named_by(policy):
                found.setdefault(key, []).append(policy)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: the cluster, time, the route to the pods, metrics, and the store of runs.

    `elsewhere` opens the cluster that other policies call by a name, to look at what they share with this one: it
    raises `InputError` where nothing leads there.
    `naming` returns those neighbours in whose files one of some words may stand; None where `neighbours` is asked.
    `nodes` looks at the nodes and at every pod on them.
    `policy_of` returns the policy of a name as it is now, or raises `InputError` or `PolicyError`. `cluster_address`
    says which cluster it is; None where whoever opened it knows it by a connection's name. `halt` is the switch that
    stops all writes; `calendars` returns those whose freezes count, or raises `PolicyError`. `reads` counts the reads
    that this thread has sent to the cluster; it never goes down.
    `moments` keeps what runs see and write, for whoever looks at them.
    `installation` names the Airflow that these are of, "" where it is none: a run is ended only by its own.
    `object_events` tells on the workload what a run did; it never stands in a run's way.
    `watched` is what watches of the cluster show, by which a wait knows when a look is worth it; None: it just looks.
    """

    kube: KubeClient
    clock: Clock
    route: Route
    store: RunStore
    demand: Callable[[ScalingPolicy], DemandSource | None]
    instant: Instant | None = None
    on_wait: Callable[[str], None] = _say_nothing
    neighbours: Callable[[], Neighbours] = Neighbours
    naming: Callable[[Collection[str]], Neighbours] | None = None
    nodes: LooksAtNodes = nodes_seen
    elsewhere: Callable[[str], KubeReader] = _nowhere_else
    policy_of: Callable[[str], ScalingPolicy] = _no_policy
    databases: Databases = field(default_factory=NoDatabases)
    cluster_address: ClusterAddress | None = None
    installation: str = ""
    reads: Callable[[], int] = _uncounted
    halt: HaltSwitch = field(default_factory=HaltSwitch)
    calendars: Callable[[], Calendars] = Calendars
    object_events: ObjectEvents = field(default_factory=NoObjectEvents)
    moments: Moments = field(default_factory=Moments)
    watched: Watched | None = None

    def neighbours_that_name(self, words: Collection[str]) -> Neighbours:
        """Return the neighbours that may name any of `words`, and perhaps others."""
        return self.neighbours() if self.naming is None else self.naming(words)

    def require_running(self, namespace: str, what: str) -> None:
        """Return when nobody has halted the writes in `namespace`; `what` begins the message.

        Raises:
            Halted: somebody has.
            ClusterUnavailable, ClusterRefused: the switch cannot be read.
        """
        self.halt.require_running(self.kube, self.clock, namespace, what)

    def ways_to(self, workload: Workload) -> Ways:
        """Return the ways that requests to the workload's Service and pods may go."""
        return Ways(route=self.route, proxy=self.kube, namespace=workload.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What somebody asked for: this policy now; `replicas` None means that the capacity models decide.

    `is_release` restores a raised minimum, whatever it was raised to; `until` is when the floor expires, if not when
    the policy says; `approved` is the fingerprint of the plan that a person approved. `advised` is what advice of
    before would have left: the plan counts from it, and not from what runs; None where it does not. `override` says who
    lifts a freeze for it and why, "" where nobody does; `is_freeze_known` that whoever started it looked for freezes.
    `is_queued`: where another run owns the workload it waits for its turn. `event` is the id of the occurrence that a
    preparation makes it for: nobody else may say so.
    """

    run_id: str
    policy: ScalingPolicy
    replicas: int | None
    strategy: str | None
    requested_by: str
    reason: str
    trigger: str = "manual"
    dry_run: bool = False
    is_release: bool = False
    until: datetime | None = None
    approved: str = ""
    advised: int | None = None
    override: str = ""
    is_freeze_known: bool = False
    is_queued: bool = False
    event: str = ""

    @property
    def settings(self) -> RunSettings:
        """The strategy: the policy's own, or the one asked for with the policy's waits.

        Raises:
            InputError: there is no such strategy.
        """
        settings = self.policy.spec.strategy
        if self.strategy in (None, "", settings.type):
            return settings
        kinds: dict[str, type[RunSettings]] = {"blue_green": BlueGreen, "in_place": InPlace, "floor": Floor}
        if self.strategy not in kinds:
            raise InputError(
                f"unknown strategy {self.strategy!r}; allowed: {', '.join(kinds)}.",
                code="name_invalid",
                field="strategy",
            )
        shared = {name: getattr(settings, name) for name in StrategyPart.model_fields}
        return kinds[self.strategy](**shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """Names a run in the cluster: all that its later phases need, for its Lease holds the rest.

    `is_takeover` is True where `reconcile` works in the place of an owner that is gone. `cluster` is where the run was
    planned, None where only the Lease tells.
    """

    workload: Workload
    run_id: str
    attempt: int = 1
    is_takeover: bool = False
    cluster: ClusterIdentity | None = None

    @property
    def holder(self) -> str:
        """What the Lease must name as its holder: another than the owner that is gone, so that it cannot come back."""
        return f"{_TAKEOVER_PREFIX}{self.run_id}" if self.is_takeover else self.run_id

    @classmethod
    def of_plan(cls, plan: ScalingPlan, run_id: str, attempt: int = 1) -> RunRef:
        """Return the reference to the run that carries `plan` out."""
        return cls(workload=plan.target, run_id=run_id, attempt=attempt, cluster=plan.cluster)

    @classmethod
    def of_holder(cls, workload: Workload, holder: str) -> RunRef:
        """Return the reference to the run that holds the Lease of `workload`, be it in its owner's place or not."""
        is_takeover = holder.startswith(_TAKEOVER_PREFIX)
        return cls(workload=workload, run_id=holder.removeprefix(_TAKEOVER_PREFIX), is_takeover=is_takeover)
