"""The readiness card of an event as text of 80 columns. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from springtide.overview.events import Check, EventOrigin, Light, Readiness, Wave
from springtide.wording import on_the_clock

WIDTH: Final = 80
MARKS: Final = {Light.GREEN: "✓", Light.AMBER: "!", Light.RED: "✗", Light.UNKNOWN: "?"}

Line = tuple[str, Light | None]


def card_lines(card: Readiness, now: datetime, *, is_whole: bool) -> Iterator[Line]:
    """Yield the lines of a card, each with the light that it is shown in; a short one leaves out what is green."""
    yield from _head(card, now)
    shown = card.checks if is_whole else card.not_green
    for check in shown:
        yield from _check(check)
    if left := len(card.checks) - len(shown):
        yield f"  ✓ {left} more {'check is' if left == 1 else 'checks are'} green", Light.GREEN
    if is_whole:
        yield from _waves(card, now)
    yield from _wrapped(f"  {_cost(card)}", indent=4)


def _head(card: Readiness, now: datetime) -> Iterator[Line]:
    event = card.event
    whose = f"{event.calendar}.{event.event}" if event.origin is EventOrigin.CALENDAR else f"{event.event} (added)"
    yield f"{whose}: {card.light.upper()}", card.light
    asks = ", ".join(f"{name} {ask}" for name, ask in event.asks.items())
    begins = f"begins {_at(event.start, now)}, ends {event.end:%Y-%m-%d %H:%M}"
    yield from _wrapped(f"  {begins}; asks {asks}", indent=4)
    margin = "" if card.margin_seconds is None else f", margin {_span(card.margin_seconds)}"
    lead = f"lead {timedelta(seconds=event.lead_seconds)} ({event.lead_reason}){margin}"
    yield from _wrapped(f"  prepared {_at(event.prepared_at, now)}: {lead}", indent=4)


def _check(check: Check) -> Iterator[Line]:
    whose = f"{check.service}: " if check.service and not check.sentence.startswith(check.service) else ""
    text = f"  {MARKS[check.light]} {check.name}: {whose}{check.sentence}"
    yield from _wrapped(text, indent=4, light=check.light)
    if check.to_do:
        yield from _wrapped(f"    → {check.to_do}", indent=6)


def _waves(card: Readiness, now: datetime) -> Iterator[Line]:
    for wave in card.waves:
        yield from _wrapped(f"  wave {wave.number}: {_services(wave)}{_until(wave, now)}", indent=4)


def _services(wave: Wave) -> str:
    told = []
    for each in wave.services:
        path = " → ".join(map(str, (each.current if each.current is not None else "?", *each.steps)))
        ready = "" if each.ready is None else f", {each.ready} ready"
        told.append(f"{each.service} {path} ({each.state.replace('_', ' ')}{ready})")
    return ", ".join(told)


def _until(wave: Wave, now: datetime) -> str:
    return "" if wave.stands_at is None else f"; stands {_at(wave.stands_at, now)}"


def _cost(card: Readiness) -> str:
    cost = card.cost
    if cost.pods is None:
        return "what holding it costs is not known: what it multiplies was not measured"
    beyond = "" if cost.beyond is None else f", {cost.beyond} of them only for it"
    money = "" if cost.money is None else f", {cost.money:g} by its calendar's price"
    hours = "" if cost.pod_hours is None else f", {cost.pod_hours:g} pod-hours"
    return f"holding it: {cost.pods} pods{beyond}{hours}{money}"


def _at(moment: datetime, now: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC ({on_the_clock(moment, now)})"


def _span(seconds: float) -> str:
    return f"{'-' if seconds < 0 else ''}{timedelta(seconds=round(abs(seconds)))}"


def _wrapped(text: str, *, indent: int, light: Light | None = None) -> Iterator[Line]:
    for line in textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False):
        yield line, light
