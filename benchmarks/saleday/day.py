"""The day: demand of two services with four weeks of history, ten past sales in it, and two sales on the day.

The sales are those of `benchmarks.capacity.flash`: height, decay and noise from the same distributions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.capacity.flash import KIND, LENGTH, sale_shape
from springtide.backtest.trace import Trace, pod_capacity
from springtide.capacity.event import KnownOccurrence, expected_demand
from springtide.capacity.minutes import DAY, MINUTE, Minutes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HISTORY_DAYS: Final = 28
PAST_SALES: Final = 10
RUN_IN: Final = 4 * 60
"""Minutes of the evening before, in which the cluster runs already."""
SHARES: Final = {"checkout": 1.0, "orders": 0.5}
"""How much of the demand each service gets. A pod of either carries the same."""
STARTS: Final = ((8 * 60, 12 * 60), (16 * 60, 20 * 60))
"""Minutes of the day between which each sale starts."""
WINDOW: Final = 60
"""Minutes that the calendar gives a sale; its demand fades over `LENGTH`."""
KNOWN_BEFORE: Final = 7 * DAY


@dataclass(frozen=True, slots=True)
class Day:
    """Demand per minute of each service from `start` (POSIX second) on: 28 days, then the day itself.

    `sales` are the minutes of the day at which the sales start, `past` those of `demand` at which earlier ones did;
    `multiply` is what the calendar asks for.
    """

    seed: int
    start: float
    demand: dict[str, Floats]
    per_replica: float
    sales: tuple[int, ...]
    past: tuple[int, ...]
    multiply: float
    minutes: int = DAY

    @property
    def midnight(self) -> int:
        """The minute of `demand` at which the day begins."""
        return HISTORY_DAYS * DAY

    @property
    def begins(self) -> datetime:
        """When the day begins."""
        return datetime.fromtimestamp(self.start + self.midnight * MINUTE, UTC)

    def at(self, minute: int) -> datetime:
        """Return the time of a minute of the day."""
        return self.begins + timedelta(minutes=minute)

    def trace(self, service: str) -> Trace:
        """Return the evening before and the day, the day scored: what the simulator replays."""
        first = self.midnight - RUN_IN
        demand = self.demand[service][first : self.midnight + self.minutes]
        return Trace(
            name=service, start=self.start + first * MINUTE, demand=demand, scored=RUN_IN, per_replica=self.per_replica
        )


def sale_day(base: Trace, seed: int, *, starts: Sequence[tuple[int, int]] = STARTS, minutes: int = DAY) -> Day:
    """Return a day of `base` that `seed` draws, with a sale in each of `starts`; `minutes` of it are played."""
    draw = np.random.default_rng(seed)
    last = len(base.demand) // DAY - HISTORY_DAYS - 1
    first = int(draw.integers(0, last + 1)) * DAY
    smooth = base.demand[first : first + (HISTORY_DAYS + 1) * DAY]
    days = np.sort(draw.choice(HISTORY_DAYS - 1, PAST_SALES, replace=False))
    past = days * DAY + draw.integers(8 * 60, 22 * 60 - LENGTH, PAST_SALES)
    sales = tuple(int(draw.integers(*between)) for between in starts)
    lifted = smooth.copy()
    for start in (*past, *(HISTORY_DAYS * DAY + minute for minute in sales)):
        lifted[start : start + LENGTH] *= 1 + sale_shape(draw)
    noisy = {name: share * lifted * draw.gamma(400, 1 / 400, len(lifted)) for name, share in SHARES.items()}
    known = noisy["checkout"][: HISTORY_DAYS * DAY]
    return Day(
        seed,
        base.start + first * MINUTE,
        noisy,
        pod_capacity(known),
        sales,
        tuple(map(int, past)),
        _multiply(known, past),
        minutes,
    )


def _multiply(known: Floats, past: NDArray[np.int64]) -> float:
    """Return what who writes the calendar a week before asks for: the largest uplift of the last ten sales and a bit.

    By the library's own rule for past events, see `springtide.capacity.event.Uplift`.
    """
    seen = Minutes(0.0, known[:-KNOWN_BEFORE])
    occasions = [
        KnownOccurrence(kind=KIND, start=sale * MINUTE, end=(sale + WINDOW) * MINUTE, known_at=0.0)
        for sale in past
        if sale < len(seen)
    ]
    coming = KnownOccurrence(kind=KIND, start=seen.end, end=seen.end + WINDOW * MINUTE, known_at=0.0)
    asked, _ = expected_demand(seen, [*occasions, coming], WINDOW)
    level = float(np.mean(seen.values[-60:]))
    return float(np.ceil(asked / level * 10) / 10)
