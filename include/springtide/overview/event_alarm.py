"""What cries before an event that cannot be met: the check of the calendars that every sweep makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from springtide.errors import PermanentError, SpringtideError
from springtide.events.occurrences import Occurrence
from springtide.fleet.ports import Policies
from springtide.overview.event_checks import kept_for_ever
from springtide.overview.event_rows import told
from springtide.overview.event_surroundings import AirflowSight, EventSurroundings
from springtide.overview.event_views import readiness_of_all
from springtide.overview.events import Check, Light, Readiness
from springtide.policy.scaling.model import ScalingPolicy

CRIES_WITHIN_DAYS: Final = 2
"""How near an event has to be for its readiness to fail a sweep's check: time to mend it, and no alarm of a week."""


def red_events(around: EventSurroundings, *, days: int = CRIES_WITHIN_DAYS) -> tuple[Readiness, ...]:
    """Return the cards of the events that begin within `days` and are red; those that have begun are not among them."""
    now = around.clock.now()
    return tuple(
        card
        for card in readiness_of_all(around, days=days)
        if card.light is Light.RED and now < card.event.start < now + timedelta(days=days)
    )


def alarms(cards: Iterable[Readiness]) -> dict[str, list[str]]:
    """Return, for each red event, what stands in its way and what to do, a line for each."""
    return {card.event.id: [_line(check) for check in card.not_green if check.light is Light.RED] for card in cards}


def require_ready(cards: Sequence[Readiness]) -> None:
    """Return when no event is red.

    Raises:
        PermanentError: one is; the message holds every red check of each, with both numbers (`event_not_ready`).
    """
    if cards:
        words = "; ".join(f"{event}: {' '.join(lines)}" for event, lines in alarms(cards).items())
        raise PermanentError(f"events that cannot be met as they are: {words}", code="event_not_ready")


def never_given_back(events: Iterable[Occurrence], policies: Policies, airflow: AirflowSight) -> list[str]:
    """Return, for each event that was prepared, that nobody will give back what it takes; nothing where somebody will.

    Where Airflow could not be asked, one line says so.
    """
    if airflow.paused is None:
        return [f"whether adjust_capacity is on, and gives anything back, is not known: {airflow.why_not}"]
    told_of = ((event, kept_for_ever(airflow, _readable(event, policies), event.end)) for event in events)
    return [f"{event.calendar}.{event.event}: {why}" for event, why in told_of if why]


def _readable(event: Occurrence, policies: Policies) -> list[ScalingPolicy]:
    found = []
    for name in sorted(event.asks.keys() & set(policies.names())):
        try:
            found.append(policies.get(name))
        except SpringtideError:
            continue  # its own look says what is wrong with it
    return found


def _line(check: Check) -> str:
    return f"{told(check)}. {check.to_do}" if check.to_do else told(check)
