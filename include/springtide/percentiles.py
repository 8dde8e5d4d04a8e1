"""The one percentile of this library: by nearest rank, which is always a number that was measured."""

from __future__ import annotations

from collections.abc import Iterable

from springtide.quantities import round_up


def nearest_rank(numbers: Iterable[float], share: float) -> float | None:
    """Return the smallest of `numbers` that at least `share` (above 0, at most 1) of them do not exceed.

    None when there are none: of nothing there is no percentile, and 0 would be the best of all.
    """
    ranked = sorted(numbers)
    return ranked[round_up(share * len(ranked)) - 1] if ranked else None
