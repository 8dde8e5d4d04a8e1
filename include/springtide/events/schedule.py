"""When the runs that prepare events are due: one run for all that begins at one instant. Pure.

    not seen before     due at start - lead; at once when that is past and the event is not over (late is still useful)
    seen, not due yet   moves with its lead and with its calendar
    was due             stays as it was: an event is prepared once

A run is due at a second of its own, so that no two have the same logical date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from springtide.events.occurrences import Occurrence

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ScheduledPreparation:
    """One run: due at `at`, for what begins at `start`; useful until `end`."""

    at: datetime
    start: datetime
    end: datetime

    def to_record(self) -> list[str]:
        """Return the stored form."""
        return [self.at.isoformat(), self.start.isoformat(), self.end.isoformat()]

    @classmethod
    def from_record(cls, record: list[str]) -> ScheduledPreparation:
        """Return the preparation that `to_record` stored."""
        return cls(*map(datetime.fromisoformat, record))


def scheduled_preparations(
    occurrences: tuple[Occurrence, ...],
    leads: Mapping[str, timedelta],
    seen: tuple[ScheduledPreparation, ...],
    *,
    now: datetime,
) -> tuple[ScheduledPreparation, ...]:
    """Return when everything is due, in that order; `seen` is what the last call returned, `leads` are by id."""
    # By its start, not by its events: an event that is added to a preparation that was due already is not a second one.
    known = {preparation.start: preparation for preparation in seen}
    used: set[datetime] = set()
    preparations = []
    in_order = sorted(occurrences, key=attrgetter("start"))
    for start, group in groupby(in_order, key=attrgetter("start")):
        together = list(group)
        end = max(occurrence.end for occurrence in together)
        # One run prepares all of them, so the longest lead counts.
        planned = min(start - leads[occurrence.id] for occurrence in together).replace(microsecond=0)
        preparations.append(
            ScheduledPreparation(_due(planned, known.get(start), end, now.replace(microsecond=0)), start, end)
        )
    spread = []
    for preparation in sorted(preparations, key=attrgetter("at", "start")):
        at = preparation.at
        while at in used:
            at += _SECOND
        used.add(at)
        spread.append(ScheduledPreparation(at, preparation.start, preparation.end))
    return tuple(sorted(spread, key=attrgetter("at")))


def _due(planned: datetime, known: ScheduledPreparation | None, end: datetime, now: datetime) -> datetime:
    if known is not None and known.at <= now:
        return known.at
    if planned >= now or end <= now:
        return planned
    return now


def next_preparation(
    preparations: tuple[ScheduledPreparation, ...], *, after: datetime | None, not_over_at: datetime | None
) -> ScheduledPreparation | None:
    """Return the first that is due later than `after`; with `not_over_at`, only what is still useful then."""
    for preparation in preparations:
        if after is not None and preparation.at <= after:
            continue
        if not_over_at is not None and preparation.end <= not_over_at:
            continue
        return preparation
    return None
