"""Whether a cluster has room for an event: its autoscalers' maximum, quotas, nodes and databases. Pure.

The rules are those of the preflight; here they are asked for the height of the event, all its services together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from springtide.overview.event_facts import EventFacts, ServiceFacts
from springtide.overview.events import Check, Light
from springtide.plan.findings import Finding, FindingStatus, downgraded
from springtide.plan.footprint import Footprint, footprint_between, footprint_of
from springtide.plan.ledger import Share, ledger_findings
from springtide.plan.room import PodsBeside, Reservation, node_finding, quota_findings
from springtide.plan.surroundings import maximum_finding
from springtide.policy.scaling.downstream import Downstream
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import Floor

PeakOf = Callable[[ScalingPolicy], int | None]
"""Returns the most replicas that a service has now; None where nobody can see."""

_LIGHTS: Final = {
    FindingStatus.PASSED: Light.GREEN,
    FindingStatus.WARNING: Light.AMBER,
    FindingStatus.REFUSED: Light.RED,
    FindingStatus.NOT_CHECKED: Light.UNKNOWN,
}
_CLUSTER_CHECKS: Final = "HPA maximum, quota and nodes"


def cluster_checks(facts: EventFacts) -> Iterator[Check]:
    """Yield what the cluster says of each service; where it was not asked, one check says so."""
    unseen = [each for each in facts.services if each.policy is not None and each.look is None]
    for why in sorted({each.unseen for each in unseen}):
        names = ", ".join(each.service for each in unseen if each.unseen == why)
        yield Check(
            name="cluster",
            light=Light.UNKNOWN,
            sentence=f"not checked for {names}: {_CLUSTER_CHECKS}: {why}",
            to_do="Run the check where the cluster can be read.",
        )
    for each in facts.services:
        if each.policy is not None and each.look is not None:
            yield from _seen(facts, each, each.policy)


def _seen(facts: EventFacts, each: ServiceFacts, policy: ScalingPolicy) -> Iterator[Check]:
    look = each.look
    assert look is not None, "whoever asks has looked"
    if look.refusal:
        to_do = "Mend what it names; nothing is scaled before."
        yield Check(name="workload", light=Light.RED, service=each.service, sentence=look.refusal, to_do=to_do)
    elif look.owner:
        yield Check(name="workload", light=Light.UNKNOWN, service=each.service, sentence=look.owner)
        for finding in downgraded([*_autoscaler_findings(facts, each)], policy.spec.preflight.only_warn):
            yield _check(finding, each.service)
    elif facts.order(each.service) is None:
        sentence = f"not checked: {_CLUSTER_CHECKS}: what it asks for is not known"
        yield Check(name="cluster", light=Light.UNKNOWN, service=each.service, sentence=sentence)
    else:
        found = [*_autoscaler_findings(facts, each), *_quota_findings(facts, each), *_node_findings(facts, each)]
        for finding in downgraded(found, policy.spec.preflight.only_warn):
            yield _check(finding, each.service)


def _check(finding: Finding, service: str = "") -> Check:
    name = finding.check.replace("_", " ")
    return Check(name=name, light=_LIGHTS[finding.status], service=service, sentence=finding.message)


def _autoscaler_findings(facts: EventFacts, each: ServiceFacts) -> Iterator[Finding]:
    look = each.look
    assert look is not None
    assert each.policy is not None
    settings = each.policy.spec.strategy
    if not isinstance(settings, Floor) or look.observation is None or look.observation.autoscaler is None:
        return
    autoscaler = look.observation.autoscaler
    wanted = facts.wanted(each.service)
    if wanted is not None:
        yield maximum_finding(autoscaler, min(wanted, each.policy.spec.replicas.max), settings)


def _quota_findings(facts: EventFacts, each: ServiceFacts) -> Iterable[Finding]:
    look = each.look
    assert look is not None
    need = _peak(facts, each)
    if look.quotas is None or need is None:
        message = "the right to read quotas is missing"
        return [Finding(check="quota", status=FindingStatus.NOT_CHECKED, message=message)]
    others = [
        Reservation(f"{other.service} for {facts.occurrence.event}", growth)
        for other in _beside(facts, each)
        if other.look is not None and other.look.namespace == look.namespace
        if (growth := _growth(facts, other)) is not None
    ]
    return quota_findings(look.quotas, need, (*look.reserved, *others), look.unread)


def _node_findings(facts: EventFacts, each: ServiceFacts) -> Iterator[Finding]:
    look = each.look
    assert look is not None
    need = _peak(facts, each)
    if look.nodes is None or need is None or look.stable is None:
        yield Finding(check="nodes", status=FindingStatus.NOT_CHECKED, message="the right to read nodes is missing")
        return
    beside = [
        PodsBeside(growth, other.look.stable.scaled.pod_spec)
        for other in _beside(facts, each)
        if other.look is not None and other.look.stable is not None and (growth := _growth(facts, other)) is not None
    ]
    yield node_finding(look.nodes, need, look.stable.scaled.pod_spec, beside=beside)


def _beside(facts: EventFacts, each: ServiceFacts) -> list[ServiceFacts]:
    """Return the event's other services in the same cluster."""
    assert each.look is not None
    return [
        other
        for other in facts.services
        if other is not each and other.look is not None and other.look.cluster == each.look.cluster
    ]


