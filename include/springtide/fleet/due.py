"""What a sweep or a preparation is about: its events, the services to look at, and the time that it plans for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from springtide.errors import PermanentError
from springtide.events.ad_hoc import ad_hoc_event
from springtide.events.leads import LeadTime
from springtide.events.occurrences import Occurrence
from springtide.fleet.first_sweep import FirstSweep, last_sweep
from springtide.fleet.ports import FleetPorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done: the `events` that begin with it (none for a sweep), and the `services` to look at.

    `began_at` is when the work began, `planned_at` the time that it plans for. A simulated one is over the past: it
    says what would have been, and touches nothing. `only_plans` says why nothing is started by it, "" where it acts.
    """

    events: tuple[Occurrence, ...] = ()
    services: tuple[str, ...] = ()
    began_at: datetime
    planned_at: datetime
    is_simulated: bool = False
    owner: str = "calendar"
    reason: str = ""
    only_plans: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "events": [event.to_record() for event in self.events],
            "services": list(self.services),
            "began_at": self.began_at.isoformat(),
            "planned_at": self.planned_at.isoformat(),
            "is_simulated": self.is_simulated,
            "owner": self.owner,
            "reason": self.reason,
            "only_plans": self.only_plans,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Due:
        """Return what `to_record` stored."""
        times = {name: datetime.fromisoformat(record[name]) for name in ("began_at", "planned_at")}
        events = tuple(map(Occurrence.from_record, record["events"]))
        return cls(**{**record, **times, "events": events, "services": tuple(record["services"])})


def due_sweep(fleet: FleetPorts, *, is_simulated: bool = False, first: FirstSweep | None = None) -> Due:
    """Return a sweep over every service that has a policy; a simulated one looks at none.

    `first` says which one is the first after they were turned on, and so only plans; without it every one acts.

    Raises:
        TemporaryError: the store does not answer.
    """
    now = fleet.clock.now()
    services = () if is_simulated else tuple(fleet.policies.names())
    why = ""
    if first is not None and not is_simulated:
        with fleet.open_store() as store:
            why = first.why_only_planned(last_sweep(store.totals()), now)
    return Due(services=services, began_at=now, planned_at=now, is_simulated=is_simulated, only_plans=why)


def due_preparation(
    fleet: FleetPorts,
    *,
    starts_at: datetime,
    planned_at: datetime,
    asked: object = None,
    is_backfill: bool = False,
) -> Due:
    """Return the preparation of what begins at `starts_at`, or of the event that somebody `asked` for.

    It is simulated where the events are over, and where `is_backfill` says so.

    Raises:
        InputError: the event that was asked for is refused.
        PermanentError: there is no such event (any more): `event_unknown`.
    """
    now = fleet.clock.now()
    if asked not in (None, {}):  # the form of Airflow's page makes {} of an empty field
        added = ad_hoc_event(asked)
        event = added.occurrence
        return prepared(
            fleet,
            (event,),
            planned_at=planned_at,
            is_simulated=event.end <= now,
            owner=added.owner,
            reason=added.reason,
        )
    # By the instant, not by ids: what was added to it since the run was scheduled is prepared with it.
    events = fleet.calendars().starting_at(starts_at)
    if not events:
        raise PermanentError(
            f"no event of the calendars begins or lasts at {starts_at:%Y-%m-%d %H:%M:%S} UTC (any more): nothing is "
            "done.",
            code="event_unknown",
            field="data_interval_end",
        )
    is_over = max(event.end for event in events) <= now
    return prepared(fleet, events, planned_at=planned_at, is_simulated=is_backfill or is_over)


def due_now(fleet: FleetPorts, leads: Mapping[str, LeadTime]) -> tuple[Occurrence, ...]:
    """Return the events whose lead has begun, that are not over, and that some service has no note of yet.

    What is noted was prepared: a sweep holds it, also where its preparation did not come to its end. `leads` are by
    the occurrences' ids.
    """
    now = fleet.clock.now()
    known = set(fleet.policies.names())
    lengths = {occurrence: lead.length for occurrence, lead in leads.items()}
    begun = fleet.calendars().going_on(now, lengths)
    with fleet.open_store() as store:
        kept = store.notes({name for event in begun for name in event.asks}, now=now)
    noted = {(note.occurrence.id, name) for name, notes in kept.items() for note in notes}
    return tuple(event for event in begun if any((event.id, name) not in noted for name in known & event.asks.keys()))


def prepared(
    fleet: FleetPorts,
    events: tuple[Occurrence, ...],
    *,
    planned_at: datetime | None = None,
    is_simulated: bool = False,
    owner: str = "calendar",
    reason: str = "",
) -> Due:
    """Return the preparation of `events`, which looks at their services and at those of all events that go on.

    All of them, for the calendars' cap is for all events together. A simulated one looks at none.
    """
    now = fleet.clock.now()
    return Due(
        events=events,
        services=() if is_simulated else _services_under(fleet, (*events, *fleet.calendars().going_on(now))),
        began_at=now,
        planned_at=planned_at or now,
        is_simulated=is_simulated,
        owner=owner,
        reason=reason,
    )


def _services_under(fleet: FleetPorts, events: tuple[Occurrence, ...]) -> tuple[str, ...]:
    asked = {service for event in events for service in event.asks}
    return tuple(sorted(asked & set(fleet.policies.names())))
