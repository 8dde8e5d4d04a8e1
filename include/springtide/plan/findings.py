"""What the preflight found: one verdict out of many findings, each with both numbers and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from springtide.errors import InputError
from springtide.stored import Stored


class FindingStatus(StrEnum):
    """What one check came to. What RBAC does not let us see is `not_checked`, which is not a failure."""

    PASSED = "passed"
    WARNING = "warning"
    REFUSED = "refused"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Stored):
    """One check and what it found; `code` is stable and says what a refusal is about."""

    check: str
    status: FindingStatus
    message: str
    code: str = ""


def downgraded(findings: Iterable[Finding], only_warn: Iterable[str]) -> tuple[Finding, ...]:
    """Return the findings with the refusals of the checks `only_warn` as warnings: what the policy asks for."""
    checks = frozenset(only_warn)
    return tuple(
        replace(finding, status=FindingStatus.WARNING)
        if finding.status is FindingStatus.REFUSED and finding.check in checks
        else finding
        for finding in findings
    )


def require_passed(findings: Iterable[Finding]) -> None:
    """Return when nothing refuses the run.

    Raises:
        InputError: something does; the message holds every refusal, `code` is the first one's.
    """
    refused = [finding for finding in findings if finding.status is FindingStatus.REFUSED]
    if refused:
        message = "\n".join(f"{finding.check}: {finding.message}" for finding in refused)
        raise InputError(message, code=refused[0].code, field=f"preflight.{refused[0].check}")
