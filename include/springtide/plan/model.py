"""The decision: what a run will do, with every clamp and its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from springtide.capacity.model import CapacityEstimate
from springtide.kube.cluster import ClusterIdentity
from springtide.plan.findings import Finding
from springtide.plan.recent import NOTHING_RECENT, Recent
from springtide.stored import Stored, dump, load
from springtide.workload import Workload

_FINGERPRINT: Final = "fingerprint"


class PlanOutcome(StrEnum):
    """What a run does with the plan; an error, the fourth way, is raised.

    `PLANNED_ONLY`: there would be something to do, and the policy's mode is to advise: nothing is written.
    """

    SCALE = "scale"
    NOTHING_TO_DO = "nothing_to_do"
    PLANNED_ONLY = "planned_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """One guard that changed the number: `was` before it, `replicas` after it, and why."""

    guard: str
    was: int
    replicas: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What stands before a run, and what was decided lately (`recent`).

    `current` is the number that the run changes: desired replicas, or an autoscaler's minimum. `running` are the
    desired replicas, of which the steps of a floor count; `owner_minimum` is the minimum that the autoscaler's owner
    set.
    """

    current: int
    running: int
    owner_minimum: int = 0
    recent: Recent = NOTHING_RECENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPlan(Stored):
    """From `current` to `replicas` desired replicas, and why. Complete: a run needs nothing else to be judged by.

    With strategy `floor` both are an autoscaler's minimum. `allowed_startup` is how many seconds the probes let a pod
    take until it serves, None without probes: what is counted until runs have measured it. `cluster` is where this was
    seen, None where nothing is known of it.
    """

    policy: str
    target: Workload
    strategy: str
    current: int
    replicas: int
    outcome: PlanOutcome
    estimate: CapacityEstimate
    clamps: tuple[Clamp, ...]
    decided_at: datetime
    reason: str
    findings: tuple[Finding, ...] = ()
    allowed_startup: float | None = None
    cluster: ClusterIdentity | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of what would be done, independent of when it was decided."""
        # Not the reason nor the findings: who approved 40 pods approved them whatever the demand is a minute later.
        effect = [self.policy, self.target.to_record(), self.strategy, self.current, self.replicas]
        return hashlib.sha256(json.dumps(effect).encode()).hexdigest()[:16]

    def to_record(self) -> dict[str, Any]:
        """Return the stored form, with the fingerprint for whoever is to approve it."""
        return dump(self) | {_FINGERPRINT: self.fingerprint}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ScalingPlan:
        """Return the plan that `to_record` stored; its fingerprint follows from the rest.

        Raises:
            PermanentError: a field is missing, unknown, or holds what it cannot (`record_unreadable`).
        """
        return load(cls, {name: value for name, value in record.items() if name != _FINGERPRINT})
