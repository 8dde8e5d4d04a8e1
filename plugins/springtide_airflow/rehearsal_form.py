"""What somebody asks of a rehearsal: the form in Airflow's pages, and its values judged again inside the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import Param

from springtide.errors import InputError

if TYPE_CHECKING:
    from springtide.events.almanac import Almanac
    from springtide.events.occurrences import Occurrence
    from springtide.events.rehearsal import Wanted

LONGEST_REASON: Final = 500
MOST_RATE: Final = 2000


def rehearsal_params() -> dict[str, Param]:
    """Return the form's fields."""
    return {
        "event": Param(
            None,
            type=["string", "null"],
            title="Event",
            description="An event of the calendars: its name, CALENDAR.EVENT, or the id of one occurrence.",
        ),
        "services": Param(
            None,
            type=["object", "null"],
            title="Services",
            description='Without an event, what is asked of which: {"checkout": {"multiply": "3x"}}.',
        ),
        "minutes": Param(
            60,
            type="integer",
            minimum=5,
            maximum=240,
            title="Minutes",
            description="When its grants expire: what a rehearsal that died left behind is given back from then on.",
        ),
        "load_test": Param(
            True,
            type="boolean",
            title="Load test",
            description="Send load to the services whose policies have a `rehearsal`. Off: scale only.",
        ),
        "max_rate": Param(
            100,
            type="number",
            exclusiveMinimum=0,
            maximum=MOST_RATE,
            title="Requests a second",
            description="The most that is sent to one service; its policy may allow less.",
        ),
        "seconds": Param(
            60,
            type="integer",
            minimum=10,
            maximum=600,
            title="Seconds of load",
            description="The longest that it is sent; the policy may allow less.",
        ),
        "confirm": Param(
            False,
            type="boolean",
            title="I know that this scales these services now, and loads them",
            description="Without it nothing is done.",
        ),
        "reason": Param(
            "a rehearsal", type="string", maxLength=LONGEST_REASON, title="Reason", description="Kept with every run."
        ),
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rehearsal is of: `event` names it, `occurrence` is its own, which begins now and expires."""

    event: str
    occurrence: Occurrence
    wanted: Wanted
    reason: str


def rehearsal_asked(params: Mapping[str, Any], almanac: Almanac, now: datetime) -> Asked:
    """Return what the run's parameters ask for; anybody may send any, so they are judged whatever the form says.

    Raises:
        InputError: it is not confirmed, a value is not allowed, or the event or what is asked of services is refused;
            also where one of the services is frozen now.
    """
    from springtide.events.rehearsal import Wanted, named_event, rehearsal_of

    if params.get("confirm") is not True:
        raise _refused("confirm", params.get("confirm"), "true: a rehearsal scales and loads what serves customers")
    if unknown := sorted(params.keys() - rehearsal_params().keys()):
        raise _refused(unknown[0], params[unknown[0]], f"none: known are {', '.join(rehearsal_params())}")
    load, reason = params.get("load_test", True), params.get("reason", "")
    if not isinstance(load, bool):
        raise _refused("load_test", load, "true or false")
    if not (isinstance(reason, str) and len(reason) <= LONGEST_REASON and reason.isprintable()):
        raise _refused("reason", reason, f"one line of at most {LONGEST_REASON} printable characters")
    minutes = _number(params, "minutes", 60, lambda value: 5 <= value <= 240, "5 to 240")  # noqa: PLR2004
    seconds = _number(params, "seconds", 60, lambda value: 10 <= value <= 600, "10 to 600")  # noqa: PLR2004
    rate = _number(params, "max_rate", 100, lambda value: 0 < value <= MOST_RATE, f"more than 0, at most {MOST_RATE}")
    name, services = params.get("event") or None, params.get("services") or None
    if (name is None) == (services is None):
        raise _refused("event", name, "an event of the calendars, or else `services` with what is asked of them")
    if name is not None:
        event = named_event(almanac, str(name), now)
        occurrence, title = rehearsal_of(event, now, timedelta(minutes=minutes)), event.id
    else:
        assert services is not None
        occurrence = rehearsal_of(services, now, timedelta(minutes=minutes))
        title = occurrence.id
    for service in sorted(occurrence.asks):
        if why := almanac.frozen(service, now, occurrence.event):
            raise InputError(f"{why}: nothing is rehearsed then.", code="frozen", field="event")
    return Asked(title, occurrence, Wanted(load, rate, seconds), reason)


def _number(
    params: Mapping[str, Any], name: str, default: float, is_allowed: Callable[[float], bool], allowed: str
) -> float:
    value = params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_allowed(value):
        raise _refused(name, value, allowed)
    return float(value)


def _refused(field: str, value: object, allowed: str) -> InputError:
    return InputError(f"{field} is {value!r:.80}; allowed is {allowed}.", code="rehearsal_invalid", field=field)
