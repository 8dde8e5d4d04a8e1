"""An event of no calendar: what somebody asks for once, judged by the rules of calendars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from springtide.errors import InputError
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.occurrences import Occurrence
from springtide.policy.calendar.model import EventCalendar

CALENDAR: Final = "ad-hoc"
"""The calendar of events that somebody added by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdHoc:
    """The event, who asks for it, and why; `calendars` holds nothing else."""

    occurrence: Occurrence
    owner: str
    reason: str
    calendars: Calendars


def ad_hoc_event(asked: object) -> AdHoc:
    """Return the event that `asked` describes: the keys of a calendar's event, and `owner` and `reason`.

    Raises:
        InputError: it is refused (`event_invalid`); the message says every reason.
    """
    if not isinstance(asked, dict):
        raise _refused("expected a mapping with name, start, end and services")
    given: dict[str, Any] = dict(asked)
    owner = str(given.pop("owner", "unknown"))[:100]
    reason = str(given.pop("reason", ""))[:500]
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": CALENDAR, "owner": CALENDAR},
        "spec": {"timezone": "UTC", "events": [given]},
    }
    try:
        calendar = EventCalendar.model_validate(document)
    except ValidationError as error:
        details = error.errors()[:5]
        raise _refused("; ".join(f"{_place(detail['loc'])}{detail['msg']}" for detail in details)) from error
    event = calendar.spec.events[0]
    if event.repeat is not None:
        raise _refused("repeat: an event of its own comes once")
    view = ExpandedCalendar.of(calendar, Path(), now=event.start.instant(calendar.spec.zone))
    return AdHoc(occurrence=view.occurrences[0], owner=owner, reason=reason, calendars=Calendars((view,)))


def _place(location: tuple[int | str, ...]) -> str:
    named = ".".join(map(str, location[3:]))
    return f"{named}: " if named else ""


def _refused(problem: str) -> InputError:
    return InputError(f"event: {problem}.", code="event_invalid", field="event")
