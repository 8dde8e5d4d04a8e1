"""Events as a person sees them, one line per case: only what a case is about is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from springtide.overview.events import (
    Aftermath,
    Check,
    Cost,
    EventOrigin,
    EventRow,
    EventState,
    FreezeRow,
    Light,
    Readiness,
    ServiceAftermath,
    Wave,
    WaveService,
    WaveState,
    light_of,
)
from support.builders import NOW


def event_row(event: str = "sale", **changes: Any) -> EventRow:
    """Return an event of tomorrow that asks for 12 of `web`, with `changes`."""
    start = changes.pop("start", NOW + timedelta(days=1))
    values = {
        "id": f"sales.{event}.{start:%Y%m%dT%H%M%SZ}",
        "event": event,
        "calendar": "sales",
        "origin": EventOrigin.CALENDAR,
        "state": EventState.AHEAD,
        "prepared_at": start - timedelta(minutes=35),
        "start": start,
        "end": start + timedelta(hours=12),
        "lead_seconds": 2100.0,
        "lead_reason": "p95 of the measured runs in their order, and 5m of margin",
        "priority": 50,
        "asks": {"web": "12"},
        "light": Light.GREEN,
    }
    return EventRow(**{**values, **changes})


def event_check(name: str = "policy maximum", light: Light = Light.GREEN, **changes: Any) -> Check:
    """Return one check, green unless told otherwise."""
    values = {"service": "web", "sentence": "asks for 12, replicas.max is 50"}
    return Check(**{**values, **changes, "name": name, "light": light})


def wave(number: int = 1, *services: WaveService, **changes: Any) -> Wave:
    """Return one wave of `services`, of `web` in two steps when none is given."""
    own = services or (WaveService(service="web", current=2, ready=2, steps=(6, 12), state=WaveState.WAITS),)
    return Wave(number=number, services=own, **changes)


def readiness(*checks: Check, event: EventRow | None = None, **changes: Any) -> Readiness:
    """Return the card of an event with `checks`, one green one when none is given; its light is theirs."""
    given = checks or (event_check(),)
    values = {
        "event": event or event_row(),
        "light": light_of(check.light for check in given),
        "checks": given,
        "waves": (wave(),),
        "cost": Cost(pods=12, beyond=10, pod_hours=144.0),
        "preparation_seconds": 600.0,
        "margin_seconds": 1500.0,
    }
    return Readiness(**{**values, **changes})


def aftermath(*services: ServiceAftermath, event: EventRow | None = None) -> Aftermath:
    """Return what an event came to, for `web` when no service is given."""
    own = services or (
        ServiceAftermath(
            service="web",
            asked="3.2x",
            prepared=19,
            needed=16,
            violated_minutes=0,
            pod_hours_wasted=31.5,
            next_time="2.6x",
        ),
    )
    return Aftermath(event=event or event_row(state=EventState.OVER), services=own)


def freeze_row(name: str = "audit", **changes: Any) -> FreezeRow:
    """Return a freeze of all services, of tomorrow from noon on."""
    start = NOW + timedelta(hours=36)
    values = {"calendar": "sales", "reason": "the auditors", "start": start, "end": start + timedelta(hours=6)}
    return FreezeRow(**{**values, **changes, "name": name})
