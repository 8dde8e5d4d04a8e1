"""Looks around a workload before anything is written, and hands what it sees to the pure checks of `plan`.

All checks are made, whatever the first one finds. A read that the cluster refuses makes its check `not_checked`: what
RBAC does not let us see is no failure. An API server that does not answer is one, and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from springtide import labels
from springtide.errors import ClusterRefused, NotFound
from springtide.kube.objects import Deployment, Kind, Pod
from springtide.kube.scene import PodSet, Scene
from springtide.plan.findings import Finding, FindingStatus, softened
from springtide.plan.footprint import Footprint, footprint
from springtide.plan.ledger import Share, ledger_findings
from springtide.plan.model import ScalingPlan
from springtide.plan.rights import rights_finding, rights_of
from springtide.plan.room import node_finding, quota_findings
from springtide.plan.surroundings import budget_findings, gitops_findings, image_findings, maximum_finding
from springtide.policy.model import Downstream, Floor, ScalingPolicy, Settings
from springtide.run.lease import read_lease
from springtide.run.ports import Ports
from springtide.run.verifying import database_findings


@dataclass(frozen=True, slots=True)
class Preflight:
    """One look around: the plan and the workload that it is for."""

    ports: Ports
    policy: ScalingPolicy
    settings: Settings
    plan: ScalingPlan
    scene: Scene
    stable: PodSet

    def findings(self) -> tuple[Finding, ...]:
        """Return what every check found, in a fixed order, softened as the policy asks."""
        checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
            ("quota", self._quota),
            ("nodes", self._nodes),
            ("disruption_budget", self._budgets),
            ("autoscaler_maximum", self._maximum),
            ("image", lambda: image_findings(self.stable)),
            ("rights", self._rights),
            ("gitops", lambda: gitops_findings(self.scene, self.stable, self.settings)),
            ("downstream", self._downstream),
            ("database", lambda: database_findings(self.ports, self.policy.spec.databases)),
        ]
        found = [finding for check, look in checks for finding in _seen(check, look)]
        fewer = () if self._need.pods else ("downstream",)  # a run that adds no pod takes no connection
        return softened(found, (*self.policy.spec.preflight.only_warn, *fewer))

    @property
    def _need(self) -> Footprint:
        deployment = self.stable.deployment
        return footprint(self.plan, self.settings, running=deployment.replicas, pod_spec=deployment.pod_spec)

    def _quota(self) -> Iterable[Finding]:
        return quota_findings(self.ports.kube.list(Kind.RESOURCE_QUOTA, self.plan.target.namespace), self._need)

    def _nodes(self) -> Iterator[Finding]:
        nodes = self.ports.kube.list(Kind.NODE, "")
        pods = [Pod(raw) for raw in self.ports.kube.list(Kind.POD, "")]
        yield node_finding(nodes, pods, self._need, self.stable.deployment.pod_spec)

    def _budgets(self) -> Iterable[Finding]:
        budgets = self.ports.kube.list(Kind.DISRUPTION_BUDGET, self.plan.target.namespace)
        return budget_findings(budgets, self.stable.deployment, self.plan.replicas)

    def _maximum(self) -> Iterator[Finding]:
        if isinstance(self.settings, Floor) and self.scene.autoscaler is not None:
            yield maximum_finding(self.scene.autoscaler, self.plan, self.settings)

    def _rights(self) -> Iterator[Finding]:
        found, namespace = self.scene.autoscaler, self.plan.target.namespace
        through = None if found is None else (found.kind, found.name)
        needed = rights_of(self.plan.target, self.settings.type, through)
        missing = [right for right in needed if not self.ports.kube.may(right, namespace)]
        yield rights_finding(needed, missing, namespace)

    def _downstream(self) -> Iterable[Finding]:
        own = self.policy.spec.downstream
        if not own:
            return ledger_findings(own, {}, {})
        others = self.ports.neighbours()
        shares = {entry.name: [self._own_share(entry)] for entry in own}
        limits = {entry.name: entry.usable for entry in own}
        for policy in others.policies:
            for entry in policy.spec.downstream if policy.name != self.policy.name else ():
                if entry.name in shares:
                    share = Share(policy.name, _most_replicas(self.ports, policy), entry.connections_per_replica)
                    shares[entry.name].append(share)
                    limits[entry.name] = min(limits[entry.name], entry.usable)
        for entry in own:  # whether a file that cannot be read names it, nobody knows
            shares[entry.name] += [Share(name, None, entry.connections_per_replica) for name in others.unread]
        return ledger_findings(own, shares, limits)

    def _own_share(self, entry: Downstream) -> Share:
        replicas = self.stable.deployment.replicas + self._need.pods
        return Share(self.policy.name, replicas, entry.connections_per_replica)


def _most_replicas(ports: Ports, policy: ScalingPolicy) -> int | None:
    """Return the most replicas that another service has now or in the run that owns it; None when nobody may see."""
    target = policy.spec.target
    try:
        standing = sum(_replicas(ports, target.namespace, name) for name in labels.set_names(target.deployment))
        lease = read_lease(ports.kube, target.namespace, target.deployment)
    except ClusterRefused:
        return None
    if lease is None or not lease.holder or lease.state is None:
        return standing
    plan = lease.state.plan
    together = plan.current + max(plan.current, plan.replicas) if plan.strategy == "blue_green" else plan.replicas
    return max(standing, together)


def _replicas(ports: Ports, namespace: str, name: str) -> int:
    try:
        return Deployment(ports.kube.get(Kind.DEPLOYMENT, namespace, name)).replicas
    except NotFound:
        return 0


def _seen(check: str, look: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    try:
        return tuple(look())
    except (ClusterRefused, NotFound) as error:
        return (Finding(check, FindingStatus.NOT_CHECKED, error.message),)
