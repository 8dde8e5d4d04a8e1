"""What a fault does to an API call: before the call is applied, to what it answers, and after it."""

from __future__ import annotations

from collections.abc import Callable

from springtide.sandbox.faults import Crashed, Fault, FaultKind, Lost
from springtide.sandbox.history import Call
from springtide.sandbox.messages import Response, refusal
from springtide.sandbox.status import expired, server_error, too_many_requests
from springtide.sandbox.store import Change
from springtide.sandbox.watching import Watch

_TOO_MANY_REQUESTS = 429


def strike_before(fault: Fault, call: Call) -> None:
    """Do what a fault does before the call is applied.

    Raises:
        Lost: nothing arrives.
        Crashed: the caller is dead.
    """
    if fault.kind is FaultKind.REFUSED:
        raise Lost("refused")
    if fault.kind is FaultKind.RESET:
        raise Lost("reset")
    if fault.kind is FaultKind.TIMEOUT:
        raise Lost("timeout")
    if fault.kind is FaultKind.CRASH_BEFORE:
        raise Crashed(f"before call {call.number}: {call.method} {call.path}")
    if fault.kind is FaultKind.PAUSE and fault.meanwhile is not None:
        fault.meanwhile()


def refused_instead(fault: Fault) -> Response | None:
    """Return the refusal that a fault puts in place of an answer, None when the call is applied."""
    if fault.kind is not FaultKind.STATUS:
        return None
    if fault.status == _TOO_MANY_REQUESTS:
        return refusal(too_many_requests(fault.retry_after))
    return refusal(server_error(fault.status))


def disturb(watch: Watch, fault: Fault) -> None:
    """Let a watch end at once, or never see its next changes."""
    if fault.kind is FaultKind.GONE:
        watch.refused = expired(1, watch.store.revision)
    elif fault.kind is FaultKind.DROP_EVENTS:
        watch.drops = _first(fault.events)


def _first(count: int) -> Callable[[Change], bool]:
    remaining = iter(range(count))
    return lambda _change: next(remaining, None) is not None


def strike_after(fault: Fault, call: Call, response: Response) -> Response:
    """Do what a fault does once the call is applied, and return what the caller gets.

    Raises:
        Lost: the answer does not arrive, although the call took effect.
        Crashed: the caller is dead.
    """
    if fault.kind is FaultKind.ANSWER_RESET:
        raise Lost("reset")
    if fault.kind is FaultKind.ANSWER_TIMEOUT:
        raise Lost("timeout")
    if fault.kind is FaultKind.CRASH_AFTER:
        raise Crashed(f"after call {call.number}: {call.method} {call.path}")
    if fault.kind is FaultKind.STATUS_AFTER:
        return refusal(server_error(fault.status))
    return response
