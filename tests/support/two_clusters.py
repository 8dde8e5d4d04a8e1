"""Two clusters with a workload of the same name in the same namespace, a policy for each, one store, one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, cast

from springtide.errors import ClusterUnavailable
from springtide.events.calendars import Calendars
from springtide.fleet.ports import FleetPorts
from springtide.kube.client import KubeClient, KubeReader
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.run.ports import Neighbours, Ports
from springtide.sandbox.objects import Json
from support.builders import policy_document
from support.simulation import NAMESPACE, SMOKE, WAITS, Simulation

ALPHA = "alpha"
SECOND = "second"


class Away:
    """A client whose API server does not answer."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ClusterUnavailable(f"{name}: the API server does not answer", code="cluster_unavailable")


@dataclass
class TwoClusters:
    """See the module. The policies are called as their clusters, or as `called` says; those in `away` do not answer."""

    replicas: int = 2
    strategy: str = "blue_green"
    spec: Json = field(default_factory=dict)
    settings: Json = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    called: dict[str, str] = field(default_factory=dict)
    here: dict[str, Simulation] = field(init=False)

    def __post_init__(self) -> None:
        """Make both."""
        store = MemoryStore()
        self.here = {}
        for seed, name in enumerate((ALPHA, SECOND), start=1):
            made = Simulation.of(self.replicas, seed=seed, strategy=self.strategy)
            self.here[name] = Simulation(made.world, store, self._policy(name))

    def _policy(self, cluster: str) -> ScalingPolicy:
        return ScalingPolicy.model_validate(self.document(cluster))

    def document(self, cluster: str) -> Json:
        """Return what stands in the file of the policy of a cluster."""
        target = {"cluster": cluster, "namespace": NAMESPACE, "deployment": "web", "service": "web"}
        strategy = WAITS | {"type": self.strategy} | self.settings
        spec = {"target": target, "strategy": strategy, "smoke": list(SMOKE)} | self.spec
        return policy_document(self.called.get(cluster, cluster), **spec)

    @property
    def policies(self) -> list[ScalingPolicy]:
        """Both policies."""
        return [each.policy for each in self.here.values()]

    def names(self) -> Sequence[str]:
        """Return the services."""
        return sorted(policy.name for policy in self.policies)

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of one."""
        return next(policy for policy in self.policies if policy.name == name)

    def ports(self, cluster: str, agent: str = "springtide") -> Ports:
        """Return the ports of a new process to one of the clusters."""
        ports = self.here[cluster].ports(agent)
        if cluster in self.away:
            ports = replace(ports, kube=cast("KubeClient", Away()))
        neighbours = Neighbours(tuple(self.policies))
        return replace(ports, neighbours=lambda: neighbours, elsewhere=self.elsewhere, policy_of=self.get)

    def elsewhere(self, cluster: str) -> KubeReader:
        """Open another cluster to look at."""
        return self.ports(cluster).kube

    @contextmanager
    def open_cluster(self, policy: ScalingPolicy) -> Iterator[Ports]:
        """Open the cluster of a policy."""
        yield self.ports(policy.spec.target.workload.cluster)

    def fleet(self) -> FleetPorts:
        """Return what a sweep reaches the world through; there is no default cluster."""
        return FleetPorts(
            clock=self.here[ALPHA].world.clock,
            calendars=Calendars,
            policies=self,
            open_ports=_no_default,
            open_store=self._store,
            open_cluster=self.open_cluster,
        )

    @contextmanager
    def _store(self) -> Iterator[Any]:
        yield self.here[ALPHA].store

    def writes(self, cluster: str) -> list[str]:
        """Return the paths that were written in a cluster by anybody through its API."""
        return [call.path for call in self.here[cluster].world.history.calls if call.write]

    def desired(self, cluster: str) -> int:
        """Return the replicas of the workload in a cluster."""
        deployment = self.here[cluster].deployment("web")
        assert deployment is not None
        return int(deployment["spec"]["replicas"])

    def lease(self, cluster: str) -> Json | None:
        """Return the workload's Lease in a cluster."""
        found: Json | None = self.here[cluster].world.get("leases", NAMESPACE, "springtide-web")
        return found


def _no_default() -> NoReturn:
    raise AssertionError("every policy names its cluster")
