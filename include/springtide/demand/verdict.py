"""What the quality gate says of demand: three outcomes, and what each of them lets a run do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class QualityOutcome(StrEnum):
    """From good to bad; the worst finding decides."""

    PASS = "pass"  # noqa: S105  # no password
    """Act on it."""

    HOLD = "hold"
    """Keep what runs: a run may grow the service, and never shrinks it."""

    REFUSE = "refuse"
    """It says nothing about demand: the run fails, and nothing is changed."""


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One rule that demand broke."""

    rule: str
    outcome: QualityOutcome
    message: str


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """What was found; nothing is a pass."""

    findings: tuple[QualityFinding, ...] = ()

    @property
    def outcome(self) -> QualityOutcome:
        """The worst of the findings."""
        order = list(QualityOutcome)
        return max((finding.outcome for finding in self.findings), key=order.index, default=QualityOutcome.PASS)

    @property
    def message(self) -> str:
        """The findings that decided, in one line."""
        return "; ".join(finding.message for finding in self.findings if finding.outcome is self.outcome)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: on purpose with the outcome, though it follows from the findings."""
        findings = [
            {"rule": finding.rule, "outcome": finding.outcome.value, "message": finding.message}
            for finding in self.findings
        ]
        return {"outcome": self.outcome.value, "findings": findings}
