"""Whose clocks customers go by, where a policy does not say it: those of the calendars with events of its service."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from springtide.policy.reading.plain_calendar import entries, mapping, plain_spec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SOURCES: Final = ("events", "imports", "holidays")


def zones_of(service: str, calendars: Sequence[Path]) -> dict[str, str]:
    """Return the time zones of those of `calendars` that have events of `service`, by calendar file.

    What cannot be read says nothing here; its errors are told where calendars are read.
    """
    zones = {}
    for path in calendars:
        try:
            stat = path.stat()
        except OSError:
            continue
        zone, services = _named_in(path, stat.st_mtime_ns, stat.st_size)
        if zone is not None and service in services:
            zones[path.name] = zone
    return zones


def common_zone(service: str, calendars: Sequence[Path]) -> str | None:
    """Return the one zone of those calendars; None where there is none, and where they do not agree."""
    zones = set(zones_of(service, calendars).values())
    return zones.pop() if len(zones) == 1 else None


@lru_cache(maxsize=256)
def _named_in(path: Path, changed: int, size: int) -> tuple[str | None, frozenset[str]]:
    """Return the zone of a calendar and the services that it names; a sweep asks it once for each of its services."""
    del changed, size  # the file in another state is another question
    spec = plain_spec(path)
    zone = spec.get("timezone")
    known = isinstance(zone, str) and zone != "localtime" and zone in available_timezones()
    services = (name for kind in _SOURCES for entry in entries(spec, kind) for name in mapping(entry.get("services")))
    return zone if known else None, frozenset(services)
