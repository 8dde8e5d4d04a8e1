"""What sweeps and preparations keep: who holds what until when, and how long whole preparations took.

It is kept here, and not in Airflow's variables, for two reasons. `springtide prepare` and an Airflow beside it see each
other's notes. And a variable is written over as a whole, without a comparison: of two preparations that note something
about one service at one moment, one would lose its note. Here a note has a row of its own, by service and event, and
is added only where there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from springtide.events.notes import EventNote
from springtide.events.preparations import Preparation


class Notes(Protocol):
    """Who holds what, until when. Writers at one moment lose nothing, whichever process they are in.

    Every method raises `TemporaryError` (code `store_unavailable`) when the store does not answer.
    """

    def keep_notes(self, notes: Sequence[EventNote], *, now: datetime) -> None:
        """Keep all `notes`; one that is there for its service and event stays, unless what it says was only assumed.

        Notes that nobody needs any more at `now` go.
        """
        ...

    def notes(self, services: Collection[str], *, now: datetime) -> Mapping[str, tuple[EventNote, ...]]:
        """Return the notes of each of `services` that are needed at `now`, those of the oldest event first."""
        ...

    def drop_notes(self, services: Collection[str], occurrence: str) -> None:
        """Take out what one event, by the id of its `occurrence`, holds for `services`."""
        ...


class EventStore(Notes, Protocol):
    """Keeps notes, and what whole preparations took."""

    def save_preparation(self, preparation: Preparation) -> None:
        """Keep the preparation in the place of what was kept of it before."""
        ...

    def preparations(self, *, limit: int = 20) -> tuple[Preparation, ...]:
        """Return the latest preparations, newest first.

        Raises:
            InputError: `limit` is not between 1 and 1000 (`limit_invalid`).
        """
        ...


def notes_by_service(
    notes: Sequence[EventNote], services: Collection[str], now: datetime
) -> dict[str, tuple[EventNote, ...]]:
    """Return those `notes` that are needed at `now`, by each of the `services`, oldest event first."""
    needed = sorted(
        (note for note in notes if now < note.kept_until),
        key=lambda note: (note.occurrence.start, note.occurrence.id),
    )
    return {service: tuple(note for note in needed if note.service == service) for service in services}
