"""Demand whose shape is known, for models that need a past."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from springtide.demand.model import DemandSeries

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
DAY = 1440


def minutes(values: NDArray[np.float64] | list[float], *, end: datetime = NOW) -> DemandSeries:
    """Return one value a minute; the last minute is over at `end`."""
    times = end.timestamp() - 60.0 * np.arange(len(values), 0, -1, dtype=np.float64)
    return DemandSeries(times=times, values=np.asarray(values, np.float64), unit="requests/s", source="test")


def wave(days: int, *, noise: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """Return days of a daily wave between 50 and 150 that is highest at noon UTC, the last one over at `NOW`."""
    minute = np.arange(-days * DAY, 0)
    shape = 100 + 50 * np.cos(2 * np.pi * minute / DAY)
    return shape + noise * np.random.default_rng(seed).standard_normal(len(minute))


def with_future(demand: DemandSeries, value: float = 1e6, *, minutes_ahead: int = 3 * DAY) -> DemandSeries:
    """Return `demand` and a future that is quite different, from `NOW` on."""
    ahead = NOW.timestamp() + 60.0 * np.arange(minutes_ahead)
    return DemandSeries(
        times=np.append(demand.times, ahead),
        values=np.append(demand.values, np.full(minutes_ahead, value)),
        unit=demand.unit,
        source="test",
    )
