"""Whether a service may be made smaller now: in steps, and only on proof that it is not needed. Pure.

Load that is gone is no proof: in an outage it goes first. A service is released when

    its demand fell to what fewer replicas can serve        (its capacity models say so, from fresh demand)
    and it did not fall so deep that nobody can reach it    (`VANISHED` of what it was before the event)
    and its errors and latency are within their conditions  (its smoke checks pass)
    and everything that it comes after is well too

Whatever is not known holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from springtide.quantities import round_down

VANISHED: Final = 0.2
"""Demand below this share of the level before the event is taken for an outage: people who cannot reach a service ask
for nothing. Real demand after a sale goes back to what it was, not to a fifth of it."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was found about one service: `problem` says what is wrong or not known, None that all is well."""

    problem: str | None
    demand: float | None = None
    before: float | None = None
    """Demand when the event was prepared, in the same unit; None where no event is over."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None and not self.has_vanished

    @property
    def has_vanished(self) -> bool:
        """Whether demand fell deeper than an event's end explains."""
        return self.demand is not None and self.before is not None and self.demand < VANISHED * self.before

    def message(self) -> str:
        """Return what is wrong, for a message."""
        if self.problem is None and self.demand is not None and self.before is not None:
            return (
                f"its demand is {self.demand:g}, less than {VANISHED:.0%} of the {self.before:g} before the event: "
                "that looks like an outage"
            )
        return self.problem or "all is well"


@dataclass(frozen=True, slots=True)
class Release:
    """The replicas to go to: `replicas` as they are where it is held, and why."""

    replicas: int
    reason: str
    is_held: bool


def release_step(
    *, current: int, wanted: int, step_down: float, service: Health, dependencies: Mapping[str, Health]
) -> Release:
    """Return the next step from `current` towards the `wanted` fewer replicas, or why nothing is given back.

    `step_down` is the largest share that one step removes; a step removes at least one.
    """
    if wanted >= current:
        return Release(current, f"demand asks for {wanted}, {current} are there", is_held=True)
    if not service.is_well:
        return Release(current, f"held at {current}: {service.message()}", is_held=True)
    for name, health in dependencies.items():
        if not health.is_well:
            return Release(current, f"held at {current}: {name}, which it needs: {health.message()}", is_held=True)
    if not step_down:
        return Release(current, f"held at {current}: guards.step_down is 0%", is_held=True)
    target = max(wanted, current - max(1, round_down(current * step_down)))
    return Release(target, f"released from {current} to {target} of the {wanted} that demand asks for", is_held=False)
