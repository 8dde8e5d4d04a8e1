"""Looks around a workload before anything is written, and hands what it sees to the pure checks of `plan`.

All checks are made, whatever the first one finds. A read that the cluster refuses makes its check `not_checked`: what
RBAC does not let us see is not a failure. An API server that does not answer is one, and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from springtide.errors import ClusterRefused, ClusterUnavailable, InputError, NotFound
from springtide.kube.autoscaler import Autoscaler, find
from springtide.kube.client import KubeReader, Right, selector_text
from springtide.kube.objects import Deployment, Kind, Pod
from springtide.kube.observation import Observation, PodSet, selected_pods
from springtide.plan.advising import advice_findings, as_advice
from springtide.plan.deadlines import deadline_findings
from springtide.plan.findings import Finding, FindingStatus, downgraded, require_passed
from springtide.plan.footprint import Footprint, footprint
from springtide.plan.grace import grace_findings
from springtide.plan.ledger import Share, ledger_findings
from springtide.plan.locality import closed_node_findings, locality_findings
from springtide.plan.model import ScalingPlan
from springtide.plan.rights import (
    placeholder_rights,
    preflight_rights_of,
    proxy_rights,
    rights_finding,
    rights_of,
    unknown_namespace_finding,
    unseen_finding,
)
from springtide.plan.room import Reservation, node_finding, quota_findings
from springtide.plan.server import server_finding
from springtide.plan.surroundings import budget_findings, gitops_findings, image_findings, maximum_finding
from springtide.plan.told import workload_findings
from springtide.plan.warming import Placeholders, warming_findings
from springtide.policy.scaling.downstream import Downstream
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import Floor, RunSettings
from springtide.run.gates import database_findings
from springtide.run.lease import Lease
from springtide.run.others import others_findings
from springtide.run.ports import Ports
from springtide.run.reservations import PATIENCE_SECONDS, peak_replicas, pending_runs, reserved_by_others
from springtide.run.smoke_rehearsal import smoke_findings
from springtide.run.trial import admission_findings
from springtide.strategy.trial import placeholder_trials, trial_writes
from springtide.verify.smoke import checks_after_switch, checks_before_switch
from springtide.workload import DEFAULT_CLUSTER, in_cluster


def require_room(preflight: Preflight, mine: Lease) -> None:
    """Return when there is room for the run of `mine` beside every run in flight, now that each of them can see it.

    A run that took its Lease later and has not begun is waited for: it gives way.

    Raises:
        InputError: there is not; the message names the runs that take it.
    """
    ports = preflight.ports
    # Two runs that exclude each other both see no room. The one with the later Lease is refused, and frees what it
    # reserved; the earlier one only has to outwait that, or both would be refused.
    end = ports.clock.monotonic() + PATIENCE_SECONDS
    while True:
        findings = preflight.shared_findings()
        refused = [finding for finding in findings if finding.status is FindingStatus.REFUSED]
        if not refused or ports.clock.monotonic() >= end or not preflight.has_pending_run(mine):
            return require_passed(findings)
        ports.on_wait(f"waiting for another run to give way: {refused[0].message}")
        ports.clock.sleep(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """One look around: the plan and the workload that it is for."""

    ports: Ports
    policy: ScalingPolicy
    settings: RunSettings
    plan: ScalingPlan
    observation: Observation
    stable: PodSet

    def findings(self) -> tuple[Finding, ...]:
        """Return what every check found, in a fixed order, downgraded as the policy asks."""
        checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
            ("quota", self._quota),
            ("nodes", self._nodes),
            ("warm_nodes", self._warm_nodes),
            ("disruption_budget", self._budgets),
            ("autoscaler_maximum", self._maximum),
            ("image", lambda: image_findings(self.stable)),
            ("grace", self._grace),
            ("deadlines", self._deadlines),
            ("workload", self._workload),
            ("rights", self._rights),
            ("owner", self._owner),
            ("server_version", self._server_version),
            ("gitops", lambda: gitops_findings(self.observation, self.stable, self.settings)),
            ("downstream", self._downstream),
            ("database", lambda: database_findings(self.ports, self.policy.spec.databases)),
            ("smoke", self._smoke),
            ("cluster", self._cluster),
            ("admission", self._admission),
            ("traffic_policy", self._traffic_policy),
        ]
        if self.policy.spec.advises:  # the two that write, if only for show
            checks = [each for each in checks if each[0] not in {"rights", "admission"}]
            checks.append(("autoscaler", self._advice))
        found = self._downgraded(finding for check, look in checks for finding in _look_by(check, look))
        return as_advice(found) if self.policy.spec.advises else found

    def shared_findings(self) -> tuple[Finding, ...]:
        """Return what the checks find in which two runs can get into each other's way."""
        checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
            ("quota", self._quota),
            ("downstream", self._downstream),
        ]
        return self._downgraded(finding for check, look in checks for finding in _look_by(check, look))

    def has_pending_run(self, mine: Lease) -> bool:
        """Say whether a run that shares something with this one took its Lease after `mine` and has not begun."""
        shared = {entry.name for entry in self.policy.spec.downstream}
        others = self.ports.neighbours().policies
        sharing = [policy for policy in others if shared & {entry.name for entry in policy.spec.downstream}]
        here = self.plan.target.cluster
        namespaces = {here: {self.plan.target.namespace}}
        for policy in sharing:
            target = policy.spec.target
            namespaces.setdefault(target.cluster or DEFAULT_CLUSTER, set()).add(target.namespace)
        return any(self._is_pending_in(cluster, sorted(names), mine) for cluster, names in namespaces.items())

    def _is_pending_in(self, cluster: str, namespaces: Iterable[str], mine: Lease) -> bool:
        if cluster == self.plan.target.cluster:
            return any(True for _ in pending_runs(self.ports.kube, namespaces, mine))
        try:
            return any(True for _ in pending_runs(self.ports.elsewhere(cluster), namespaces, mine))
        except (ClusterRefused, ClusterUnavailable, InputError):
            return False  # who cannot be seen is not waited for

    def _downgraded(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        fewer = () if self._need.pods else ("downstream",)  # a run that adds no pod takes no connection
        # Nodes that are to come are not there yet.
        warmed = ("nodes",) if self.settings.warm_nodes is not None else ()
        return downgraded(findings, (*self.policy.spec.preflight.only_warn, *fewer, *warmed))

    @property
    def _need(self) -> Footprint:
        scaled = self.stable.scaled
        live = self.stable.pods
        return footprint(self.plan, self.settings, running=scaled.replicas, pod_spec=scaled.pod_spec, live=live)

    def _quota(self) -> Iterable[Finding]:
        namespace = self.plan.target.namespace
        quotas = self.ports.kube.list(Kind.RESOURCE_QUOTA, namespace)
        reserved, unread = reserved_by_others(self.ports.kube, self.plan.target) if quotas else ((), ())
        if quotas and self._raised is not None:  # they stand until the run's own pods have taken their room
            reserved = (*reserved, Reservation("", self._found(self._raised).footprint(self._need.pods)))
        return quota_findings(quotas, self._need, reserved, unread)

    def _warm_nodes(self) -> Iterable[Finding]:
        warm = self.settings.warm_nodes
        if warm is None:
            return ()
        deployment = self.observation.placeholders
        found = None if deployment is None else self._found(deployment)
        return warming_findings(warm, found, self._need, stable=self.stable, service=self.observation.service)

    @property
    def _raised(self) -> Deployment | None:
        """The placeholders that the run raises before it adds pods."""
        return self.observation.placeholders if self.settings.warm_nodes is not None and self._need.pods else None

    def _found(self, deployment: Deployment) -> Placeholders:
        namespace = self.plan.target.namespace
        hpas = [Autoscaler(raw, Kind.AUTOSCALER) for raw in self.ports.kube.list(Kind.AUTOSCALER, namespace)]
        mine = [each for each in hpas if each.target == deployment.title]
        selector = selector_text(deployment.match_labels)
        pods = [Pod(raw) for raw in self.ports.kube.list(Kind.POD, namespace, selector=selector)] if selector else []
        return Placeholders(deployment=deployment, pods=pods, autoscalers=mine)

    def _nodes(self) -> Iterator[Finding]:
        seen = self.ports.nodes(self.ports.kube)
        yield node_finding(seen, self._need, self.stable.scaled.pod_spec)
        yield from closed_node_findings(self.observation.service, self.stable, seen.nodes, self.settings)

    def _budgets(self) -> Iterable[Finding]:
        budgets = self.ports.kube.list(Kind.DISRUPTION_BUDGET, self.plan.target.namespace)
        return budget_findings(budgets, self.stable.scaled, self.plan.replicas)

    def _maximum(self) -> Iterator[Finding]:
        if isinstance(self.settings, Floor) and self.observation.autoscaler is not None:
            yield maximum_finding(self.observation.autoscaler, self.plan.replicas, self.settings)

    def _grace(self) -> Iterable[Finding]:
        is_chosen = "drain" in self.policy.spec.strategy.model_fields_set
        pod_spec = self.stable.scaled.pod_spec
        return grace_findings(pod_spec, self.plan, self.settings, is_drain_chosen=is_chosen)

    def _deadlines(self) -> Iterable[Finding]:
        spec = self.policy.spec
        return deadline_findings(
            self.stable.scaled,
            self.plan,
            self.settings,
            window=spec.stability.window if spec.stability else timedelta(0),
            is_drain_chosen="drain" in spec.strategy.model_fields_set,
        )

    def _rights(self) -> Iterator[Finding]:
        autoscaler = self.observation.autoscaler
        namespace = self.plan.target.namespace
        through = None if autoscaler is None else (autoscaler.kind, autoscaler.name)
        needed = (*rights_of(self.plan.target, self.settings.type, through), *self._smoke_rights())
        warm = self.settings.warm_nodes
        needed += placeholder_rights(warm.deployment) if warm is not None else ()
        kube = self.ports.kube
        yield rights_finding(needed, [right for right in needed if not kube.may(right, namespace)], namespace)
        unseen = [right for right in preflight_rights_of(self.settings.type) if not kube.may(right, namespace)]
        if unseen:
            yield unseen_finding(unseen, namespace)

    def _workload(self) -> Iterable[Finding]:
        service = self.observation.service
        selected: Sequence[Pod] = ()
        if self.settings.type != "blue_green":
            selected = selected_pods(self.ports.kube, self.observation, self.plan.target.namespace)
        return workload_findings(self.stable, self.plan, service, selected)

    def _owner(self) -> Iterable[Finding]:
        return others_findings(self.ports.kube, self.plan.target, self.stable.scaled, self._through)

    @property
    def _through(self) -> Autoscaler | None:
        """The autoscaler that the run goes through."""
        return self.observation.autoscaler if isinstance(self.settings, Floor) else None

    def _traffic_policy(self) -> Iterable[Finding]:
        return locality_findings(self.observation.service, self.stable, self.plan, self.settings)

    def _advice(self) -> Iterable[Finding]:
        autoscalers = find(self.ports.kube, self.plan.target)
        return advice_findings(autoscalers, is_floor=isinstance(self.settings, Floor))

    def _admission(self) -> Iterable[Finding]:
        writes = trial_writes(self.observation, self.stable, self.settings, self.plan.replicas)
        if self._raised is not None:
            writes += placeholder_trials(self._raised, self._need.pods)
        return admission_findings(self.ports.kube, self.plan.target.namespace, self.stable.scaled, writes)

    def _server_version(self) -> Iterator[Finding]:
        if self.settings.type == "blue_green":
            yield server_finding(self.ports.kube.server_version())

    def _cluster(self) -> Iterator[Finding]:
        cluster = self.plan.cluster
        if cluster is not None and cluster.namespace is None:
            yield unknown_namespace_finding(self.plan.target)

    def _smoke_rights(self) -> tuple[Right, ...]:
        """Return what the smoke checks need: nothing where they all go to the Service's own address."""
        smoke = self.policy.spec.smoke
        through = [check.http for check in checks_after_switch(smoke, self.settings) if check.http is not None]
        return proxy_rights(
            pods=bool(checks_before_switch(smoke, self.settings)),
            services=any(check.via == "api_server" for check in through),
        )

    def _smoke(self) -> Iterator[Finding]:
        return smoke_findings(
            self.ports,
            self.policy.spec.smoke,
            self.settings,
            target=self.plan.target,
            stable=self.stable,
            observation=self.observation,
        )

    def _downstream(self) -> Iterable[Finding]:
        own = self.policy.spec.downstream
        if not own:
            return ledger_findings(own, {}, {})
        others = self.ports.neighbours()
        shares = {entry.name: [self._own_share(entry)] for entry in own}
        limits = {entry.name: entry.usable for entry in own}
        peaks = _Peaks(self.ports, here=self.plan.target.cluster)
        for policy in others.policies:
            for entry in policy.spec.downstream if policy.name != self.policy.name else ():
                if entry.name in shares:
                    replicas, run = peaks.of(policy)
                    shares[entry.name].append(
                        Share(
                            service=peaks.called(policy),
                            replicas=replicas,
                            connections_per_replica=entry.connections_per_replica,
                            run=run,
                        )
                    )
                    limits[entry.name] = min(limits[entry.name], entry.usable)
        for entry in own:  # whether a file that cannot be read names it, nobody knows
            shares[entry.name] += [
                Share(service=name, replicas=None, connections_per_replica=entry.connections_per_replica)
                for name in others.unread
            ]
        return ledger_findings(own, shares, limits)

    def _own_share(self, entry: Downstream) -> Share:
        replicas = self.stable.scaled.replicas + self._need.pods
        return Share(service=self.policy.name, replicas=replicas, connections_per_replica=entry.connections_per_replica)


class _Peaks:
    """What other services take of what they share with a run: a database knows no clusters.

    A cluster that does not answer makes what its services take unknown, and is asked once.
    """

    def __init__(self, ports: Ports, *, here: str) -> None:
        self._ports = ports
        self._here = here
        self._readers: dict[str, KubeReader] = {}
        self._away: set[str] = set()

    def of(self, policy: ScalingPolicy) -> tuple[int | None, str]:
        """Return the most replicas that a service has, and the run in flight: see `peak_replicas`."""
        cluster = policy.spec.target.workload.cluster
        if cluster == self._here:
            return peak_replicas(self._ports.kube, policy)
        if cluster in self._away:
            return None, ""
        try:
            if cluster not in self._readers:
                self._readers[cluster] = self._ports.elsewhere(cluster)
            return peak_replicas(self._readers[cluster], policy)
        except (ClusterUnavailable, InputError):
            self._away.add(cluster)
            return None, ""

    def called(self, policy: ScalingPolicy) -> str:
        """Return how people know the service: with its cluster where that is another."""
        cluster = policy.spec.target.workload.cluster
        return policy.name if cluster == self._here else in_cluster(policy.name, cluster)


def _look_by(check: str, look: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    try:
        return tuple(look())
    except (ClusterRefused, NotFound) as error:
        return (Finding(check=check, status=FindingStatus.NOT_CHECKED, message=error.message),)
