"""Demand as values: what every source returns and every capacity model takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSeries:
    """Evenly or unevenly spaced samples of one demand, oldest first.

    `times` are POSIX seconds in UTC, strictly rising; `values` are finite, at least 0, in `unit`, and of the same
    length. Gaps are missing samples, never NaN. `source` says where it was read (for people; no secret).

    `left_out` are the times of samples that were no demand (NaN, negative, infinite) and are holes now.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    unit: str
    source: str
    left_out: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.times)


class DemandSource(Protocol):
    """Reads one service's demand over a time range."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the samples in [start, end], at most one per `step`.

        Raises:
            DemandUnavailable: the source did not answer in time.
            DemandUnusable: it answered with nothing or more than one series, or with NaN, infinity or a negative value
                in what is newest.
        """
        ...
