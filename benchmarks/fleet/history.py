"""Three weeks of demand of each service, as the cache of an installation that has run for so long has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.fleet.services import LOOKBACK_DAYS, Fleet, query_of
from springtide.demand.cached import CachedSource
from springtide.demand.connection import PrometheusAddress
from springtide.demand.model import DemandSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP: Final = timedelta(minutes=1)
KNOWN_UNTIL: Final = timedelta(minutes=20)
"""Ago: the last sweep was the one before."""

_DAY: Final = 86400
_SWING: Final = 0.05


@dataclass(frozen=True, slots=True)
class Steady:
    """A source of the past: a day that swings a little around what the service serves now."""

    level: float
    unit: str = "requests/s"
    name: str = "the past of the benchmark"

    def samples(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return a point at each multiple of `step`."""
        seconds = step.total_seconds()
        first = np.ceil(start.timestamp() / seconds)
        last = np.floor(end.timestamp() / seconds)
        times = np.arange(first, last + 1) * seconds
        return DemandSeries(times=times, values=self._values(times), unit=self.unit, source=self.name)

    def _values(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.level * (1 - _SWING * (1 + np.cos(2 * np.pi * times / _DAY)) / 2))


def keep_history(fleet: Fleet, prometheus_url: str, folder: Path, *, days: int = LOOKBACK_DAYS) -> None:
    """Leave so many days, and one more, of each service in the cache at `folder`."""
    end = datetime.now(UTC) - KNOWN_UNTIL
    start = end - timedelta(days=days + 1)
    address = PrometheusAddress.parse(prometheus_url)
    for number, name in enumerate(fleet.names):
        source = Steady(fleet.demand(number))
        CachedSource(source, folder, key=f"{address.identity} {query_of(name)}").read(start, end, STEP)
