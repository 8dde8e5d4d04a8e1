"""Is there room: in the namespace's quotas, and on the nodes. Pure.

What runs in flight have not taken yet counts as taken: the quota's own `used` knows nothing of it, and two runs that
each fit alone would both be admitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from springtide.kube.objects import Json, KubeObject, Pod
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.footprint import Amounts, Footprint, formatted, pod_amounts
from springtide.plan.quota_scopes import counts
from springtide.quantities import parse_quantity

_PLAIN: Final = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}
_BLOCKING: Final = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a run in flight has not taken yet of what its peak needs; with "" for `run`, this one's placeholders."""

    run: str
    need: Footprint

    @property
    def title(self) -> str:
        """For whom it is, as people write it."""
        return f"run {self.run!r}" if self.run else "the placeholders of this run"


def quota_findings(
    quotas: Sequence[Json], need: Footprint, reserved: Sequence[Reservation] = (), unread: Sequence[str] = ()
) -> Iterator[Finding]:
    """Yield one finding per quota: what the run needs at its peak, beside what is free and not `reserved` to others.

    `unread` names the Leases of runs of which nobody can say what they still take.
    """
    if not quotas:
        yield Finding(check="quota", status=FindingStatus.PASSED, message="the namespace has no quota")
    needed = _needed(need)
    for quota in quotas:
        name = quota["metadata"]["name"]
        spec = quota["spec"]
        counted = counts(spec, need.traits)
        if counted is None:
            message = f"ResourceQuota {name} counts pods by a scope that is not known here"
            yield Finding(check="quota", status=FindingStatus.NOT_CHECKED, message=message)
        elif not counted:
            message = f"ResourceQuota {name} counts pods of its scopes only, and not these"
            yield Finding(check="quota", status=FindingStatus.PASSED, message=message)
        else:
            used = quota.get("status", {}).get("used") or {}
            # Where it is not known whether another run's pods are of its scopes, they are.
            shared = [each for each in reserved if counts(spec, each.need.traits) is not False]
            yield _quota_finding(name, spec.get("hard") or {}, used, needed, shared)
    if quotas and unread:
        message = f"what the runs of {', '.join(unread)} still take is not known: another springtide stored them"
        yield Finding(check="quota", status=FindingStatus.NOT_CHECKED, message=message)


def _needed(need: Footprint) -> Amounts:
    amounts = {"pods": Decimal(need.pods), "count/replicasets.apps": Decimal(need.replica_sets)}
    amounts |= {f"requests.{name}": amount * need.pods for name, amount in need.requests.items()}
    return amounts | {f"limits.{name}": amount * need.pods for name, amount in need.limits.items()}


def _quota_finding(name: str, hard: Json, used: Json, needed: Amounts, reserved: Sequence[Reservation]) -> Finding:
    short: list[str] = []
    amounts: list[str] = []
    for resource, limit in sorted(hard.items()):
        key = _PLAIN.get(resource, resource)
        amount = needed.get(key, Decimal(0))
        taken = {other.title: part for other in reserved if (part := _needed(other.need).get(key))}
        free = parse_quantity(str(limit)) - parse_quantity(str(used.get(resource, "0"))) - sum(taken.values())
        message = f"{resource} needs {formatted(resource, amount)}, {formatted(resource, free)} of {limit} free"
        message += "".join(f", {formatted(resource, part)} kept for {whose}" for whose, part in taken.items())
        amounts.append(message)
        if amount and amount > free:
            short.append(message)
    if not short:
        return Finding(
            check="quota", status=FindingStatus.PASSED, message=f"ResourceQuota {name}: {'; '.join(amounts)}"
        )
    message = (
        f"ResourceQuota {name}: {'; '.join(short)}. Raise the quota, or scale with less overlap "
        "(overlap: batched, in_place)."
    )
    return Finding(check="quota", status=FindingStatus.REFUSED, message=message, code="quota_short")


@dataclass(frozen=True)
class NodesSeen:
    """The nodes of a cluster and every pod on them, as one list of each showed them."""

    nodes: Sequence[Json]
    pods: Sequence[Pod] = ()

    @cached_property
    def taken(self) -> Mapping[str, Sequence[Amounts]]:
        """What each pod that has not finished requests, by its node: thousands of amounts, parsed once."""
        taken: dict[str, list[Amounts]] = {}
        for pod in self.pods:
            if pod.node and not pod.is_finished:
                taken.setdefault(pod.node, []).append(pod_amounts(pod.raw["spec"], "requests"))
        return taken


@dataclass(frozen=True, slots=True)
class PodsBeside:
    """Pods of another service that are to come as well, of the template `pod_spec`."""

    need: Footprint
    pod_spec: Json


def node_finding(seen: NodesSeen, need: Footprint, pod_spec: Json, *, beside: Sequence[PodsBeside] = ()) -> Finding:
    """Return whether the nodes hold so many pods more: on each node what is free of what a pod requests.

    What stands `beside` them takes its place first.
    """
    nodes = seen.nodes
    taken = dict(seen.taken)
    for other in beside:
        _place(other, nodes, taken)
    # Node by node, for a pod does not spread: room for half a pod on each of two nodes is room for none.
    open_nodes = [node for node in nodes if admits(node, pod_spec)]
    fits = sum(_fits(node, taken.get(node["metadata"]["name"], []), need) for node in open_nodes)
    message = f"{need.pods} pods more are needed, {fits} fit on {len(open_nodes)} of {len(nodes)} nodes"
    if others := sum(other.need.pods for other in beside):
        message += f" beside {others} of other services"
    if fits >= need.pods:
        return Finding(check="nodes", status=FindingStatus.PASSED, message=message)
    message += ". Add nodes; or, where a cluster autoscaler does, put nodes into preflight.only_warn"
    return Finding(check="nodes", status=FindingStatus.REFUSED, message=f"{message}.", code="nodes_short")


def _place(other: PodsBeside, nodes: Sequence[Json], taken: dict[str, Sequence[Amounts]]) -> None:
    """Put the pods of another service on the first nodes that hold them; those that fit nowhere take nothing."""
    left = other.need.pods
    for node in nodes:
        if left and admits(node, other.pod_spec):
            name = node["metadata"]["name"]
            there = taken.get(name, ())
            placed = min(left, _fits(node, there, other.need))
            taken[name] = [*there, *([other.need.requests] * placed)]
            left -= placed


def _fits(node: Json, taken: Sequence[Amounts], need: Footprint) -> int:
    room = {name: parse_quantity(str(text)) for name, text in node["status"].get("allocatable", {}).items()}
    free = [int(room.get("pods", Decimal(0))) - len(taken)]
    for name, amount in need.requests.items():
        left = room.get(name, Decimal(0)) - sum((requests.get(name, Decimal(0)) for requests in taken), Decimal(0))
        if amount:
            free.append(int(left // amount))
    return max(0, min(free))


def admits(node: Json, pod_spec: Json) -> bool:
    """Say whether the scheduler may put such a pod there: cordons, readiness, taints and the node selector."""
    labelled = KubeObject(node)
    ready = labelled.condition("Ready")
    if node["spec"].get("unschedulable") or ready is None or ready.status != "True":
        return False
    if any(labelled.labels.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    blocking = [taint for taint in node["spec"].get("taints") or () if taint.get("effect") in _BLOCKING]
    return all(any(_tolerates(entry, taint) for entry in pod_spec.get("tolerations") or ()) for taint in blocking)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
