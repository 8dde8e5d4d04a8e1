"""The last proof of every strategy: exactly so many pods, all of them serving, and nobody else."""

from __future__ import annotations

from springtide.kube.observation import Observation, PodSet
from springtide.strategy.model import Decision, Done, Wait
from springtide.verify.readiness import missing_readiness


def where(observation: Observation) -> str:
    """Return how a message begins that counts endpoints; nothing where there is no Service."""
    return "" if observation.service is None else f"Service {observation.service.name}: "


def nothing_to_switch(observation: Observation) -> str:
    """Return what a strategy says that leaves the Service as it is."""
    if observation.service is None:
        return "no Service leads to these pods, so there is nothing to switch"
    return f"Service {observation.service.name} keeps its selector"


def require_exact(observation: Observation, pod_set: PodSet, replicas: int, *, is_alone: bool = True) -> Decision:
    """Wait until the set has exactly `replicas` pods, all ready endpoints, and the Service has no others.

    Where it need not be alone, another workload's pods may be in the Service as well, and what nobody owns may not.
    """
    ready = len(observation.ready_endpoints(pod_set))
    beside = observation.reached_beside(pod_set)
    if not is_alone:
        nobodys = {pod.uid for pod in observation.pods if pod.controller_uid is None}
        beside = tuple(each for each in beside if each.pod_uid in nobodys)
    serving = ready + len(beside)
    if len(pod_set.pods) == replicas and ready == serving == replicas:
        return Done(f"exactly {replicas} pods serve")
    missing = missing_readiness(pod_set, needed=replicas, at=observation.at)
    return Wait(
        missing or f"{len(pod_set.pods)} pods, {ready} ready endpoints of {serving}; exactly {replicas} are wanted"
    )
