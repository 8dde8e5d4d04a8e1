"""Demand of the past as the store kept it: the five-minute maxima of its days, as a source that models read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.record.history import SLOTS, HistoryDay

SLOT = timedelta(days=1) / SLOTS
"""How long one maximum is of."""

_REFUSED = "refuse"


@dataclass(frozen=True, slots=True)
class KeptDemand:
    """The demand of one service by its days, oldest first. A day that the quality gate refused says nothing."""

    days: Sequence[HistoryDay]

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the maxima of the slots that end in [start, end], named by their ends; `step` is five minutes.

        Raises:
            DemandUnusable: nothing was kept of that time (`demand_empty`).
        """
        del step  # what was kept is not finer
        kept = [(at, value) for at, value in self._maxima() if start <= at <= end]
        if not kept:
            raise DemandUnusable(
                f"no day is kept of {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: capacity_history learns days.",
                code="demand_empty",
                field="demand",
            )
        return DemandSeries(
            times=np.array([at.timestamp() for at, _ in kept]),
            values=np.array([value for _, value in kept]),
            unit=self.days[0].unit,
            source="the days that the store kept",
        )

    def _maxima(self) -> Iterator[tuple[datetime, float]]:
        for day in self.days:
            if day.quality.get("outcome") == _REFUSED:
                continue
            midnight = datetime.combine(day.day, time(), tzinfo=UTC)
            for slot, value in enumerate(day.profile):
                if value is not None:
                    yield midnight + (slot + 1) * SLOT, value
