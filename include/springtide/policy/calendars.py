"""From files to calendars, as `springtide.policy.parse` does for policies: every error of every file at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide.errors import PolicyError, Violation
from springtide.policy.calendar import EventCalendar
from springtide.policy.document import read_document
from springtide.policy.explain import validate
from springtide.policy.folder import yaml_files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from springtide.policy.document import Document


def load_calendar(path: Path, *, services: Collection[str] | None = None) -> EventCalendar:
    """Return the calendar that `path` holds; `services` are the policies that there are, None where nobody knows.

    Raises:
        PolicyError: the file is refused; `violations` are all of its errors, in the order of the file.
    """
    document = read_document(path)
    calendar = validate(document, EventCalendar)
    if calendar is not None:
        _check(calendar, document, services)
    if calendar is None or document.violations:
        raise PolicyError(tuple(sorted(document.violations, key=lambda one: one.line or 0)))
    return calendar


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

    spec, path = calendar.spec, Path(document.file)
    if path.stem != calendar.name:
        message = f"call the file {calendar.name}.yaml, as its calendar"
        document.refuse("policy_name_mismatch", message, ("metadata", "name"))
    for index, one in enumerate(spec.imports):
        problem = _ical_problem(path.parent / one.ical)
        if problem:
            document.refuse("policy_unreadable", f"{one.ical}: {problem}", ("spec", "imports", index, "ical"))
    for kind, asking in (("events", spec.events), ("imports", spec.imports), ("holidays", spec.holidays)):
        for index, entry in enumerate(asking):
            for name in entry.services:
                if services is not None and name not in services:
                    message = f"there is no policy {name}; there are: {', '.join(sorted(services)[:10]) or 'none'}"
                    document.refuse("service_unknown", message, ("spec", kind, index, "services", name))


def _ical_problem(path: Path) -> str | None:
    from springtide.policy.document import MAX_BYTES

    try:
        if not path.is_file():
            return "there is no such file beside the calendar"
        if path.stat().st_size > 16 * MAX_BYTES:
            return f"it is larger than {16 * MAX_BYTES} bytes"
        read_ical(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except ValueError as error:
        return f"it is no iCalendar file: {str(error)[:160]}"
    return None


def read_ical(path: Path) -> object:
    """Return the iCalendar file at `path`, parsed.

    Raises:
        ValueError: it is none.
        OSError: it cannot be read.
    """
    from icalendar import Calendar

    return Calendar.from_ical(path.read_bytes())
