"""What somebody approves before it comes, judged: anybody may send any values, whatever a form says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from springtide.errors import InputError
from springtide.events.ad_hoc import CALENDAR
from springtide.events.calendars import Calendars
from springtide.events.rehearsal import named_event
from springtide.fleet.ports import Policies
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.approvals import ApprovalAhead
from springtide.run.request_parameters import LONGEST_HOLD, LONGEST_REASON

APPROVAL_PARAMETERS: Final = ("service", "event", "up_to", "until", "reason", "take_back")
_LONGEST_NAME: Final = 253


def approval_asked(
    parameters: Mapping[str, Any], *, by: str | None, policies: Policies, calendars: Calendars, now: datetime
) -> ApprovalAhead:
    """Return the approval that `parameters` ask for. `by` is the person who asks, None where it is none.

    Raises:
        InputError: nobody gives it, or a value is not allowed: the message says which, and what is; also where the
            event is over, does not ask for the service, or the bound is above the policy's own.
        PolicyError: the policy has errors.
    """
    if not by:
        raise _refused("by", by, "a person: what no person started approves nothing", code="approval_by_nobody")
    if unknown := sorted(parameters.keys() - set(APPROVAL_PARAMETERS)):
        known = ", ".join(APPROVAL_PARAMETERS)
        raise _refused(unknown[0], parameters[unknown[0]], f"one of {known}", code="parameter_unknown")
    policy = policies.get(str(parameters.get("service", "")))
    event, until = _event(parameters, policy.name, calendars, now)
    return ApprovalAhead(
        policy=policy.name,
        target=policy.spec.target.workload,
        event=event,
        up_to=_bound(parameters, policy),
        until=until,
        at=now,
        by=by,
        reason=_reason(parameters.get("reason", "")),
    )


def approval_parameters(approval: ApprovalAhead) -> dict[str, Any]:
    """Return what asks for `approval` again, in the run that keeps it: its event's id and its instant, as they are.

    What was typed may mean the next time of the event by then.
    """
    return {
        "service": approval.policy,
        "event": approval.event,
        "up_to": approval.up_to or None,
        "until": approval.until.isoformat(),
        "reason": approval.reason,
        "take_back": approval.is_taken_back,
    }


def approval_run_id(approval: ApprovalAhead, unique: str) -> str:
    """Return the name of the run that keeps `approval`."""
    return f"{approval.policy}__approve__{approval.at:%Y%m%dT%H%M%S}_{unique}"


def _event(parameters: Mapping[str, Any], service: str, calendars: Calendars, now: datetime) -> tuple[str, datetime]:
    """Return the event's id, and until when it is approved: until its end, unless `until` says otherwise."""
    name = parameters.get("event")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise _refused("event", name, "the name of an event, as `springtide events list` has it")
    given = parameters.get("until") or None
    if name.startswith(f"{CALENDAR}."):
        _require_start(name)
        if given is None:
            raise _refused("until", given, "an instant with its zone: the end of an event that was added is not known")
        return name, _ahead(_instant(given), now)
    event = named_event(calendars, name, now)
    if service not in event.asks:
        asked = ", ".join(sorted(event.asks))
        raise _refused("service", service, f"a service that {event.id} asks something of: {asked}")
    until = event.end if given is None else _instant(given)
    if until > event.end:
        raise _refused("until", given, f"at most the end of {event.id}, {event.end:%Y-%m-%dT%H:%M:%SZ}")
    return event.id, _ahead(until, now)


def _require_start(name: str) -> None:
    try:
        datetime.strptime(name.rpartition(".")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        allowed = f"the whole id of an event that was added, such as {CALENDAR}.launch.20261127T180000Z"
        raise _refused("event", name, allowed) from error


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _refused("until", value, "an instant with its zone, such as 2026-11-28T02:00:00+00:00")
    return instant.astimezone(UTC)


def _ahead(until: datetime, now: datetime) -> datetime:
    if now < until <= now + LONGEST_HOLD:
        return until
    allowed = f"after now, {now:%Y-%m-%dT%H:%M:%SZ}, and within {LONGEST_HOLD.days} days"
    raise _refused("until", until.isoformat(), allowed, code="approval_over")


def _bound(parameters: Mapping[str, Any], policy: ScalingPolicy) -> int:
    takes_back = parameters.get("take_back", False)
    if not isinstance(takes_back, bool):
        raise _refused("take_back", takes_back, "true or false")
    if takes_back:
        return 0
    bound = parameters.get("up_to")
    most = policy.spec.replicas.max
    if isinstance(bound, bool) or not isinstance(bound, int) or not 1 <= bound <= most:
        raise _refused("up_to", bound, f"1 to {most}, the replicas.max of policy {policy.name}")
    return bound


def _reason(value: object) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST_REASON and value.isprintable():
        return value
    allowed = f"one line of at most {LONGEST_REASON} printable characters: whoever looks later wants to know why"
    raise _refused("reason", value, allowed, code="reason_invalid")


def _refused(field: str, value: object, allowed: str, *, code: str = "approval_invalid") -> InputError:
    return InputError(f"{field} is {value!r:.80}; allowed is {allowed}.", code=code, field=field)
