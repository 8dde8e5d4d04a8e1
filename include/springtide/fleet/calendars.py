"""The folder of calendars, and the file that remembers what was read last: a broken calendar takes no event away."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from springtide.errors import PermanentError, SpringtideError
from springtide.events.calendars import Calendars
from springtide.events.leads import MeasuredRuns, leads_of
from springtide.events.schedule import ScheduledPreparation, scheduled_preparations
from springtide.events.snapshot import CalendarSnapshot, load_cache, read_calendars, save_cache
from springtide.fleet.ports import Policies
from springtide.record.store import OpenStore
from springtide.training.durations import measure

MEASURED_FOR: Final = timedelta(minutes=10)
"""How long measured runs are taken from memory: calendars are read every few seconds, the store is not."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFolder:
    """Where calendars are read: `memory_file` keeps what was read last, None where nothing is remembered.

    A folder that `may_be_absent` is the default one: nobody named it.
    """

    folder: Path
    memory_file: Path | None
    policies: Policies
    open_store: OpenStore
    may_be_absent: bool = False

    def known(self, now: datetime) -> CalendarSnapshot:
        """Return the calendars; a broken one counts as it was when it was read last."""
        return self._read(self._memory(), now)

    def due(
        self, now: datetime, *, most: int | None = None
    ) -> tuple[tuple[ScheduledPreparation, ...], CalendarSnapshot]:
        """Return when every preparation is due, in that order, and the calendars it is from; remember both.

        With `most`, only so many: those of the events that start nearest to `now`.
        """
        cached = self._memory()
        snapshot = self._read(cached, now)
        measured = self._measured(snapshot.calendars, cached.get("measured", {}), now)
        leads = leads_of(snapshot.calendars, MeasuredRuns.from_record(measured), now)
        seen = tuple(map(ScheduledPreparation.from_record, cached.get("firings", [])))
        lengths = {occurrence: lead.length for occurrence, lead in leads.items()}
        due = scheduled_preparations(snapshot.calendars.occurrences, lengths, seen, now=now)
        if self.memory_file is not None:
            kept = {"firings": [preparation.to_record() for preparation in due], "measured": measured}
            save_cache(self.memory_file, {**snapshot.cache, **kept})
        nearest = sorted(due, key=lambda preparation: abs(preparation.start - now))[:most]
        return tuple(sorted(nearest, key=lambda preparation: preparation.at)), snapshot

    def measured(self, calendars: Calendars) -> MeasuredRuns:
        """Return what the store and the policies say of the services whose leads are learned.

        Raises:
            TemporaryError: the store does not answer.
            PermanentError: it cannot be used.
        """
        services = {name for event in calendars.occurrences if event.lead is None for name in event.asks}
        readable = {}
        for service in sorted(services & set(self.policies.names())):
            with suppress(PermanentError):  # a broken policy is told where its service is looked at
                readable[service] = self.policies.get(service)
        with self.open_store() as store:
            return measure(store, services, readable)

    def _measured(self, calendars: Calendars, cached: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Return the stored form of what was measured, from memory while it is fresh."""
        at = cached.get("at")
        if at is not None and timedelta(0) <= now - datetime.fromisoformat(at) < MEASURED_FOR:
            return dict(cached)
        try:
            return {"at": now.isoformat(), **self.measured(calendars).to_record()}
        except SpringtideError as error:
            log.warning("leads_by_earlier_measures", code=error.code, message=error.message)
            return dict(cached)

    def _read(self, cached: Mapping[str, Any], now: datetime) -> CalendarSnapshot:
        # without any policy nobody knows which services there are, so calendars are not judged by them
        services = list(self.policies.names()) or None
        return read_calendars(self.folder, cached, now=now, services=services, may_be_absent=self.may_be_absent)

    def _memory(self) -> dict[str, Any]:
        return {} if self.memory_file is None else load_cache(self.memory_file)
