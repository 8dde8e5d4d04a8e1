"""Sharing endpoints out over slices of limited size, with few writes and without moving those that have a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from springtide.sandbox.objects import Json, labels_of


@dataclass(eq=False, slots=True)
class Slot:
    """One slice while endpoints are shared out; `stored` is None for one that has to be made."""

    stored: Json | None = None
    endpoints: list[Json] = field(default_factory=list)

    def fill(self, waiting: dict[str, Json], size: int) -> None:
        """Take endpoints from those that wait, up to the size."""
        while waiting and len(self.endpoints) < size:
            self.endpoints.append(waiting.pop(next(iter(waiting))))


@dataclass(slots=True)
class Packing:
    """The slices that have to be written; what is in none of the lists stays as it is."""

    created: list[Slot] = field(default_factory=list)
    updated: list[Slot] = field(default_factory=list)
    emptied: list[Json] = field(default_factory=list)


def packed(stored: Iterable[Json], endpoints: dict[str, Json], labels: dict[str, str], size: int) -> Packing:
    """Share out endpoints (by pod uid) over the slices that are there and as many new ones as they need.

    As documented for EndpointSlices: what has a place keeps it; slices that change anyway are filled up first; the
    rest goes into one untouched slice that has room for all of it, else into new ones.
    """
    waiting = dict(endpoints)
    packing = Packing()
    untouched: list[Slot] = []
    for existing in stored:
        slot = Slot(existing, _kept(existing, waiting))
        if not slot.endpoints:
            packing.emptied.append(existing)
        elif slot.endpoints == existing["endpoints"] and labels_of(existing) == labels:
            untouched.append(slot)
        else:
            packing.updated.append(slot)
    for slot in sorted(packing.updated, key=lambda slot: -len(slot.endpoints)):
        slot.fill(waiting, size)
    _place_rest(waiting, untouched, packing, size)
    return packing


def _kept(existing: Json, waiting: dict[str, Json]) -> list[Json]:
    """Return the endpoints of a slice that are still wanted, as they are now; they wait no more."""
    uids = [endpoint["targetRef"]["uid"] for endpoint in existing["endpoints"]]
    return [waiting.pop(uid) for uid in uids if uid in waiting]


def _place_rest(waiting: dict[str, Json], untouched: list[Slot], packing: Packing, size: int) -> None:
    while waiting:
        slot = _roomy(untouched, len(waiting), size)
        if slot is not None:
            packing.updated.append(slot)
        else:
            slot = Slot()
            packing.created.append(slot)
        slot.fill(waiting, size)


def _roomy(untouched: list[Slot], count: int, size: int) -> Slot | None:
    """Return the fullest untouched slice that has room for all that wait: one write instead of two."""
    fitting = [slot for slot in untouched if len(slot.endpoints) + count <= size]
    return max(fitting, key=lambda slot: len(slot.endpoints), default=None)
