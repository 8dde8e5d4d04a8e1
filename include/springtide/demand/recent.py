"""The statistics that models of present demand share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from springtide.errors import DemandUnusable

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from numpy.typing import NDArray

    from springtide.demand.model import DemandSeries

_MINUTE = 60.0


def recent_peak(demand: DemandSeries, *, now: datetime, window: timedelta) -> float:
    """Return the largest one-minute mean of `demand` in the last `window`, in the demand's unit.

    One spike between two scrapes is averaged with its minute; a peak that lasted a minute counts in full, even if it
    is over.

    Raises:
        DemandUnusable: there is no sample in the window (`capacity_unusable`).
    """
    return float(np.max(recent_means(demand, now=now, window=window)))


def recent_means(demand: DemandSeries, *, now: datetime, window: timedelta) -> NDArray[np.float64]:
    """Return the one-minute means of `demand` in the last `window`, newest first.

    Minutes are counted back from `now`: the first holds the samples in (now - 1 min, now]. A minute without a sample
    has no mean, so where samples are further apart than a minute, these are the samples.

    Raises:
        DemandUnusable: there is no sample in the window (`capacity_unusable`).
    """
    age = now.timestamp() - demand.times
    inside = (age >= 0) & (age < window.total_seconds())
    if not inside.any():
        raise DemandUnusable(
            f"demand of {demand.source}: none of its {len(demand)} samples lies in the last {window} before "
            f"{now.isoformat()}. Make the model's window longer, or see why there are no newer samples.",
            code="capacity_unusable",
            field="demand",
        )
    # From now back, so that the newest minute is a whole one: by the clock it would be the average of a few seconds.
    minutes = (age[inside] // _MINUTE).astype(np.int64)
    sums = np.bincount(minutes, weights=demand.values[inside])
    counts = np.bincount(minutes)
    return sums[counts > 0] / counts[counts > 0]
