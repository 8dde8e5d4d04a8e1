"""A pause binds every run that would begin: a sweep's, an event's, and a person's unless an override lifts it.

runs of a sweep or a preparation    not started; one that was on its way is refused, in the pause's words
runs by hand, by REST, of an asset  refused, unless an override names who lifts it and why
dry runs, and mode advise           told, for they write nothing
a floor that is given back          never: what a service holds too much of goes back
rolling back, reconciling           never: a pause leaves nothing half done
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from springtide.errors import InputError, SpringtideError
from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.language.units import Duration
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.pauses import Pause
from springtide.run.ports import Ports, RunRequest
from springtide.run.request_parameters import LONGEST_REASON

CODE: Final = "paused"
LONGEST_PAUSE: Final = timedelta(days=400)
_LENGTH: Final = re.compile(Duration.pattern)

_HOW: Final = (
    "Resume it (`springtide resume {service}`), or say who lifts the pause for this run and why: "
    '--override "WHO: WHY" of the command line, the field override of the form and of REST.'
)


def pause_findings(ports: Ports, request: RunRequest) -> tuple[Finding, ...]:
    """Return what a pause has to say to the run: nothing where there is none, or something is given back.

    A store that does not answer is told, and stops no run: what keeps a pause is not what a run goes by.
    """
    service = request.policy.name
    if request.is_release:
        return ()
    try:
        pause = ports.store.pauses([service], now=ports.clock.now()).get(service)
    except SpringtideError as error:
        return (_finding(FindingStatus.WARNING, f"nobody knows whether {service} is paused: {error.message}"),)
    if pause is None:
        return ()
    if request.override:
        return (_finding(FindingStatus.WARNING, f"{pause}; overridden by {request.override}"),)
    if request.dry_run or request.policy.spec.advises:
        return (_finding(FindingStatus.WARNING, f"{pause}; a run that writes would be refused"),)
    return (_finding(FindingStatus.REFUSED, f"{pause}. {_HOW.format(service=service)}"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequest:
    """Who asks for a pause of which service, until when (None: until it is resumed) and why."""

    policy: ScalingPolicy
    by: str
    reason: str
    until: datetime | None = None

    def pause(self, now: datetime) -> Pause:
        """Return the pause from `now` on."""
        target = self.policy.spec.target.workload
        return Pause(
            service=self.policy.name,
            at=now,
            by=self.by,
            reason=self.reason,
            until=self.until,
            cluster=target.cluster,
            namespace=target.namespace,
        )


def parse_pause(asked: Mapping[str, object], policy: ScalingPolicy, *, by: str, now: datetime) -> PauseRequest:
    """Return what `until` and `reason` of `asked` ask for.

    `until` is an instant with its zone, or a length such as `2h`.

    Raises:
        InputError: the reason is missing or no line of text (`reason_invalid`), or `until` is neither, or not within
            the next 400 days (`until_invalid`).
    """
    return PauseRequest(
        policy=policy, by=by, reason=parse_reason(asked.get("reason")), until=_until(asked.get("until"), now)
    )


def parse_reason(value: object) -> str:
    """Return why a service is paused or resumed.

    Raises:
        InputError: it is no line of printable characters, or empty (`reason_invalid`).
    """
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST_REASON and value.isprintable():
        return value.strip()
    raise InputError(
        f"reason: {str(value)[:80]!r} does not say why; write one line of at most {LONGEST_REASON} characters, such as "
        "`the load balancer is moved`: everything that is not started repeats it.",
        code="reason_invalid",
        field="reason",
    )


def nothing_to_resume(service: str) -> InputError:
    """Return the error of who resumes a service that is not paused."""
    return InputError(
        f"{service} is not paused: there is nothing to resume. Was the halt switch meant? `springtide resume` without "
        "a service takes that back.",
        code="not_paused",
        field="service",
    )


def _until(value: object, now: datetime) -> datetime | None:
    if value in (None, ""):
        return None
    until = _moment(value, now) if isinstance(value, str) else None
    if until is None or until.tzinfo is None or not now < until <= now + LONGEST_PAUSE:
        raise InputError(
            f"until: {str(value)[:80]!r} is neither a length such as 2h or 1d nor an instant with its zone such as "
            f"2026-11-12T02:00:00+00:00, within the next {LONGEST_PAUSE.days} days; leave it out to pause until "
            "somebody resumes.",
            code="until_invalid",
            field="until",
        )
    return until


def _moment(text: str, now: datetime) -> datetime | None:
    if _LENGTH.fullmatch(text):
        with suppress(ValueError):  # longer than any length may be
            return now + Duration(text)
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


def _finding(status: FindingStatus, message: str) -> Finding:
    return Finding(check="pause", status=status, message=message, code=CODE)
