"""The calendars as Airflow's processes see them: the folder, and the file that remembers what was read last."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError
from springtide_airflow import settings
from springtide_airflow.clock import system_clock
from springtide_airflow.policies import policies_folder, policy_names, policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from springtide.events.almanac import Almanac
    from springtide.events.firing import Firing
    from springtide.events.known import Known

MEASURED_FOR: Final = timedelta(minutes=10)
"""How long measured runs are taken from memory: a DAG file is read every few seconds, the store is not."""

log = logging.getLogger(__name__)


def calendars_folder() -> Path:
    """Return where the calendars are."""
    return settings.airflow_settings().calendars


def memory_file() -> Path:
    """Return the file that remembers what was read last; containers should share it."""
    return settings.airflow_settings().known_events


def known_events(now: datetime) -> Known:
    """Return the calendars; a broken one counts as it was when it was read last."""
    from springtide.events.known import load_memory, read_calendars

    return read_calendars(calendars_folder(), load_memory(memory_file()), now=now, services=_services())


def known_firings(now: datetime) -> tuple[tuple[Firing, ...], str | None, str | None]:
    """Return when every run is due, what is wrong with the calendars, and what they leave out; remember the first."""
    from springtide.events.firing import Firing, firings
    from springtide.events.known import load_memory, read_calendars, save_memory
    from springtide.events.leads import Measured, leads_of

    file = memory_file()
    memory = load_memory(file)
    known = read_calendars(calendars_folder(), memory, now=now, services=_services())
    seen = tuple(map(Firing.from_record, memory.get("firings", [])))
    measured = _measured(known.almanac, memory.get("measured", {}), now)
    leads = {id_: lead.length for id_, lead in leads_of(known.almanac, Measured.from_record(measured), now).items()}
    found = firings(known.almanac.occurrences, leads, seen, now=now)
    kept = {"firings": [one.to_record() for one in found], "measured": measured}
    save_memory(file, {**known.memory, **kept})
    return found, known.trouble, known.account


def _measured(almanac: Almanac, memory: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the seconds of each service's successful runs and what is usual for it, from memory while it is fresh."""
    at = memory.get("at")
    if at is not None and timedelta(0) <= now - datetime.fromisoformat(at) < MEASURED_FOR:
        return dict(memory)
    services = {name for one in almanac.occurrences if one.lead is None for name in one.asks}
    try:
        return {"at": now.isoformat(), **measure(services)}
    except SpringtideError as error:
        log.warning("leads are learned from what was measured before: %s", error.message)
        return dict(memory)


def measure(services: set[str]) -> dict[str, Any]:
    """Return what the store of runs and the policies say of `services`.

    Raises:
        TemporaryError: the store does not answer.
        PermanentError: it cannot be used.
    """
    from springtide.record.sql import open_store
    from springtide.run.measuring import measure as measured_in

    policies = {}
    for service in services & set(policy_names(policies_folder())):
        with suppress(PermanentError):  # a broken policy is told where its service is looked at
            policies[service] = policy_of(service, policies_folder())
    with open_store(store_url()) as store:
        return measured_in(store, services, policies).to_record()


def store_url() -> str:
    """Return the URL of the store of runs: the very one that runs are kept in, also in the DAG processor."""
    return settings.store_url()


def _services() -> list[str] | None:
    return policy_names(policies_folder()) or None


def utc_now() -> datetime:
    """Return the time of day."""
    return system_clock().now()
