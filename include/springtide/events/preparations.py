"""How long whole preparations took, from their first look to their last run: what leads are learned from. Pure.

The runs of the services say how long a preparation takes at the least: in their order, at their pace. Whatever lies
between them (looks, tasks that start, a busy machine) only the whole preparation says, and it grows with the event. So
a preparation teaches about events of its size: as many runs and pods, or between half and twice as many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from springtide.events.waves import ServicePlan

SIMILAR: Final = 2.0
"""How many times larger or smaller an event may be to teach about another."""


@dataclass(frozen=True, slots=True)
class EventSize:
    """How many runs a preparation starts, and how many pods they start together."""

    runs: int
    pods: int

    @classmethod
    def of(cls, orders: Iterable[ServicePlan]) -> EventSize:
        """Return the size of the preparation that carries out `orders`."""
        pods = [order.pods(step) for order in orders for step in range(len(order.steps))]
        return cls(len(pods), sum(pods))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """One preparation that succeeded as a whole and waited for no person: it took `seconds`."""

    run_id: str
    began_at: datetime
    seconds: float
    size: EventSize

    def seconds_for(self, size: EventSize) -> float | None:
        """Return how long one of `size` takes by this one; None where their sizes are too different.

        A larger one takes longer in proportion, a smaller one is taken to be no faster.
        """
        ratios = (_ratio(size.runs, self.size.runs), _ratio(size.pods, self.size.pods))
        if any(not 1 / SIMILAR <= ratio <= SIMILAR for ratio in ratios):
            return None
        return self.seconds * max(1.0, *ratios)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self) | {"began_at": self.began_at.isoformat()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Preparation:
        """Return the preparation that `to_record` stored."""
        began_at = datetime.fromisoformat(record["began_at"])
        return cls(**{**record, "began_at": began_at, "size": EventSize(**record["size"])})


def _ratio(wanted: int, had: int) -> float:
    if had:
        return wanted / had
    return math.inf if wanted else 1.0


def seconds_by_size(preparations: Sequence[Preparation], size: EventSize) -> list[float]:
    """Return how long a preparation of `size` takes, by each of the `preparations` that says something about it."""
    taken = (preparation.seconds_for(size) for preparation in preparations)
    return [seconds for seconds in taken if seconds is not None]
