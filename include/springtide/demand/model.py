"""Demand as values: what every source returns and every capacity model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSeries:
    """Evenly or unevenly spaced samples of one demand, oldest first.

    `times` are POSIX seconds in UTC, strictly rising; `values` are finite, at least 0, in `unit`, and of the same
    length. Gaps are missing samples, never NaN. `source` says where it was read (for people; no secret).
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    unit: str
    source: str

    def __len__(self) -> int:
        return len(self.times)


class DemandSource(Protocol):
    """Reads one service's demand over a time range."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the samples in [start, end], at most one per `step`.

        Raises:
            DemandUnavailable: the source did not answer in time.
            DemandUnusable: it answered with nothing, NaN, infinity, a negative value or more than one series.
        """
        ...
