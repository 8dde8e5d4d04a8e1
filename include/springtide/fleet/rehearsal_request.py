"""What somebody asks of a rehearsal, judged: anybody may send any values, whatever a form says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from springtide.errors import InputError
from springtide.events.ad_hoc import CALENDAR
from springtide.events.calendars import Calendars
from springtide.events.occurrences import Occurrence
from springtide.events.rehearsal import LoadLimits, named_event, rehearsal_of
from springtide.events.written_asks import written_asks
from springtide.fleet.due import Due, prepared
from springtide.fleet.ports import FleetPorts
from springtide.fleet.rehearsal_bounds import (
    KNOWN_PARAMETERS,
    LONGEST_NAME,
    LONGEST_REASON,
    MINUTES,
    MOST_RATE,
    SECONDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRequest:
    """What a rehearsal is of: `event` names it, `occurrence` is its own, which begins now and expires."""

    event: str
    occurrence: Occurrence
    wanted: LoadLimits
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRehearsal:
    """A rehearsal that has begun: what is due by it, what it is of, and how hard somebody wants to press."""

    due: Due
    event: str
    wanted: LoadLimits

    @property
    def occurrence(self) -> Occurrence:
        """The rehearsal as an event of its own."""
        return self.due.events[0]

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {"due": self.due.to_record(), "event": self.event, "wanted": asdict(self.wanted)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> AcceptedRehearsal:
        """Return the rehearsal that `to_record` stored."""
        return cls(
            due=Due.from_record(record["due"]),
            event=record["event"],
            wanted=LoadLimits(**record["wanted"]),
        )


def begin_rehearsal(fleet: FleetPorts, parameters: Mapping[str, Any], *, requested_by: str) -> AcceptedRehearsal:
    """Return the rehearsal that `parameters` ask for, judged before anything is touched: every policy is read.

    Raises:
        InputError: what is asked for is refused, or a service has no policy.
        PolicyError: a policy has errors.
    """
    request = rehearsal_asked(parameters, fleet.calendars(), fleet.clock.now())
    for service in request.occurrence.asks:
        fleet.policies.get(service)
    due = prepared(fleet, (request.occurrence,), owner=requested_by, reason=request.reason)
    return AcceptedRehearsal(due=due, event=request.event, wanted=request.wanted)


def rehearsal_asked(parameters: Mapping[str, Any], calendars: Calendars, now: datetime) -> RehearsalRequest:
    """Return what `parameters` ask for.

    Raises:
        InputError: it is not confirmed, a value is not allowed, or the event or what is asked of services is refused;
            also where one of the services is frozen now.
    """
    if parameters.get("confirm") is not True:
        raise _refused("confirm", parameters.get("confirm"), "true: a rehearsal scales and loads what serves customers")
    if unknown := sorted(parameters.keys() - set(KNOWN_PARAMETERS)):
        raise _refused(unknown[0], parameters[unknown[0]], f"none: known are {', '.join(KNOWN_PARAMETERS)}")
    wanted = _wanted(parameters)
    reason = parameters.get("reason", "")
    if not (isinstance(reason, str) and len(reason) <= LONGEST_REASON and reason.isprintable()):
        raise _refused("reason", reason, f"one line of at most {LONGEST_REASON} printable characters")
    minutes = _between(parameters, "minutes", 60, MINUTES)
    event, occurrence = _occurrence(parameters, calendars, now, timedelta(minutes=minutes))
    for service in sorted(occurrence.asks):
        if why := calendars.frozen(service, now, occurrence.event):
            raise InputError(f"{why}: nothing is rehearsed then.", code="frozen", field="event")
    return RehearsalRequest(event=event, occurrence=occurrence, wanted=wanted, reason=reason)


def _wanted(parameters: Mapping[str, Any]) -> LoadLimits:
    load = parameters.get("load_test", True)
    if not isinstance(load, bool):
        raise _refused("load_test", load, "true or false")
    seconds = _between(parameters, "seconds", 60, SECONDS)
    rate = _number(
        parameters, "max_rate", 100, lambda value: 0 < value <= MOST_RATE, f"more than 0, at most {MOST_RATE}"
    )
    return LoadLimits(load, rate, seconds)


def _occurrence(
    parameters: Mapping[str, Any], calendars: Calendars, now: datetime, expires: timedelta
) -> tuple[str, Occurrence]:
    name = parameters.get("event") or None
    services = parameters.get("services") or written_asks(map(str, parameters.get("asks") or ())) or None
    if name is not None and services is None:
        event = named_event(calendars, str(name), now)
        return event.id, rehearsal_of(event, now, expires)
    if services is not None and (name is None or _is_added(name)):
        occurrence = rehearsal_of(services, now, expires)
        return str(name or occurrence.id), occurrence
    allowed = (
        "an event of the calendars, or else `asks`: what is asked of which service, also by an event that was added"
    )
    raise _refused("event", name, allowed)


def _is_added(name: object) -> bool:
    """Say whether an event of no calendar is meant: what it asks for stands in no file, so it is asked for as well."""
    return isinstance(name, str) and name.startswith(f"{CALENDAR}.") and len(name) <= LONGEST_NAME


def _between(parameters: Mapping[str, Any], name: str, default: float, bounds: tuple[int, int]) -> float:
    least, most = bounds
    return _number(parameters, name, default, lambda value: least <= value <= most, f"{least} to {most}")


def _number(
    parameters: Mapping[str, Any], name: str, default: float, is_allowed: Callable[[float], bool], allowed: str
) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_allowed(value):
        raise _refused(name, value, allowed)
    return float(value)


def _refused(field: str, value: object, allowed: str) -> InputError:
    return InputError(f"{field} is {value!r:.80}; allowed is {allowed}.", code="rehearsal_invalid", field=field)
