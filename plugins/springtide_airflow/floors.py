"""What was noted when an event was prepared: by service, in one Airflow variable each.

`springtide_floor.<service>` holds, for each event, its times, what was usual for the service and its demand before it,
who asked and why. It outlives every crash, can be seen under Admin > Variables, and expires by itself: a note counts
until its event's end, and is kept a day longer to judge the release by.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from airflow.sdk import Variable

from springtide.events.occurrences import Occurrence

KEPT_FOR: Final = timedelta(days=1)
"""How long after its end a note is kept."""


@dataclass(frozen=True, slots=True)
class Note:
    """One event's note for one service."""

    occurrence: Occurrence
    usual: int
    before: float | None
    owner: str
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        names = ("usual", "before", "owner", "reason")
        return {name: getattr(self, name) for name in names} | {"occurrence": self.occurrence.to_record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Note:
        """Return the note that `to_record` stored."""
        return cls(**(record | {"occurrence": Occurrence.from_record(record["occurrence"])}))


def notes_of(service: str, now: datetime) -> tuple[Note, ...]:
    """Return the notes of `service` that still count or are kept for the release, oldest event first."""
    text = Variable.get(_key(service), default=None)
    found = map(Note.from_record, json.loads(text) if text else [])
    return tuple(
        sorted((one for one in found if now < one.occurrence.end + KEPT_FOR), key=lambda one: one.occurrence.start)
    )


def keep_note(service: str, note: Note, now: datetime) -> None:
    """Keep `note` beside the others of `service`; one that is there for its event already stays as it is."""
    notes = notes_of(service, now)
    if all(one.occurrence.id != note.occurrence.id for one in notes):
        records = [one.to_record() for one in (*notes, note)]
        Variable.set(_key(service), json.dumps(records), description="springtide: what events ask of this service")


def drop_note(service: str, occurrence: str, now: datetime) -> None:
    """Take out the note of one event, by the id of the `occurrence`: nothing asks for its floor any more."""
    left = [one for one in notes_of(service, now) if one.occurrence.id != occurrence]
    if left:
        records = [one.to_record() for one in left]
        Variable.set(_key(service), json.dumps(records), description="springtide: what events ask of this service")
    else:
        Variable.delete(_key(service))


def _key(service: str) -> str:
    return f"springtide_floor.{service}"
