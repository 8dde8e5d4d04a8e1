"""Samples by the step that they belong to, wherever in their steps a source takes them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE_A_STEP: Final = 0.75
"""The median spacing from which on, in steps, a source is taken to mean one sample a step."""


def steps_of(times: NDArray[np.float64], step: float) -> NDArray[np.int64]:
    """Return the number of the step that each of `times` (rising, in seconds) belongs to.

    Where there is about one sample a step, steps are centred on where samples usually lie: a minute's sample that comes
    now at :59.98 and now at :00.02 is in a step of its own each time, and none is missing. Where there are more, steps
    are whole multiples of `step` since 1970.
    """
    if len(times) < 2 or float(np.median(np.diff(times))) < _ONE_A_STEP * step:  # noqa: PLR2004
        return np.floor(times / step).astype(np.int64)
    # The mean of directions on a circle, not of numbers: 59.98 and 0.02 lie beside each other, and not around 30.
    angles = 2 * np.pi * np.mod(times, step) / step
    usual = float(np.angle(np.mean(np.exp(1j * angles)))) / (2 * np.pi) * step
    return np.round((times - usual) / step).astype(np.int64)
