"""Events as an iCalendar file (RFC 5545), for the calendars of people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from icalendar import Calendar, Event

from springtide.overview.events import EventRow, EventState

PRODUCT = "-//springtide//events//EN"


def ical_of(rows: Iterable[EventRow], now: datetime) -> bytes:
    """Return one VEVENT for each event, with its preparation and what stands in its way in its description.

    Its UID is the event's id, so that a file that is read again changes what is there, and adds nothing twice.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "springtide events")
    for row in rows:
        calendar.add_component(_event(row, now))
    return bytes(calendar.to_ical())


def _event(row: EventRow, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{row.id}@springtide")
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("dtstart", row.start)
    event.add("dtend", row.end)
    event.add("summary", f"{row.event} ({row.calendar})")
    event.add("description", _description(row))
    event.add("categories", [row.calendar, *([row.kind] if row.kind else [])])
    if row.state is not EventState.OVER:
        event.add("priority", 1 if row.obstacles else 5)
    return event


def _description(row: EventRow) -> str:
    asks = ", ".join(f"{name} {ask}" for name, ask in row.asks.items())
    lines = [f"asks {asks}", f"prepared from {row.prepared_at:%Y-%m-%d %H:%M} UTC on"]
    lines += [f"in its way: {obstacle}" for obstacle in row.obstacles]
    return "\n".join([*lines, *([row.reason] if row.reason else [])])
