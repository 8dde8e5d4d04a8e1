"""What a page says of an event in one sentence, and how many of them are ready. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from springtide.overview.event_rows import is_named
from springtide.overview.events import (
    Aftermath,
    Check,
    EventRow,
    EventState,
    Light,
    Readiness,
    WaveState,
)
from springtide.wording import counted


def headline(card: Readiness) -> str:
    """Return whether the event is ready: what stands in its way first, and how much more there is."""
    if card.event.state in {EventState.PREPARING, EventState.PREPARED, EventState.GOING_ON}:
        return f"{_progress(card)} {_judgement(card)}".strip()
    return _judgement(card)


def _judgement(card: Readiness) -> str:
    passed = sum(check.light is Light.GREEN for check in card.checks)
    if card.light is Light.GREEN:
        return f"Ready: {_all(passed)} passed."
    worst = card.not_green
    if not worst:
        return "Nobody could look at it, so nobody knows whether it is ready."
    first = _sentence(worst[0])
    more = len(worst) - 1
    rest = f" And {more} more to look at." if more else ""
    if card.light is Light.RED:
        return f"Not ready: {first}.{rest}"
    begin = "Nobody knows yet" if worst[0].light is Light.UNKNOWN else "Ready, if somebody looks at this"
    return f"{begin}: {first}.{rest}"


def _progress(card: Readiness) -> str:
    """Return how many services stand, "" where there are no waves."""
    services = [service for wave in card.waves for service in wave.services]
    if not services:
        return ""
    standing = sum(service.state is WaveState.STANDS for service in services)
    verb = "stands" if standing == 1 else "stand"
    return f"{standing} of {counted(len(services), 'service')} {verb}."


def _sentence(check: Check) -> str:
    return (check.sentence if is_named(check) else f"{check.service} {check.sentence}").rstrip(".")


def _all(count: int) -> str:
    return "its one check" if count == 1 else f"all {count} checks"


def list_headline(rows: Sequence[EventRow], now: datetime, *, days: int) -> str:
    """Return how many events there are, what comes first, and how many of them something stands in the way of."""
    coming = [row for row in rows if row.end > now]
    if not coming:
        return f"No event in the next {days} days."
    red = sum(row.light is Light.RED for row in coming)
    count = "One event" if len(coming) == 1 else f"{len(coming)} events"
    blocked = "nothing that is known stands in the way" if not red else f"{red} cannot be met as they are"
    if red == 1:
        blocked = "one cannot be met as it is"
    return f"{count} in the next {days} days: {blocked}."


def aftermath_headline(after: Aftermath) -> str:
    """Return what became of an event in one sentence."""
    known = [service for service in after.services if service.violated_minutes is not None]
    if not known:
        return "What it came to is not known: nothing was kept of that time."
    short = [service for service in known if service.violated_minutes]
    if not short:
        return "It held: at no time was more needed than there was."
    worst = max(short, key=lambda service: service.violated_minutes or 0)
    more = f", and {counted(len(short) - 1, 'more service')}" if len(short) > 1 else ""
    return f"It fell short: {worst.service} for {worst.violated_minutes} min{more}."
