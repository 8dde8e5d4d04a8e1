"""What an event multiplies: what demand needs, and where that is not known never the lowest number. Pure.

    known       what demand most likely needs
    not known   the largest of: what the plan asks for, what runs now, what is usual at this hour, `replicas.min`

What runs now may be there for another event: then it says nothing about demand, and what was expected before that
event takes its place. Multiplied anew, two events that overlap would ask for nine times what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from springtide.events.grants import ReplicaBounds, grants
from springtide.events.notes import EventNote
from springtide.events.sweep import Inspection


@dataclass(frozen=True, slots=True)
class Multiplied:
    """The replicas that `multiply` multiplies; `assumed` says why they are no measured ones, "" where they are."""

    replicas: int
    assumed: str = ""


def multiplied(inspection: Inspection, notes: Sequence[EventNote] = ()) -> Multiplied:
    """Return what an event that begins now multiplies; `notes` are of the events before it."""
    if inspection.knows_demand:
        return Multiplied(inspection.base)
    candidates = [
        (inspection.least, "replicas.min"),
        (inspection.expected or 0, "what its plan asks for"),
        (inspection.usual or 0, "what is usual at this hour"),
        _running(inspection, notes),
    ]
    replicas, words = max(candidates, key=lambda candidate: candidate[0])
    if not inspection.reads_demand:  # nobody promised to measure it: what runs is all there is to know
        return Multiplied(replicas)
    # Cut: the message of a metrics' server may be long, and this is a part of a reason.
    why = (inspection.unknown or "nobody looked at it").rstrip(".")[:200]
    return Multiplied(replicas, f"its demand is not known ({why}), so {replicas} counts: {words}")


def _running(inspection: Inspection, notes: Sequence[EventNote]) -> tuple[int, str]:
    """Return what runs now or, where that is no more than other events asked for, what was expected before them."""
    running = inspection.running
    bounds = {inspection.service: ReplicaBounds(inspection.least, inspection.most)}
    noted = {(note.occurrence.id, note.service): note.expected for note in notes}
    floors = grants([note.occurrence for note in notes], {}, bounds, noted=noted)
    if inspection.service not in floors or running > floors[inspection.service].replicas:
        return running, "what runs now"
    return max(note.expected for note in notes), "what was expected before the other events"
