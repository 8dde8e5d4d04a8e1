"""What is noted when an event is prepared: what was expected for a service, and who asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from springtide.events.occurrences import Occurrence

KEPT_FOR: Final = timedelta(days=1)
"""How long after its event's end a note is kept: the release is judged by the demand from before the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNote:
    """What one event holds for one service until it ends.

    `expected` is what `multiply` multiplies: the replicas that were expected when the event was prepared. `before` is
    the service's demand then, None where it was not known. `assumed` says why `expected` was not measured, "" where it
    was.
    """

    service: str
    occurrence: Occurrence
    expected: int
    before: float | None
    owner: str
    reason: str
    assumed: str = ""

    @property
    def kept_until(self) -> datetime:
        """When nobody needs the note any more."""
        return self.occurrence.end + KEPT_FOR

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        names = ("service", "expected", "before", "owner", "reason", *(("assumed",) if self.assumed else ()))
        return {name: getattr(self, name) for name in names} | {"occurrence": self.occurrence.to_record()}

    def replaces(self, kept: EventNote) -> bool:
        """Say whether this note takes the place of the one that is `kept`: only what was assumed makes room."""
        return bool(kept.assumed) and not self.assumed

    def settled(self, expected: int, demand: float | None, now: datetime) -> EventNote | None:
        """Return the note by demand that is known by now; None where nothing was assumed, or the event has begun.

        From its start on, the event's own load is in what demand asks for. What was assumed is never taken back: its
        replicas may stand already.
        """
        if not self.assumed or now >= self.occurrence.start:
            return None
        before = self.before if demand is None else demand
        return replace(self, expected=max(self.expected, expected), before=before, assumed="")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> EventNote:
        """Return the note that `to_record` stored."""
        return cls(**{**record, "occurrence": Occurrence.from_record(record["occurrence"])})
