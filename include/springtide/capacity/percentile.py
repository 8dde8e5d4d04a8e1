"""A percentile of a moving window of demand, times a margin.

Source: K. Rzadca et al., "Autopilot: workload autoscaling at Google", EuroSys 2020, section 3.2.1 (moving window
recommenders), and the VerticalPodAutoscaler's recommender, whose safety margin is 15 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """Replicas = margin · quantile of the one-minute means in the last `window` ÷ per_replica.

    The quantile is a mean that occurred (the next one above, never between two), so one busy minute in an hour counts
    only from 98.4 % on.
    """

    per_replica: float
    quantile: float = 0.95
    margin: float = 1.15
    window: timedelta = timedelta(hours=1)

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas for the window's quantile.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        del replicas
        means = recent_means(demand, now=now, window=self.window)
        # "higher": a value that occurred. Between two it would be a demand that nobody ever had to serve.
        level = float(np.quantile(means, self.quantile, method="higher"))
        return ModelAnswer(
            model="percentile",
            replicas=level * self.margin / self.per_replica,
            inputs={
                "level": level,
                "unit": demand.unit,
                "minutes": len(means),
                "quantile": self.quantile,
                "margin": self.margin,
                "per_replica": self.per_replica,
            },
            reason=f"{self.quantile:.4g} of the last {len(means)} min stayed at or below {level:g} {demand.unit}; "
            f"times {self.margin:g}, at {self.per_replica:g} a replica",
        )
