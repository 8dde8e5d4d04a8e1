"""Freezes bind the runs that people start, too: none begins in one, unless an override names who lifts it and why.

runs by hand, by REST, of an asset    refused in a freeze, unless overridden
a floor that is given back            the same: it lowers what an autoscaler keeps
runs of a sweep or a preparation      not asked again: what starts them has asked, with the overrides of its events
dry runs, and mode advise             told, for they write nothing
rolling back, reconciling             never: both put back what was there before
"""

from __future__ import annotations

from typing import Final

from springtide.errors import InputError, PolicyError
from springtide.plan.findings import Finding, FindingStatus
from springtide.run.ports import Ports, RunRequest

CODE: Final = "frozen"
LONGEST_OVERRIDE: Final = 500

_HOW: Final = (
    'Wait for its end, or say who lifts it and why: --override "WHO: WHY" of the command line, the field override of '
    "the form and of REST."
)


def freeze_findings(ports: Ports, request: RunRequest) -> tuple[Finding, ...]:
    """Return what a freeze has to say to the run: nothing where there is none, or whoever started it has asked.

    Raises:
        PolicyError: a calendar has errors, and what it held before them is not known; an override lifts that as well.
    """
    if request.is_freeze_known:
        return ()
    service = request.policy.name
    try:
        frozen = ports.calendars().freeze_on(service, ports.clock.now())
    except PolicyError as error:
        if not request.override:
            raise
        told = f"a calendar has errors, so nobody knows of its freezes; overridden by {request.override}: {error}"
        return (_finding(FindingStatus.WARNING, told),)
    if frozen is None:
        return ()
    calendar, freeze = frozen
    message = f"{service} is frozen until {freeze.end:%Y-%m-%d %H:%M} UTC by {freeze.name} of calendar {calendar}"
    message += f" ({freeze.reason})"
    if request.override:
        return (_finding(FindingStatus.WARNING, f"{message}; overridden by {request.override}"),)
    if request.dry_run or request.policy.spec.advises:
        return (_finding(FindingStatus.WARNING, f"{message}; a run that writes would be refused"),)
    return (_finding(FindingStatus.REFUSED, f"{message}. {_HOW}"),)


def parse_override(value: object) -> str:
    """Return who lifts a freeze and why, as `WHO: WHY`; "" where nobody does.

    Raises:
        InputError: it does not name both, or is no line of printable characters (`override_invalid`).
    """
    if value in (None, ""):
        return ""
    who, _, why = value.partition(":") if isinstance(value, str) else ("", "", "")
    is_line = isinstance(value, str) and len(value) <= LONGEST_OVERRIDE and value.isprintable()
    if not (is_line and who.strip() and why.strip()):
        raise InputError(
            f"override: {str(value)[:80]!r} does not say who lifts it and why; write one line of at most "
            f"{LONGEST_OVERRIDE} characters, such as `ann: the sale was moved to today`.",
            code="override_invalid",
            field="override",
        )
    return f"{who.strip()}: {why.strip()}"


def _finding(status: FindingStatus, message: str) -> Finding:
    return Finding(check="freeze", status=status, message=message, code=CODE)
