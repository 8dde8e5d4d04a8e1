"""The result of the smoke test: passed, failed or inconclusive, and what every check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from springtide.stored import Stored


class VerdictStatus(StrEnum):
    """Inconclusive is a status of its own: the checks could not tell, which is not a failure of the new pods."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one smoke check found."""

    check: str
    status: VerdictStatus
    message: str


@dataclass(frozen=True, slots=True)
class Verdict(Stored):
    """The worst of all checks: fail before inconclusive before pass; without any check, pass."""

    status: VerdictStatus
    checks: tuple[CheckResult, ...]

    @classmethod
    def of(cls, checks: Sequence[CheckResult]) -> Verdict:
        """Return the verdict over `checks`."""
        statuses = {check.status for check in checks}
        worst_first = (VerdictStatus.FAIL, VerdictStatus.INCONCLUSIVE)
        return cls(next((status for status in worst_first if status in statuses), VerdictStatus.PASS), tuple(checks))

    @property
    def message(self) -> str:
        """What did not pass, or that all did."""
        wrong = [
            f"{result.check}: {result.message}" for result in self.checks if result.status is not VerdictStatus.PASS
        ]
        if wrong:
            return "; ".join(wrong)
        noun = "check" if len(self.checks) == 1 else "checks"
        return f"{len(self.checks)} {noun} passed" if self.checks else "the policy has no checks"
