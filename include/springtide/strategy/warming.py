"""Nodes before pods: placeholders are raised, run, make room for the run's own pods, and are given back. Pure.

    raise the placeholders ──► they run, so nodes stand ──► the run adds its pods, which take their room by preemption
      ──► every pod has a node ──► the placeholders are given back

A number that the run did not write is somebody else's: it is told by name, and never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from springtide.errors import Conflict
from springtide.kube.objects import Deployment, Pod
from springtide.kube.observation import Observation
from springtide.plan.owners import REPLICAS
from springtide.policy.scaling.strategy import BlueGreen
from springtide.strategy.model import Decision, Done, PlaceholdersSnapshot, RunOrder, Scale, Wait
from springtide.strategy.replicas import who_wrote

_PREEMPTED_WITHIN: Final = timedelta(minutes=1)
"""After this long without a node preemption has not helped a pod: then the placeholders leave of themselves. Twice the
time that a pod has by default to end."""

Decide = Callable[[Observation, RunOrder], Decision]


def raise_placeholders(observation: Observation, order: RunOrder) -> Decision:
    """Raise the placeholders by as many pods as the run will add.

    Raises:
        Conflict: somebody else scaled or replaced them.
    """
    held = order.snapshot.placeholders
    if held is None:
        return Done("no node is warmed")
    present = _own(observation, held)
    if present.replicas == held.raised:
        return Done(f"{present.title} has {held.raised} replicas")
    _require_number(present, held, held.replicas)
    return _scale(present, held.raised, f"raise {present.title} from {held.replicas} to {held.raised} replicas")


def await_placeholders(observation: Observation, order: RunOrder) -> Decision:
    """Wait until all placeholders run: then the nodes stand. Never writes.

    Raises:
        Conflict: somebody else scaled or replaced them.
    """
    held = order.snapshot.placeholders
    if held is None:
        return Done("no node is warmed")
    present = _own(observation, held)
    _require_number(present, held, held.raised)
    running = present.ready_replicas if present.is_observed else 0
    if running < held.raised:
        return Wait(f"{running} of {held.raised} placeholders of {present.title} run; nodes for the others are to come")
    return Done(f"{running} placeholders of {present.title} run, so there are nodes for {held.more} pods more")


def giving_back(decide: Decide, *, at_the_end: bool = False) -> Decide:
    """Return `decide`, before which the placeholders are given back as soon as every pod of the run has a node.

    It is at its end without that where pods may be bad, or come batch by batch: then only `at_the_end` gives them back.
    """

    def decide_and_give_back(observation: Observation, order: RunOrder) -> Decision:
        decision = decide(observation, order)
        step = _given_back(observation, order)
        if step is None:
            return _with_what_is_left(decision, observation, order)
        is_last = isinstance(decision, Done) and (at_the_end or not _is_batched(order))
        return step if is_last or _has_room(observation, order) else decision

    return decide_and_give_back


def give_back(observation: Observation, order: RunOrder) -> Decision:
    """Give the placeholders back at once: the way back of a run needs no room of theirs."""
    return _given_back(observation, order) or Done(what_is_left(observation, order))


def what_is_left(observation: Observation, order: RunOrder) -> str:
    """Return why the placeholders are not as they were; "" where they are, or are still the run's."""
    held = order.snapshot.placeholders
    if held is None:
        return ""
    present = observation.placeholders
    if present is None or present.uid != held.uid:
        return f"Deployment {held.name} of placeholders was deleted during the run, which had raised it"
    if present.replicas in (held.replicas, held.raised):
        return ""
    return f"{_foreign(present, held)} It is left at that"


def _given_back(observation: Observation, order: RunOrder) -> Scale | None:
    """Return the write that gives the placeholders back; None where they are not this run's to give."""
    held = order.snapshot.placeholders
    present = observation.placeholders
    if held is None or present is None or present.uid != held.uid or present.replicas != held.raised:
        return None
    return _scale(present, held.replicas, f"give {present.title} the {held.replicas} replicas back that it had")


def _has_room(observation: Observation, order: RunOrder) -> bool:
    """Say whether every pod of the run has a node, or one has waited for it for too long."""
    held = order.snapshot.placeholders
    assert held is not None
    pods = list(_pods(observation))
    placed = sum("nodeName" in pod.raw["spec"] for pod in pods if not pod.is_terminating)
    if placed >= order.snapshot.replicas + held.more:
        return True
    return any(_waits_since(pod, observation) >= _PREEMPTED_WITHIN for pod in pods)


def _waits_since(pod: Pod, observation: Observation) -> timedelta:
    scheduled = pod.condition("PodScheduled")
    if not pod.is_unschedulable or scheduled is None or scheduled.since is None:
        return timedelta(0)
    return observation.at - scheduled.since


def _pods(observation: Observation) -> Iterator[Pod]:
    yield from observation.pod_set.pods
    for each in observation.aside:
        yield from each.pods


def _is_batched(order: RunOrder) -> bool:
    return isinstance(order.settings, BlueGreen) and order.settings.overlap == "batched"


def _with_what_is_left(decision: Decision, observation: Observation, order: RunOrder) -> Decision:
    left = what_is_left(observation, order)
    if left and isinstance(decision, Done):
        return Done(f"{decision.message}; {left}", decision.is_restored)
    return decision


def _own(observation: Observation, held: PlaceholdersSnapshot) -> Deployment:
    present = observation.placeholders
    if present is None or present.uid != held.uid:
        raise Conflict(
            f"Deployment {held.name} of placeholders was deleted{'' if present is None else ' and recreated'} during "
            "the run. It is left alone.",
            code="placeholders_replaced",
            field="strategy.warm_nodes.deployment",
        )
    return present


def _require_number(present: Deployment, held: PlaceholdersSnapshot, replicas: int) -> None:
    if present.replicas != replicas:
        raise Conflict(
            f"{_foreign(present, held)} It is left at that: let one of the two decide.",
            code="replicas_changed",
            field="strategy.warm_nodes.deployment",
        )


def _foreign(present: Deployment, held: PlaceholdersSnapshot) -> str:
    return (
        f"{present.title}: {who_wrote(present, REPLICAS)} set the placeholders to {present.replicas} during the run, "
        f"which goes from {held.replicas} to {held.raised} and back."
    )


def _scale(present: Deployment, replicas: int, reason: str) -> Scale:
    return Scale(kind=present.kind, name=present.name, version=present.version, replicas=replicas, reason=reason)
