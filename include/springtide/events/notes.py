"""What is noted when an event is prepared: what was expected for a service, its shape, and who asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from springtide.capacity.event_shape import EventShape
from springtide.events.occurrences import Occurrence

KEPT_FOR: Final = timedelta(days=1)
"""How long after its event's end a note is kept: the release is judged by the demand from before the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNote:
    """What one event holds for one service until it ends.

    `expected` is what `multiply` multiplies: the replicas that were expected when the event was prepared. `before` is
    the service's demand then, None where it was not known. `assumed` says why `expected` was not measured, "" where it
    was. `shape` is what was learned then; where none was and should have been, `flat` says why.
    """

    service: str
    occurrence: Occurrence
    expected: int
    before: float | None
    owner: str
    reason: str
    assumed: str = ""
    shape: EventShape | None = None
    flat: str = ""

    @property
    def kept_until(self) -> datetime:
        """When nobody needs the note any more."""
        return self.occurrence.end + KEPT_FOR

    def to_record(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the stored form: JSON types only; `event` is that of its occurrence."""
        names = ["service", "expected", "before", "owner", "reason"]
        # What says nothing is left out: a version before it reads the note as well.
        names += [name for name in ("assumed", "flat") if getattr(self, name)]
        shape = {} if self.shape is None else {"shape": self.shape.to_record()}
        return {name: getattr(self, name) for name in names} | shape | {"occurrence": event}

    def share(self, now: datetime, demand: float | None) -> float:
        """Return the share of what the event asks for that it needs from `now` on, by its shape and by `demand` now.

        1 without a shape, and where demand is not known.
        """
        if self.shape is None or demand is None or not self.before:
            return 1.0
        return self.shape.share(now - self.occurrence.start, demand / self.before - 1)

    def doubt(self) -> str:
        """Return what was not known when it was written, "" where nothing was missing."""
        return "; ".join(filter(None, (self.assumed, self.flat)))

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
    def from_record(cls, record: Mapping[str, Any], occurrence: Occurrence) -> EventNote:
        """Return the note that `to_record` stored; `occurrence` is what it says of its event."""
        shape = EventShape.from_record(record["shape"]) if "shape" in record else None
        return cls(**{**record, "occurrence": occurrence, "shape": shape})


# Each note has all that its event asks for, of every service: where one falls out of its calendar, its notes alone hold
# it. For a thousand services that is a million requests, unless notes of one event share them.


def note_records(notes: Sequence[EventNote]) -> list[dict[str, Any]]:
    """Return the stored form of each note: those of one event share that of the event."""
    known: dict[int, dict[str, Any]] = {}
    records = []
    for note in notes:
        event = id(note.occurrence)
        if event not in known:
            known[event] = note.occurrence.to_record()
        records.append(note.to_record(known[event]))
    return records


def notes_from(records: Iterable[Mapping[str, Any]]) -> list[EventNote]:
    """Return the notes that `to_record` stored: those that say the same of one event share it."""
    known: dict[tuple[str, str, str], tuple[Mapping[str, Any], Occurrence]] = {}
    notes = []
    for record in records:
        event = record["occurrence"]
        key = (event["calendar"], event["event"], event["start"])
        # Notes of one event may differ in what it asks for: it was changed between two preparations.
        if key not in known or known[key][0] != event:
            known[key] = (event, Occurrence.from_record(event))
        notes.append(EventNote.from_record(record, known[key][1]))
    return notes
