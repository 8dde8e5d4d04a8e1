"""What can be reached at which cost: violated minutes against pod-hours, over the replays of every setting. Pure.

It says before an event what no setting reaches, and what less would cost: demand that is close to noise has a curve
that falls late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from springtide.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PROMISED: Final = 0.1
"""The violated minutes, in percent, that `objective: slo` asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint(Stored):
    """The least that is violated, in percent of minutes, at so many times the cost of the autoscaler compared with."""

    cost_ratio: float
    violated_percent: float


def cost_curve(cost_ratio: Floats, violated_percent: Floats) -> tuple[CurvePoint, ...]:
    """Return the settings that no cheaper one serves as well as, cheapest first; both figures are of each setting."""
    order = np.lexsort((violated_percent, cost_ratio))
    curve: list[CurvePoint] = []
    for index in order:
        violated = float(violated_percent[index])
        if not curve or violated < curve[-1].violated_percent:
            curve.append(CurvePoint(cost_ratio=float(cost_ratio[index]), violated_percent=violated))
    return tuple(curve)


def curve_in_words(curve: Sequence[CurvePoint]) -> str:
    """Return what `curve` (at least one point) reaches at the autoscaler's own cost, and from which cost on 0.1 %."""
    within = [point for point in curve if point.cost_ratio <= 1]
    if within:
        first = f"at the autoscaler's cost at least {_percent(within[-1])} of minutes are violated"
    else:
        first = f"nothing is as cheap as the autoscaler: the cheapest costs {curve[0].cost_ratio:.2f} times as much"
    kept = next((point for point in curve if point.violated_percent <= PROMISED), None)
    if kept is None:
        least = curve[-1]
        second = (
            f"{PROMISED:g} % is out of reach: the least is {_percent(least)}, at {least.cost_ratio:.2f} of that cost"
        )
    else:
        second = f"{PROMISED:g} % is reached from {kept.cost_ratio:.2f} of that cost on"
    return f"{first}; {second}"


def _percent(point: CurvePoint) -> str:
    return f"{point.violated_percent:.2f} %"
