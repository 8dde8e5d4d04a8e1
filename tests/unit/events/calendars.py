"""Small builders for calendars and what lies around them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.events.occurrences import Occurrence
from springtide.policy.calendar.model import EventCalendar, ServiceRequest

HERE = Path(__file__).parent


def utc(text: str) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(zone: str = "UTC", *events: Mapping[str, Any], name: str = "sales", **spec: Any) -> EventCalendar:
    """Return a valid calendar; an event asks `web` for 3 replicas unless it says otherwise."""
    asked = {"services": {"web": {"replicas": 3}}}
    named = [{"name": f"event-{at}"} | asked | dict(event) for at, event in enumerate(events)]
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": name, "owner": "commerce"},
        "spec": {"timezone": zone, "events": named} | spec,
    }
    return EventCalendar.model_validate(document)


def calendars_of(*calendars: EventCalendar, now: datetime) -> Calendars:
    """Return the calendars, expanded around `now`."""
    return Calendars(tuple(ExpandedCalendar.of(calendar_spec, HERE, now=now) for calendar_spec in calendars))


def occurrence(event: str, start: str, hours: float = 1, *, priority: int = 50, **asks: int | str) -> Occurrence:
    """Return one occurrence; `web=3` asks for three replicas, `web="2x"` for twice as many."""
    wanted = {
        service: ServiceRequest.model_validate({"multiply" if isinstance(ask, str) else "replicas": ask})
        for service, ask in (asks or {"web": 3}).items()
    }
    begins = utc(start)
    return Occurrence(
        calendar="sales",
        event=event,
        start=begins,
        end=begins + timedelta(hours=hours),
        lead=None,
        priority=priority,
        asks=wanted,
    )
