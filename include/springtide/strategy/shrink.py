"""Take pods away in steps, with the floor checked between them (I-10)."""

from __future__ import annotations

from springtide.kube.observation import Observation, ScaledPods
from springtide.kube.workloads import StatefulSet
from springtide.policy.scaling.strategy import BlueGreen
from springtide.strategy.exactness import where
from springtide.strategy.leaving import awaited, staying
from springtide.strategy.model import Decision, Done, RunOrder, Scale, Wait


def shrink(
    observation: Observation,
    pods: ScaledPods,
    order: RunOrder,
    *,
    to: int,
    keep_ready: int,
    step: int | None = None,
) -> Decision:
    """Return the next step towards `to` replicas; `keep_ready` ready endpoints must be there besides what a step takes.

    A step is `step` pods, by default what the policy's `remove_step` says. Of a Service that is not switched, other
    workloads may have endpoints as well: only the set's own count then.

    A step waits until the pods of the one before are gone, drained and all: only then do the counts mean anything. It
    does not wait for pods that were going before the run, nor for those that do not go.
    """
    scaled = pods.scaled
    if not scaled.is_observed:
        return Wait(f"{scaled.title}: its controller has not seen the latest change yet")
    surplus = max(0, len(staying(pods.pods)) - scaled.replicas)
    leaving = surplus + len(awaited(pods.pods, order, to=to, at=observation.at))
    if leaving > 0:
        return Wait(f"{scaled.title}: {leaving} pods are draining")
    if scaled.replicas <= to:
        return Done(f"{scaled.title} has {scaled.replicas} replicas")
    ready = len(observation.ready_endpoints(None if isinstance(order.settings, BlueGreen) else pods))
    target = max(to, scaled.replicas - (step or order.settings.remove_step.of(order.peak)))
    loss = _ready_loss(observation, pods, target)
    if ready - loss < keep_ready:
        return Wait(
            f"{where(observation)}{ready} endpoints are ready, {keep_ready} must stay; removal is halted until more are"
        )
    return Scale(
        kind=scaled.kind,
        name=scaled.name,
        version=scaled.version,
        replicas=target,
        reason=f"remove {scaled.replicas - target} of {scaled.replicas} pods of {scaled.name}; "
        f"{ready} endpoints are ready, at least {keep_ready} stay",
    )


def _ready_loss(observation: Observation, pods: ScaledPods, target: int) -> int:
    """Return how many ready endpoints go when the set shrinks to `target` replicas."""
    mine = observation.ready_endpoints(pods)
    if isinstance(pods.scaled, StatefulSet):  # gives up the highest ordinals, ready or not
        leaving = {pod.uid for pod in pods.pods if pods.scaled.ordinal(pod) >= target}
        return sum(each.pod_uid in leaving for each in mine)
    return max(0, len(mine) - target)  # a ReplicaSet gives up pods that are not ready first
