"""How a load goes from its first request to its last. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from springtide.load.windows import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProfile:
    """How a load goes: `ramp` seconds of its time it grows from nothing; `expect` is the status that counts as good.

    It sends no more than `most` requests. It ends early when it leaves its `limits`, or when `watch`, asked every 5 s
    in a thread of its own, answers with a reason.
    """

    ramp: float = 0.0
    expect: int = 200
    most: int | None = None
    limits: Limits | None = None
    watch: Callable[[], str | None] | None = None

    def due(self, number: int, rate: float) -> float:
        """Return how many seconds after the start a request is due; the rate grows linearly through the ramp."""
        # Through the ramp n(t) = rate·t² ÷ (2·ramp) requests are due, solved for t; afterwards the line goes on at
        # `rate`, half a ramp late.
        in_ramp = rate * self.ramp / 2
        return math.sqrt(2 * number * self.ramp / rate) if number < in_ramp else number / rate + self.ramp / 2
