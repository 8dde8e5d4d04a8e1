"""What serves since the switch, and why the Service has to point back at the stable set, while there is one.

Judged at every look from the switch until the stable set is gone: a moment of trouble between two good looks counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from springtide.kube.objects import Kind
from springtide.kube.observation import Observation, PodSet
from springtide.policy.scaling.strategy import BlueGreen, InPlace
from springtide.strategy.aside import new_set, stable_set
from springtide.strategy.exactness import where
from springtide.strategy.model import Decision, Patch, RunOrder, Scale
from springtide.strategy.traffic import is_widened, points_at
from springtide.verify.steadiness import lost_steadiness


def why_point_back(
    observation: Observation, order: RunOrder, marks: Mapping[str, str] | None, *, is_proven: bool
) -> str | None:
    """Return why what was switched to does not serve well; None while it does, or nothing is left to point back at.

    `marks` are of the pods that the switch relied on, as `verify.steadiness` keeps them; None where nobody kept any:
    then what is ready now is judged alone. `is_proven`: the slices have shown these pods, so they count from then on.

    Raises:
        Conflict: another run has set a ReplicaSet of this Deployment aside.
    """
    if not has_way_back(observation, order):
        return None
    new = new_set(observation, order)
    if is_widened(observation, order):
        # Stable pods serve beside them, so what is relied on grows batch by batch.
        return _unsteady(new, marks, order.share_of(len(marks or new.ready_pods)), order.floor)
    if not points_at(observation, order, new.template_hash):
        return None
    unsteady = _unsteady(new, marks, order.enough_of(order.peak), order.floor)
    serving = len(observation.ready_endpoints(new))
    if unsteady is None and is_proven and serving < order.floor:
        return f"{where(observation)}{serving} endpoints of {new.scaled.title} are ready, {order.floor} must be"
    return unsteady


def why_unstable(observation: Observation, order: RunOrder) -> str | None:
    """Return why a workload whose Service was not switched does not serve as the run has proven; None while it does."""
    serving = len(observation.ready_endpoints(observation.pod_set))
    needed = order.enough_of(order.replicas)
    return None if serving >= needed else f"{where(observation)}{serving} of {needed} pods are ready endpoints"


def has_way_back(observation: Observation, order: RunOrder) -> bool:
    """Say whether the run has a stable set aside, which the Service could point at.

    Raises:
        Conflict: another run has set a ReplicaSet of this Deployment aside.
    """
    if not isinstance(order.settings, BlueGreen):
        return False
    stable = stable_set(observation, order)
    return stable is not None and stable.is_aside


def takes_away(decision: Decision, observation: Observation, order: RunOrder) -> bool:
    """Say whether a decision of the removal takes away what served before the run, and could serve again."""
    if isinstance(order.settings, BlueGreen):
        is_of_stable = isinstance(decision, Scale) and decision.kind is Kind.REPLICA_SET
        return is_of_stable and has_way_back(observation, order)
    return isinstance(decision, Scale if isinstance(order.settings, InPlace) else Patch)


def _unsteady(new: PodSet, marks: Mapping[str, str] | None, needed: int, floor: int) -> str | None:
    if marks is not None:
        reason = lost_steadiness(new, marks, needed=needed, floor=floor)
        return None if reason is None else f"{new.scaled.title} has the traffic: {reason}"
    ready = len(new.ready_pods)
    return None if ready >= needed else f"{new.scaled.title} has the traffic: {ready} of {needed} pods are ready"
