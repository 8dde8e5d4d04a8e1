"""Replicas with a square root of headroom: small services keep a larger share free than large ones.

Source: the square-root staffing rule n = R + β·√R, found by A. K. Erlang (1924) and proven as a limit by S. Halfin and
W. Whitt, "Heavy-traffic limits for queues with many exponential servers", Operations Research 29(3), 1981. `target`
covers what a rule for one shared queue does not know: pods that start slowly, requests that are dealt out at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_peak


@dataclass(frozen=True, slots=True, kw_only=True)
class SqrtHeadroom:
    """Replicas = x ÷ target + headroom·√x, where x = peak ÷ per_replica is demand in fully used replicas."""

    per_replica: float
    target: float = 0.9
    headroom: float = 1.5
    window: timedelta = timedelta(minutes=5)

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas for the recent peak.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        del replicas
        peak = recent_peak(demand, now=now, window=self.window)
        load = peak / self.per_replica
        spare = self.headroom * math.sqrt(load)  # a Poisson load of x varies by √x, so its share shrinks as it grows
        return ModelAnswer(
            model="sqrt_headroom",
            replicas=load / self.target + spare,
            inputs={
                "peak": peak,
                "unit": demand.unit,
                "per_replica": self.per_replica,
                "load": load,
                "target": self.target,
                "headroom": self.headroom,
            },
            reason=f"peak {peak:g} {demand.unit} fills {load:.4g} replicas; at {self.target:g} of each, and "
            f"{spare:.3g} more for {self.headroom:g} square roots",
        )
