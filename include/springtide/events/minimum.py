"""Services whose replicas an autoscaler owns, in a sweep: what their minimum should be, and how long it is held. Pure.

an event asks for more       the minimum is raised, and raised again where somebody lowered it
an event holds it            its note is made anew before it lapses
the event is over            given back in steps: demand asks for less, or the autoscaler runs more by itself
no event                     nothing is raised, unless the policy's plan is the minimum (`Minimum.is_planned`)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """What was found about an autoscaler: `owner_minimum` is what its owner set, `running` are the replicas now.

    `held_until` is when springtide's note on it lapses, None without a note; `expires` is how long a new one lasts.
    `is_planned` says that the policy's plan is the minimum, event or not.
    """

    owner_minimum: int
    running: int
    looked_at: datetime
    expires: timedelta
    held_until: datetime | None = None
    is_planned: bool = False

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self) | {
            "looked_at": self.looked_at.isoformat(),
            "expires": self.expires.total_seconds(),
            "held_until": self.held_until.isoformat() if self.held_until else None,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Minimum:
        """Return what `to_record` stored."""
        held = record["held_until"]
        return cls(
            **{
                **record,
                "looked_at": datetime.fromisoformat(record["looked_at"]),
                "expires": timedelta(seconds=record["expires"]),
                "held_until": datetime.fromisoformat(held) if held else None,
            }
        )

    def without_events(self, *, current: int, plan: int, needed: int, has_demand: bool, is_believed: bool) -> int:
        """Return the minimum that the policy wants where no event asks for one, with `current` now.

        `plan` is what the policy's plan says, `needed` what its models ask for. Where the plan is not the minimum, it
        is the owner's own; but what demand asks for is not given back before the autoscaler was seen to run more than
        its minimum, for only that shows that it follows the demand.
        """
        if self.is_planned:
            return plan
        if not is_believed:  # no plan that can be trusted: the minimum that stands is the only safe one
            return current
        follows = self.running > current or not has_demand
        return min(current, self.owner_minimum if follows else max(self.owner_minimum, needed))

    def until(self, events_until: datetime | None) -> datetime:
        """Return when a note that is written now lapses: after the events, and not before the policy's `expires`."""
        # After the end, sweeps still need time to release it in steps; should none come, it lapses by itself.
        return max(self.looked_at, events_until or self.looked_at) + self.expires

    def lapses(self, *, events_until: datetime | None, planned: int | None) -> bool:
        """Say whether the note has to be made anew: it ends before its events, or soon where the plan goes on."""
        if self.held_until is None:
            return False
        if events_until is not None:
            return self.held_until < events_until
        # Half of its time is left for sweeps that fail: a note that lapsed under a plan would drop the minimum at once.
        goes_on = self.is_planned and (planned is None or planned > self.owner_minimum)
        return goes_on and self.held_until < self.looked_at + self.expires / 2
