"""What people are told of events and calendars: prepared, late, given back, broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

import structlog

from springtide.errors import SpringtideError, Violation
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import Inspection
from springtide.fleet.due import Due
from springtide.fleet.pauses import paused_facts
from springtide.fleet.ports import FleetPorts, Policies
from springtide.fleet.report import FleetReport, TurnReport
from springtide.notify.facts import CALENDAR_BROKEN, Fact, key_of
from springtide.notify.routing import INSTALLATION_TAG
from springtide.notify.telling import Tells
from springtide.notify.wanted import recipients
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.release import HeldFloor

log = structlog.get_logger(__name__)

BROKEN_PREFIX: Final = key_of(CALENDAR_BROKEN, "")
"""How the keys of the facts begin that a calendar is broken."""


def reported_facts(
    fleet: FleetPorts, due: Due, report: FleetReport, seen: Callable[[], Mapping[str, Inspection]]
) -> tuple[Fact, ...]:
    """Return what the end of a preparation or a sweep tells; a store that does not answer tells less."""
    facts = prepared_facts(due, report, fleet.policies)
    if due.is_simulated:
        return facts
    try:
        told = () if due.events else released_facts(fleet, report, seen())
        return (*facts, *told, *paused_facts(fleet, report.services.keys()))
    except SpringtideError as error:
        log.warning("end_not_told", code=error.code, message=error.message)
        return facts


def tell_calendars(teller: Tells, violations: Iterable[Violation]) -> None:
    """Tell which calendars are broken, each once until it is mended."""
    facts = broken_facts(violations)
    teller.over(BROKEN_PREFIX, but=[fact.key for fact in facts])
    teller.tell(*facts)


def prepared_facts(due: Due, report: FleetReport, policies: Policies) -> tuple[Fact, ...]:
    """Return what the end of a preparation tells; nothing of a simulated one, and of a sweep."""
    if due.is_simulated or not due.events:
        return ()
    late = () if report.late is None else (late_fact(due, report.late, policies),)
    told = {**report.attention, **report.problems}
    if told:
        kind = "failed" if report.problems else "needs_attention"
        return (*late, _event_fact(kind, due.events, _listed(told), policies))
    return (*late, _event_fact("event_prepared", due.events, _listed(report.services), policies))


def lateness_fact(fleet: FleetPorts, due: Due, turn: TurnReport) -> Fact | None:
    """Return the fact that a preparation is late, foreseen or met: its events have begun, and it is not over."""
    if due.is_simulated or not due.events:
        return None
    if turn.late is not None:
        return late_fact(due, turn.late, fleet.policies)
    begins = min(event.start for event in due.events)
    if turn.is_over or fleet.clock.now() < begins or due.began_at >= begins:
        return None  # who asks for an event that has begun knows that it has
    return late_fact(due, "it has begun, and its services do not stand yet", fleet.policies)


def late_fact(due: Due, message: str, policies: Policies) -> Fact:
    """Return the fact that a preparation is late: the same one however it was found out."""
    return _event_fact("event_late", due.events, (message,), policies)


def released_facts(fleet: FleetPorts, report: FleetReport, seen: Mapping[str, Inspection]) -> tuple[Fact, ...]:
    """Return which events a sweep found given back: they are over, and no service has more than its demand asks for.

    Raises:
        TemporaryError: the store does not answer.
    """
    now = fleet.clock.now()
    with fleet.open_store() as store:
        notes = store.notes(list(report.services), now=now)
    over = (note.occurrence for kept in notes.values() for note in kept if note.occurrence.end <= now)
    known = set(fleet.policies.names())
    facts = []
    for event in {occurrence.id: occurrence for occurrence in over}.values():
        # For what is only advised nothing was written, so nothing of it has to come back.
        held = sorted(name for name in event.asks if name in known and name not in report.planned_only)
        if held and all(_is_back(name, report, seen) for name in held):
            lines = _listed({name: report.services[name] for name in held})
            facts.append(_event_fact("event_released", (event,), lines, fleet.policies))
    return tuple(facts)


def broken_facts(violations: Iterable[Violation]) -> tuple[Fact, ...]:
    """Return one fact for each calendar file with errors; they name files, and no folder of this machine."""
    by_file: dict[str, list[str]] = {}
    for violation in violations:
        name = PurePath(violation.file).name
        by_file.setdefault(name, []).append(str(replace(violation, file=name)))
    return tuple(
        Fact(
            kind=CALENDAR_BROKEN,
            subject=name,
            key=key_of(CALENDAR_BROKEN, name),
            to=(INSTALLATION_TAG,),
            lines=tuple(errors),
        )
        for name, errors in by_file.items()
    )


def floor_fact(held: HeldFloor, problem: str | None) -> Fact:
    """Return what became of a raised minimum whose time is over: given back, or the `problem`."""
    policy = held.policy
    until = held.hold.until.isoformat()
    kind = "event_released" if problem is None else "failed"
    done = f"the raised minimum of {held.autoscaler} is over since {until}"
    lines = (f"{done} and was given back",) if problem is None else (f"{done} and could not be given back", problem)
    key = key_of(kind, "floor", policy.name, until)
    return Fact(kind=kind, subject=policy.name, key=key, to=recipients(kind, [policy]), lines=lines)


def _event_fact(kind: str, events: Sequence[Occurrence], lines: Sequence[str], policies: Policies) -> Fact:
    services = sorted({service for event in events for service in event.asks})
    wanted = recipients(kind, [_policy_of(policies, service) for service in services])
    ids = [event.id for event in events]
    begins = tuple(f"{event.calendar}.{event.event} begins {event.start:%Y-%m-%d %H:%M} UTC" for event in events)
    subject = ", ".join(f"{event.calendar}.{event.event}" for event in events)
    return Fact(kind=kind, subject=subject, key=key_of(kind, "event", *ids), to=wanted, lines=(*begins, *lines))


def _policy_of(policies: Policies, service: str) -> ScalingPolicy | None:
    try:
        return policies.get(service)
    except SpringtideError:
        return None


def _is_back(service: str, report: FleetReport, seen: Mapping[str, Inspection]) -> bool:
    inspection = seen.get(service)
    if inspection is None or inspection.planned is None:
        return False
    return report.standing.get(service) == inspection.current <= inspection.planned


def _listed(services: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{service}: {message}" for service, message in services.items())
