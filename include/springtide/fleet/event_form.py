"""The forms that ask for the preparation of an event, and for its approval ahead, as JSON Schema.

They are a courtesy: `events.ad_hoc` and `fleet.approve_ahead` judge the values, whoever sent them and by whatever door.
Fields by themselves and one line a service, for nobody fills an empty box of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from springtide.events.written_asks import written_asks

LONGEST_REASON: Final = 500
_NAMES: Final = ("name", "start", "end", "services", "lead", "priority", "reason")


_APPROVAL: Final[dict[str, dict[str, Any]]] = {
    "up_to": {
        "default": None,
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 10_000,
        "title": "Up to replicas",
        "description": "A plan for more than this waits for a person as before.",
    },
    "until": {
        "default": None,
        "type": ["string", "null"],
        "format": "date-time",
        "title": "Until",
        "description": "When the approval lapses. Empty: at the end of the event.",
    },
    "reason": {
        "default": "",
        "type": "string",
        "maxLength": LONGEST_REASON,
        "title": "Reason",
        "description": "Required: whoever looks at it later wants to know why nobody was asked.",
    },
    "take_back": {
        "default": False,
        "type": "boolean",
        "title": "Take it back",
        "description": "What was approved before for this service and event counts no more.",
    },
}


def asked_lines(services: Sequence[str]) -> dict[str, Any]:
    """Return the field that asks for services and numbers, one a line."""
    example = services[0] if services else "checkout"
    known = f" Services: {', '.join(services[:20])}{' and more' if len(services) > 20 else ''}." if services else ""  # noqa: PLR2004
    return {
        "default": None,
        "type": ["array", "null"],
        "items": {"type": "string", "maxLength": 300},
        "title": "Services",
        "description": f"One a line, with what is asked of it: {example}=3x (times what it needs by then) or "
        f"{example}=80 (replicas).{known}",
    }


def event_form(services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name that prepare one event now; all empty means what the calendars hold by now."""
    return {
        "name": {
            "default": None,
            "type": ["string", "null"],
            "maxLength": 63,
            "title": "Event",
            "description": "What it is called, such as flash-sale. Leave all fields empty to prepare what the "
            "calendars hold by now. What is asked for here is prepared at once. To have it prepared a lead time "
            "before, add it on the Events page or with `springtide events add`.",
        },
        "start": {
            "default": None,
            "type": ["string", "null"],
            "format": "date-time",
            "title": "Begins",
            "description": "In the time zone that Airflow's page shows.",
        },
        "end": {
            "default": None,
            "type": ["string", "null"],
            "format": "date-time",
            "title": "Ends",
            "description": "From then on what it asked for is given back.",
        },
        "services": asked_lines(services),
        "priority": {
            "default": 50,
            "type": "integer",
            "minimum": 0,
            "maximum": 100,
            "title": "Priority",
            "description": "Who gets what is left where a cap does not suffice for all: the higher first.",
        },
        "reason": {
            "default": "",
            "type": "string",
            "maxLength": LONGEST_REASON,
            "title": "Reason",
            "description": "Why; kept with every run of it.",
        },
    }


def event_of_form(conf: Mapping[str, Any], *, asked_by: str) -> object:
    """Return the event that a run's `conf` asks for, None where it asks for none: as one value, or field by field.

    Raises:
        InputError: a line names no service, or gives no number.
    """
    event = conf.get("event")
    if event not in (None, {}):
        return event
    given = {name: conf[name] for name in _NAMES if conf.get(name) not in (None, "", [])}
    if not given.keys() & {"name", "start", "end", "services"}:
        return None
    lines = given.get("services", [])
    if isinstance(lines, list):
        given["services"] = written_asks(str(line) for line in lines)
    return given | {"owner": asked_by}


def approval_form(services: Sequence[str], events: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields by name of an approval ahead; `services` and `events` are those to choose from."""
    choice = {"enum": list(services)} if services else {}
    examples = {"examples": list(events)} if events else {}
    return {
        "service": {
            "type": "string",
            "title": "Service",
            "description": "The policy whose plans wait for a person.",
            **choice,
        },
        "event": {
            "type": "string",
            "maxLength": 253,
            "title": "Event",
            "description": "Its next time is approved. Of an event that was added: its whole id, as "
            "ad-hoc.launch.20261127T180000Z.",
            **examples,
        },
        **_APPROVAL,
    }
