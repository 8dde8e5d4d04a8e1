"""What metrics keep of a sweep, a preparation and the calendars: beside the work, never in its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

import structlog

from springtide.errors import NotFound, SpringtideError
from springtide.events.rehearsal import is_rehearsal
from springtide.events.snapshot import CalendarSnapshot
from springtide.events.waves import ServicePlan
from springtide.fleet.due import Due
from springtide.fleet.ports import FleetPorts
from springtide.fleet.progress import FleetProgress
from springtide.fleet.report import FleetReport
from springtide.record.looks import (
    EventSeen,
    calendars_seen,
    event_late,
    event_prepared,
    keep_look,
    sweep_ended,
)

log = structlog.get_logger(__name__)


def keep_sweep(fleet: FleetPorts, due: Due, report: FleetReport) -> None:
    """Keep how long a sweep took, and how many of its services are not as they should be."""
    look = sweep_ended(due.services, report.problems.keys(), began_at=due.began_at, now=fleet.clock.now())
    keep_look(fleet.open_store, look)


def keep_prepared(
    fleet: FleetPorts, due: Due, orders: Sequence[ServicePlan], report: FleetReport, progress: FleetProgress
) -> None:
    """Keep how long before its events a preparation began, and when each of their services stood."""
    standing = [order for order in orders if order.service not in report.problems and not order.unmet]
    stood = dict(_stood_at(fleet, due, standing, progress))
    events = [
        EventSeen(
            event=event.event,
            start=event.start,
            began_at=due.began_at,
            stood_at={name: stood.get(name) for name in sorted(event.asks) if name in due.services},
        )
        for event in due.events
        if not is_rehearsal(event)  # it begins now, and is late by definition
    ]
    keep_look(fleet.open_store, event_prepared(events, now=fleet.clock.now()))


def keep_late(fleet: FleetPorts, due: Due) -> None:
    """Keep that what is left can no longer be done by the start of the events of `due` that are ahead."""
    now = fleet.clock.now()
    ahead = [event.event for event in due.events if event.start > now]
    keep_look(fleet.open_store, event_late(ahead, now=now))


def keep_calendars(fleet: FleetPorts, known: CalendarSnapshot) -> None:
    """Keep which calendars have errors: each by the name of its file, a feed's events by the feed's."""
    broken: dict[str, bool] = dict.fromkeys(known.views, False)
    broken |= {PurePath(violation.file).name: True for violation in known.violations}
    keep_look(fleet.open_store, calendars_seen(broken, now=fleet.clock.now()))


def _stood_at(
    fleet: FleetPorts, due: Due, orders: Sequence[ServicePlan], progress: FleetProgress
) -> Iterator[tuple[str, datetime]]:
    """Yield when each service of `orders` stood: at the end of its last run, from the beginning where it needed none.

    Where no record tells, it is now: that is when this conductor knew.
    """
    ends = _ends(fleet, {each.service: progress.run_id(each.service, len(each.steps) - 1) for each in orders})
    for order in orders:
        yield order.service, ends.get(order.service, fleet.clock.now()) if order.steps else due.began_at


def _ends(fleet: FleetPorts, run_ids: Mapping[str, str]) -> dict[str, datetime]:
    ends: dict[str, datetime] = {}
    try:
        with fleet.open_store() as store:
            for service, run_id in run_ids.items():
                try:
                    ended_at = store.get(run_id).ended_at
                except NotFound:
                    continue
                if ended_at is not None:
                    ends[service] = ended_at
    except SpringtideError as error:
        log.warning("ends_not_read", code=error.code, message=error.message)
    return ends
