"""The shapes of events that are about to be prepared: learned from each service's own demand in past ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from springtide.capacity.event_shape import LEAST_EVENTS, LEVEL, MOST_EVENTS, EventShape, past_rises, shape_of
from springtide.demand.local_time import LocalClock, clock_of
from springtide.errors import DemandUnavailable, InputError, SpringtideError
from springtide.events.occurrences import Occurrence
from springtide.fleet.ports import FleetPorts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.run.ports import Ports

log = structlog.get_logger(__name__)

_DAY: Final = 86400.0

_SAME_CLOCK: Final = 90 * 60.0
"""Seconds of the day that two events may begin apart and still have the same customers awake."""


@dataclass(frozen=True, slots=True)
class LearnedShape:
    """The shape of an event for one service; None where nothing was learned, and then `why_not`."""

    shape: EventShape | None
    why_not: str = ""


def learned_shapes(
    fleet: FleetPorts, events: Sequence[Occurrence], services: Collection[str]
) -> dict[tuple[str, str], LearnedShape]:
    """Return the shape of each of `events` that wants one, by its id and the service, for the `services` it asks for.

    Where demand cannot be read nothing is learned: the event is prepared all the same, and says so.
    """
    wanted = [
        (event, service)
        for event in events
        if event.shape == "learned"
        for service in event.asks
        if service in services
    ]
    if not wanted:
        return {}
    now = fleet.clock.now()
    over = [past for past in fleet.calendars().occurrences if past.end <= now]
    shapes = {}
    for event, service in wanted:
        learned = _learned(fleet, event, service, over)
        shapes[event.id, service] = learned
        if learned.shape is None:
            log.warning("event_held_flat", occurrence=event.id, service=service, why=learned.why_not)
    return shapes


def _learned(fleet: FleetPorts, event: Occurrence, service: str, over: Sequence[Occurrence]) -> LearnedShape:
    try:
        policy = fleet.policies.get(service)
    except SpringtideError as error:
        return _flat(error.message)
    past = _alike(event, [past for past in over if past.is_like(event)], clock_of(policy.spec.demand))
    if len(past) < LEAST_EVENTS:
        return _flat(f"the calendars know {len(past)} past events of its kind, {LEAST_EVENTS} are needed")
    unread: list[str] = []
    try:
        with fleet.ports_of(policy) as ports:
            rises = list(_rises(ports, policy, event.end - event.start, past, unread))
    except InputError as error:  # of one cluster: its event is held flat, and the others' are not
        return _flat(error.message)
    shape = shape_of(rises)
    if shape is None:
        why = unread[-1] if unread else f"demand rose in fewer than {LEAST_EVENTS} of {len(past)} past events"
        return _flat(why)
    return LearnedShape(shape)


def _flat(why: str) -> LearnedShape:
    # Cut: the message of a metrics' server may be long, and this is a part of a reason.
    return LearnedShape(None, f"held flat: no shape was learned ({why.rstrip('.')[:200]})")


def _alike(event: Occurrence, over: Sequence[Occurrence], clock: LocalClock) -> list[Occurrence]:
    """Return the last past events: those at the same time of day by `clock` if they are enough, else all."""
    earlier = sorted((past for past in over if past.start < event.start), key=lambda past: past.start)
    begins = _time_of_day(event.start, clock)
    apart = [(_time_of_day(past.start, clock) - begins) % _DAY for past in earlier]
    # The clock is a circle: 23:50 and 00:10 are twenty minutes apart.
    near = [past for past, by in zip(earlier, apart, strict=True) if min(by, _DAY - by) <= _SAME_CLOCK]
    return (near if len(near) >= LEAST_EVENTS else earlier)[-MOST_EVENTS:]


def _time_of_day(moment: datetime, clock: LocalClock) -> float:
    import numpy as np

    return float(clock.shown(np.array([moment.timestamp()]))[0]) % _DAY


def _rises(
    ports: Ports, policy: ScalingPolicy, length: timedelta, past: Sequence[Occurrence], unread: list[str]
) -> Iterator[NDArray[np.float64]]:
    """Yield what demand rose by in each of `past` that can be read; why others cannot goes into `unread`."""
    spec = policy.spec.demand
    source = ports.demand(policy)
    if spec is None or source is None:
        unread.append("its policy measures no demand")
        return
    for event in past:
        start = event.start.astimezone(UTC)
        try:
            demand = source.read(start - LEVEL, start + length, spec.step)
        except SpringtideError as error:
            unread.append(error.message)
            if isinstance(error, DemandUnavailable):  # nine more would only wait as long
                return
            continue
        rises = past_rises(demand, start.timestamp(), length)
        if rises is None:
            unread.append(f"demand of the hour before {start:%Y-%m-%d %H:%M} UTC is not known")
        else:
            yield rises
