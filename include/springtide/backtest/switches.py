"""Switches: a service that is made smaller and, within the hour, larger again. Each was for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WITHIN_MINUTES: Final = 60
"""Four sweeps: what comes back later than that was given back for long enough to be worth it."""


def switches(replicas: NDArray[Any], *, per_minute: int = 1) -> int:
    """Return how often `replicas`, so many samples a minute, fell and rose again within an hour of falling."""
    change = np.diff(replicas)
    at = np.flatnonzero(change)
    if len(at) < 2:  # noqa: PLR2004  down, and up
        return 0
    fell = change[at[:-1]] < 0
    rose = change[at[1:]] > 0
    soon = np.diff(at) <= WITHIN_MINUTES * per_minute
    return int(np.count_nonzero(fell & rose & soon))