def _peak(facts: EventFacts, each: ServiceFacts) -> Footprint | None:
    """Return what the last run of a service adds at its peak to what runs now, both sets of it included."""
    order = facts.order(each.service)
    stable = None if each.look is None else each.look.stable
    if order is None or stable is None or each.policy is None:
        return None
    running = stable.scaled.replicas
    last = len(order.steps) - 1
    if last < 0:
        return footprint_of(0, stable.scaled.pod_spec, stable.pods)
    before = max(running, order.before(last))
    need = footprint_between(before, order.steps[last], each.policy.spec.strategy, stable.scaled.pod_spec, stable.pods)
    grown = footprint_of(need.pods + before - running, stable.scaled.pod_spec, stable.pods)
    return Footprint(
        pods=grown.pods,
        requests=grown.requests,
        limits=grown.limits,
        replica_sets=need.replica_sets,
        traits=grown.traits,
    )


def _growth(facts: EventFacts, each: ServiceFacts) -> Footprint | None:
    """Return what a service has more at the height of the event than now."""
    order = facts.order(each.service)
    stable = None if each.look is None else each.look.stable
    if order is None or stable is None:
        return None
    more = max(0, order.standing - stable.scaled.replicas)
    return footprint_of(more, stable.scaled.pod_spec, stable.pods)


def connection_checks(facts: EventFacts, peak_of: PeakOf) -> Iterator[Check]:
    """Yield, for each database that services of the event share, whether it has connections for their height."""
    entries: dict[str, Downstream] = {}
    for each in facts.services:
        for entry in each.policy.spec.downstream if each.policy is not None else ():
            known = entries.get(entry.name)
            entries[entry.name] = entry if known is None or entry.usable < known.usable else known
    for entry in entries.values():
        shares = {entry.name: list(_shares(facts, entry.name, peak_of))}
        limit = min([entry.usable, *(other.usable for other in _named(facts.neighbours, entry.name))])
        for finding in ledger_findings([entry], shares, {entry.name: limit}):
            yield Check(name="connections", light=_LIGHTS[finding.status], sentence=finding.message)


def _shares(facts: EventFacts, name: str, peak_of: PeakOf) -> Iterator[Share]:
    """Yield each service's part: its height where it is of the event, the largest overlap of one of them on top."""
    orders = {order.service: order for order in facts.orders}
    overlap = {
        service: max((order.peak(step) for step in range(len(order.steps))), default=order.standing) - order.standing
        for service, order in orders.items()
    }
    sharing = [
        policy.name
        for policy in facts.neighbours
        if policy.name in overlap and any(entry.name == name for entry in policy.spec.downstream)
    ]
    widest = max(sharing, key=lambda service: overlap[service], default="")
    for policy in facts.neighbours:
        for entry in policy.spec.downstream:
            if entry.name == name:
                order = orders.get(policy.name)
                extra = max(0, overlap[policy.name]) if order is not None and policy.name == widest else 0
                replicas = peak_of(policy) if order is None else order.standing + extra
                yield Share(
                    service=policy.name, replicas=replicas, connections_per_replica=entry.connections_per_replica
                )


def _named(policies: Iterable[ScalingPolicy], name: str) -> Iterator[Downstream]:
    for policy in policies:
        yield from (entry for entry in policy.spec.downstream if entry.name == name)
