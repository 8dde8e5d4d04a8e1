"""The last proof of every strategy: exactly so many pods, all of them serving, and nobody else."""

from __future__ import annotations

from springtide.kube.observation import Observation, PodSet
from springtide.strategy.leaving import awaited, staying, told_of_leaving
from springtide.strategy.model import Decision, Done, RunOrder, Wait
from springtide.verify.readiness import missing_readiness


def where(observation: Observation) -> str:
    """Return how a message begins that counts endpoints; nothing where there is no Service."""
    return "" if observation.service is None else f"Service {observation.service.name}: "


def nothing_to_switch(observation: Observation) -> str:
    """Return what a strategy says that leaves the Service as it is."""
    if observation.service is None:
        return "no Service leads to these pods, so there is nothing to switch"
    return f"Service {observation.service.name} keeps its selector"


def require_exact(
    observation: Observation, pod_set: PodSet, order: RunOrder, replicas: int, *, is_alone: bool = True
) -> Decision:
    """Wait until the set is to have exactly `replicas` pods, no others stay, and they alone serve.

    All of them serve, or with `min_ready` below 100% enough: then it is said how many do not. Pods on their way out are
    waited for where this run sent them; the others are told.
    Where it need not be alone, another workload's pods may be in the Service as well, and what nobody owns may not.
    """
    stay = staying(pod_set.pods)
    ready = len(observation.ready_endpoints(pod_set))
    beside = observation.reached_beside(pod_set)
    if not is_alone:
        nobodys = {pod.uid for pod in observation.pods if pod.controller_uid is None}
        beside = tuple(each for each in beside if each.pod_uid in nobodys)
    needed = order.enough_of(replicas)
    serving = ready + len(beside)
    if pod_set.scaled.replicas == replicas >= len(stay) and ready >= needed and not beside:
        going = awaited(pod_set.pods, order, to=replicas, at=observation.at)
        if going:
            return Wait(f"exactly {replicas} pods serve; {len(going)} are draining")
        bad = f"; {replicas - ready} do not, and strategy.min_ready allows that" if ready < replicas else ""
        served = f"exactly {replicas} pods serve" if not bad else f"{ready} of exactly {replicas} pods serve{bad}"
        return Done(served + told_of_leaving(observation.pods))
    missing = missing_readiness(pod_set, needed=needed, at=observation.at, settings=order.settings)
    return Wait(missing or f"{len(stay)} pods, {ready} ready endpoints of {serving}; exactly {replicas} are wanted")
