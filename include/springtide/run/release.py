"""Raised minimums: which are held, which have expired, and the request of the run that restores one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from springtide.kube.autoscaler import find
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports, RunRequest
from springtide.strategy.hold import FloorHold, hold_on


@dataclass(frozen=True, slots=True)
class HeldFloor:
    """A minimum that springtide holds raised, and the policy it belongs to."""

    policy: ScalingPolicy
    autoscaler: str
    hold: FloorHold


def held_floors(ports: Ports, policies: Iterable[ScalingPolicy]) -> Iterator[HeldFloor]:
    """Yield every floor that is held for one of `policies`, from the cluster alone.

    Raises:
        Conflict: somebody else wrote springtide's annotation (`floor_unreadable`).
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    for policy in policies:
        for autoscaler in find(ports.kube, policy.spec.target.workload):
            hold = hold_on(autoscaler)
            if hold is not None:
                yield HeldFloor(policy, autoscaler.title, hold)


def expired_floors(ports: Ports, policies: Iterable[ScalingPolicy]) -> Iterator[HeldFloor]:
    """Yield the held floors whose time is over."""
    now = ports.clock.now()
    return (held for held in held_floors(ports, policies) if held.hold.until <= now)


def release_request(
    policy: ScalingPolicy, *, run_id: str, requested_by: str, reason: str, override: str = ""
) -> RunRequest:
    """Return the request of a run that restores the minimum: it waits, tests and proves as any other run."""
    return RunRequest(
        run_id=run_id,
        policy=policy,
        replicas=None,
        strategy="floor",
        requested_by=requested_by,
        reason=reason,
        is_release=True,
        override=override,
    )
