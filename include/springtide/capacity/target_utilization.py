"""Replicas for the demand of now at a target utilization."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_peak


@dataclass(frozen=True, slots=True)
class TargetUtilization:
    """Replicas = peak ÷ (per_replica x target); peak = the largest one-minute mean in the last `window`.

    `per_replica` is what one replica serves when fully used, in the demand's unit; `target` is a share of it. It is the
    formula of the HorizontalPodAutoscaler (desired = current x usage ÷ target) with what all replicas serve in place
    of their average, so that it does not matter how many are running.

    It knows nothing of what comes: the headroom 1 - target must hold for the growth of demand while pods start.
    """

    per_replica: float
    target: float
    window: timedelta = timedelta(minutes=5)

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:  # noqa: ARG002  # Protocol
        """Return the replicas for the recent peak.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        peak = recent_peak(demand, now=now, window=self.window)
        usable = self.per_replica * self.target
        return ModelAnswer(
            model="target_utilization",
            replicas=peak / usable,
            inputs={
                "peak": peak,
                "unit": demand.unit,
                "window_seconds": self.window.total_seconds(),
                "per_replica": self.per_replica,
                "target": self.target,
            },
            reason=f"peak {peak:g} {demand.unit} of the last {self.window} at {usable:g} a replica "
            f"({self.per_replica:g} x {self.target:g})",
        )
