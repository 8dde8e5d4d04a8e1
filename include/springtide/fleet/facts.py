"""One look at one service, with what its notes say of the demand from before an event."""

from __future__ import annotations

from springtide.errors import SpringtideError, TemporaryError
from springtide.events.sweep import Inspection
from springtide.fleet.due import Due
from springtide.fleet.inspection import inspect_service, inspect_when_free
from springtide.fleet.ports import FleetPorts
from springtide.run.ports import Ports


def facts_of(fleet: FleetPorts, service: str, *, waits: bool) -> Inspection:
    """Return what is there, what demand asks for, and whether the service is well.

    With `waits`, a run that owns it is waited for: an event cannot leave it to the next sweep.

    Raises:
        InputError: it has no policy, or may not be scaled.
        PolicyError: its policy has errors.
        ClusterRefused, ClusterUnavailable, NotFound: as the client says.
    """
    look = inspect_when_free if waits else inspect_service
    policy = fleet.policies.get(service)
    with fleet.ports_of(policy) as ports:
        return look(ports, policy, before=_demand_before(ports, service))


def facts_of_all(fleet: FleetPorts, due: Due) -> tuple[dict[str, Inspection], dict[str, str]]:
    """Return the inspection of each service of `due`, one after the other, and why others have none.

    Raises:
        TemporaryError: no service at all could be looked at, and the last one's error is worth another try.
    """
    seen: dict[str, Inspection] = {}
    unseen: dict[str, SpringtideError] = {}
    for service in due.services:
        try:
            seen[service] = facts_of(fleet, service, waits=bool(due.events))
        except SpringtideError as error:
            unseen[service] = error
    errors = list(unseen.values())
    if errors and not seen and isinstance(errors[-1], TemporaryError):
        raise errors[-1]
    return seen, {service: error.message for service, error in unseen.items()}


def _demand_before(ports: Ports, service: str) -> float | None:
    """Return the demand from before the latest event that is over, as long as its note is kept."""
    now = ports.clock.now()
    notes = ports.store.notes([service], now=now)[service]
    over = [note for note in notes if note.occurrence.end <= now]
    return over[-1].before if over else None
