"""The form that asks for a rehearsal, as JSON Schema with a title and a description for each field.

It is a courtesy: `rehearsal_request` judges the values, whoever sent them and by whatever door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from springtide.fleet.event_form import asked_lines
from springtide.fleet.rehearsal_bounds import LONGEST_REASON, MINUTES, MOST_RATE, SECONDS


def _whole(bounds: tuple[int, int]) -> dict[str, Any]:
    minimum, maximum = bounds
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


_BOUNDS: Final[dict[str, dict[str, Any]]] = {
    "minutes": {
        "default": 60,
        **_whole(MINUTES),
        "title": "Minutes",
        "description": "When its grants expire: from then on what is left is given back.",
    },
    "load_test": {
        "default": True,
        "type": "boolean",
        "title": "Load test",
        "description": "Send load to the services whose policies have a `rehearsal`. Off: scale only.",
    },
    "max_rate": {
        "default": 100,
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": MOST_RATE,
        "title": "Requests a second",
        "description": "The most that is sent to one service; its policy may allow less.",
    },
    "seconds": {
        "default": 60,
        **_whole(SECONDS),
        "title": "Seconds of load",
        "description": "The longest that it is sent; the policy may allow less.",
    },
    "confirm": {
        "default": False,
        "type": "boolean",
        "title": "I know that this scales these services now, and loads them",
        "description": "Without it nothing is done.",
    },
    "reason": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Reason",
        "description": "Why; kept with every run.",
    },
}


def rehearsal_form(services: Sequence[str], events: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name, in the order in which they are shown; `services` and `events` are to choose from."""
    examples = {"examples": list(events)} if events else {}
    event = {
        "default": None,
        "type": ["string", "null"],
        "title": "Event",
        "description": "An event of the calendars: its name, CALENDAR.EVENT, or the id of one occurrence.",
        **examples,
    }
    lines = asked_lines(services)
    asks = lines | {"description": f"Without an event of a calendar. {lines['description']}"}
    return {"event": event, "asks": asks, **_BOUNDS}
