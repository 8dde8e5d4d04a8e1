"""From files to calendars, as `policy.reading.parse` does for policies: every error of every file at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from springtide.errors import PolicyError, Violation
from springtide.policy.calendar.ical import check_ical
from springtide.policy.calendar.model import EventCalendar
from springtide.policy.reading.document import Document, read_document
from springtide.policy.reading.folder import yaml_files
from springtide.policy.reading.validation import validate

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCalendar:
    """What a calendar's file holds as far as it can be read, and every error of it.

    Events, imports and holidays with errors are left out of `calendar`. It is None where the errors are of what holds
    for all events: freezes, caps, clocks.
    """

    calendar: EventCalendar | None
    violations: tuple[Violation, ...] = ()


def load_calendar(path: Path, *, services: Collection[str] | None = None) -> EventCalendar:
    """Return the calendar that `path` holds; `services` are the policies that there are, None where nobody knows.

    Raises:
        PolicyError: the file is refused; `violations` are all of its errors, in the order of the file.
    """
    document = read_document(path)
    calendar = _judged(document, services)
    if calendar is None:
        raise PolicyError(_in_order(document))
    return calendar


def load_what_is_whole(path: Path, *, services: Collection[str] | None = None) -> LoadedCalendar:
    """Return what of the calendar at `path` can be used: an event with errors takes no other away."""
    try:
        document = read_document(path)
    except PolicyError as error:
        return LoadedCalendar(calendar=None, violations=error.violations)
    calendar = _judged(document, services)
    if calendar is not None:
        return LoadedCalendar(calendar=calendar)
    violations = _in_order(document)
    places = {_source_of(violation) for violation in violations}
    if None in places:
        return LoadedCalendar(calendar=None, violations=violations)
    _leave_out(document.data["spec"], {place for place in places if place is not None})
    rest = Document(file=document.file, data=document.data, lines=document.lines)
    return LoadedCalendar(calendar=_judged(rest, services), violations=violations)


def _source_of(violation: Violation) -> tuple[str, int] | None:
    """Return which source of events an error is of; None where it is of something that holds for all."""
    match = re.match(r"spec\.(events|imports|holidays)\[([0-9]+)\]", violation.field)
    return (match[1], int(match[2])) if match else None


def _leave_out(spec: dict[str, Any], places: set[tuple[str, int]]) -> None:
    """Take the sources at `places` out of `spec`, and out of the overrides that name them."""
    gone = [spec[kind][at] for kind, at in sorted(places)]
    names = [entry.get("name") for entry in gone if isinstance(entry, dict)]
    for kind in {kind for kind, _ in places}:
        spec[kind] = [entry for at, entry in enumerate(spec[kind]) if (kind, at) not in places]
    overrides = spec.get("overrides")
    if isinstance(overrides, list):
        for override in overrides:
            if isinstance(override, dict) and isinstance(override.get("events"), list):
                override["events"] = [event for event in override["events"] if event not in names]
        spec["overrides"] = [entry for entry in overrides if not isinstance(entry, dict) or entry.get("events") != []]


def _judged(document: Document, services: Collection[str] | None) -> EventCalendar | None:
    calendar = validate(document, EventCalendar)
    if calendar is not None:
        _check(calendar, document, services)
    return None if document.violations else calendar


def _in_order(document: Document) -> tuple[Violation, ...]:
    return tuple(sorted(document.violations, key=lambda violation: violation.line or 0))


def event_names(folder: Path) -> tuple[str, ...]:
    """Return the events of the calendars in `folder`, as CALENDAR.EVENT; what cannot be read is left out."""
    try:
        files = calendar_files(folder)
    except PolicyError:
        return ()
    calendars = [loaded.calendar for loaded in map(load_what_is_whole, files) if loaded.calendar is not None]
    return tuple(
        f"{calendar.name}.{source.name}"
        for calendar in calendars
        for source in (*calendar.spec.events, *calendar.spec.imports, *calendar.spec.holidays)
    )


def calendar_files(folder: Path) -> list[Path]:
    """Return the calendar files of `folder`, sorted.

    Raises:
        PolicyError: the folder cannot be read.
    """
    try:
        return yaml_files(folder)
    except OSError as error:
        message = f"the folder of calendars cannot be read: {error.strerror}"
        raise PolicyError(
            (Violation(code="policy_unreadable", message=message, field="file", file=str(folder)),)
        ) from error


def _check(calendar: EventCalendar, document: Document, services: Collection[str] | None) -> None:
    """Note what only the world around a calendar can say: its name, files beside it, services that have no policy."""
    from pathlib import Path

    spec = calendar.spec
    path = Path(document.file)
    if path.stem != calendar.name:
        message = f"call the file {calendar.name}.yaml, as its calendar"
        document.refuse("policy_name_mismatch", message, ("metadata", "name"))
    for index, source in enumerate(spec.imports):
        problem = _ical_problem(path.parent / source.ical)
        if problem:
            document.refuse("policy_unreadable", f"{source.ical}: {problem}", ("spec", "imports", index, "ical"))
    for kind, asking in (("events", spec.events), ("imports", spec.imports), ("holidays", spec.holidays)):
        for index, entry in enumerate(asking):
            for name in entry.services:
                if services is not None and name not in services:
                    message = f"there is no policy {name}; there are: {', '.join(sorted(services)[:10]) or 'none'}"
                    document.refuse("service_unknown", message, ("spec", kind, index, "services", name))


def _ical_problem(path: Path) -> str | None:
    try:
        if not path.is_file():
            return "there is no such file beside the calendar"
        check_ical(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except ValueError as error:
        return f"it is no iCalendar file: {error}"
    return None
