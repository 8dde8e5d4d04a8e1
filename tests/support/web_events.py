"""The application over a calendar with one event for the simulation's service `web`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from springtide.events.calendars import ExpandedCalendar
from springtide.events.snapshot import CalendarSnapshot
from springtide.policy.calendar.model import EventCalendar
from support.simulation import Simulation
from support.web import WebScene


def web_with_event(folder: Path, *, begins_in: timedelta = timedelta(days=1), **event: Any) -> WebScene:
    """Return a scene whose calendar `sales` holds the event `launch`: four hours, twice of `web`."""
    scene = WebScene.of(Simulation.of(2), folder)
    return with_events(scene, [launch(scene, begins_in=begins_in, **event)])


def launch(scene: WebScene, *, begins_in: timedelta = timedelta(days=1), **event: Any) -> dict[str, Any]:
    """Return an event, as a calendar writes it."""
    start = scene.clock.now() + begins_in
    whole = {
        "name": "launch",
        "start": f"{start:%Y-%m-%dT%H:%M}",
        "end": f"{start + timedelta(hours=4):%Y-%m-%dT%H:%M}",
        "services": {"web": {"multiply": "2x"}},
    }
    return whole | event


def with_events(scene: WebScene, events: list[dict[str, Any]], **spec: Any) -> WebScene:
    """Return the scene with a calendar of `events`."""
    document = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "sales", "owner": "shop"},
        "spec": {"timezone": "UTC", "events": events} | spec,
    }
    view = ExpandedCalendar.of(EventCalendar.model_validate(document), scene.folder, now=scene.clock.now())
    scene.calendars = CalendarSnapshot(views={"sales.yaml": view})
    return scene
