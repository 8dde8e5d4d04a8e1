"""Take pods away from a Deployment in steps, with the floor checked between them (I-10)."""

from __future__ import annotations

from springtide.kube.observation import Observation, PodSet
from springtide.strategy.model import Decision, Done, RunOrder, Scale, Wait


def shrink(
    observation: Observation, pod_set: PodSet, order: RunOrder, *, to: int, keep_ready: int, step: int | None = None
) -> Decision:
    """Return the next step towards `to` replicas; `keep_ready` ready endpoints must be there besides what a step takes.

    A step is `step` pods, by default what the policy's `remove_step` says.

    A step waits until the pods of the one before are gone, drained and all: only then do the counts mean anything.
    """
    deployment = pod_set.deployment
    if not deployment.is_observed:
        return Wait(f"Deployment {deployment.name}: its controller has not seen the latest change yet")
    leaving = len(pod_set.pods) - deployment.replicas
    if leaving > 0:
        return Wait(f"Deployment {deployment.name}: {leaving} pods are draining")
    if deployment.replicas <= to:
        return Done(f"Deployment {deployment.name} has {deployment.replicas} replicas")
    ready = len(observation.ready_endpoints())
    mine = len(observation.ready_endpoints(pod_set))
    target = max(to, deployment.replicas - (step or order.settings.remove_step.of(order.peak)))
    loss = max(0, mine - target)  # a ReplicaSet gives up pods that are not ready first
    if ready - loss < keep_ready:
        return Wait(
            f"Service {observation.service.name}: {ready} endpoints are ready, {keep_ready} must stay; "
            "removal is halted until more are"
        )
    return Scale(
        name=deployment.name,
        version=deployment.version,
        replicas=target,
        reason=f"remove {deployment.replicas - target} of {deployment.replicas} pods of {deployment.name}; "
        f"{ready} endpoints are ready, at least {keep_ready} stay",
    )
