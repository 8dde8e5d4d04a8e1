"""What the quality gate says of demand: three outcomes, and what each of them lets a run do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """From good to bad; the worst finding decides."""

    PASS = "pass"  # noqa: S105  # no password
    """Act on it."""

    HOLD = "hold"
    """Keep what runs: a run may grow the service, and never shrinks it."""

    REFUSE = "refuse"
    """It says nothing about demand: the run fails, and nothing is changed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that demand broke."""

    rule: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; nothing is a pass."""

    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst of the findings."""
        order = list(Outcome)
        return max((one.outcome for one in self.findings), key=order.index, default=Outcome.PASS)

    @property
    def message(self) -> str:
        """The findings that decided, in one line."""
        return "; ".join(one.message for one in self.findings if one.outcome is self.outcome)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form."""
        findings = [{"rule": one.rule, "outcome": one.outcome.value, "message": one.message} for one in self.findings]
        return {"outcome": self.outcome.value, "findings": findings}
