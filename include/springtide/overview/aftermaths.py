"""What an event of the past came to, service by service: by what sweeps decided, else by what demand then did."""

from __future__ import annotations

from dataclasses import replace

from springtide.errors import PermanentError, SpringtideError
from springtide.events.occurrences import Occurrence
from springtide.fleet.simulated import SimulatedLine, simulate_preparation
from springtide.overview.event_past import PastNeed, next_time, past_need
from springtide.overview.event_surroundings import EventSurroundings
from springtide.overview.events import Aftermath, EventRow, ServiceAftermath
from springtide.overview.needed_then import needed_then
from springtide.policy.calendar.model import ServiceRequest


def aftermath(around: EventSurroundings, row: EventRow, event: Occurrence) -> Aftermath:
    """Return what `event` came to; a part that nobody knows says why.

    Raises:
        TemporaryError: the store does not answer.
    """
    return Aftermath(event=row, services=tuple(_service(around, event, name) for name in sorted(event.asks)))


def _service(around: EventSurroundings, event: Occurrence, name: str) -> ServiceAftermath:
    ask = event.asks[name]
    with around.open_store() as store:
        need = past_need(store, name, event)
    if need.needed is None:
        return _by_days(around, event, name)
    return _of_need(need, name, ask)


def _of_need(need: PastNeed, name: str, ask: ServiceRequest, problem: str = "") -> ServiceAftermath:
    return ServiceAftermath(
        service=name,
        asked=str(ask),
        prepared=need.prepared,
        needed=need.needed,
        violated_minutes=None if need.violated is None else round(need.violated.total_seconds() / 60),
        pod_hours_held=None if need.held_hours is None else round(need.held_hours, 1),
        pod_hours_wasted=None if need.wasted_hours is None else round(need.wasted_hours, 1),
        next_time=next_time(need, multiplied=ask.multiply is not None),
        problem=problem,
    )


def _by_days(around: EventSurroundings, event: Occurrence, name: str) -> ServiceAftermath:
    """Return what the kept days say where no sweep decided anything while it lasted; without them it is simulated."""
    try:
        with around.open_store() as store:
            then = needed_then(store, around.policies.get(name), event)
    except PermanentError as error:  # its policy is gone or broken
        return ServiceAftermath(service=name, asked=str(event.asks[name]), problem=error.message)
    if then.needed is None:
        return replace(_simulated(around, event, name), prepared=then.prepared)
    need = PastNeed(
        occurrence=event.id,
        start=event.start,
        needed=then.needed,
        prepared=then.prepared,
        base=then.base,
        violated=then.violated,
        wasted_hours=then.wasted_hours,
        held_hours=then.held_hours,
    )
    return _of_need(need, name, event.asks[name], then.why_not or "by the demand that was kept of its days")


def _simulated(around: EventSurroundings, event: Occurrence, name: str) -> ServiceAftermath:
    """Return what demand then asked for, where no decision was kept; what really stood is not known then."""
    unknown = ServiceAftermath(
        service=name, asked=str(event.asks[name]), problem="no decision of that time is kept, and demand was not read"
    )
    if around.ports_of is None:
        return unknown
    try:
        policy = around.policies.get(name)
        with around.ports_of(policy) as ports:
            lines = simulate_preparation(ports, {name: policy}, [event], at=event.start, cap=around.known.calendars.cap)
    except SpringtideError as error:
        return ServiceAftermath(service=name, asked=str(event.asks[name]), problem=error.message)
    line = next(line for line in lines if line.service == name)
    return _of_line(line, str(event.asks[name]))


def _of_line(line: SimulatedLine, asked: str) -> ServiceAftermath:
    problem = line.problem or "what stood is not known: this is by what demand asked for then"
    known = line.needed is not None
    return ServiceAftermath(
        service=line.service,
        asked=asked,
        needed=line.needed,
        violated_minutes=line.short_minutes if known else None,
        problem=problem,
    )
