"""What sweeps decided lately: for guards over time, for advice that goes on from itself, and for its report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from springtide.plan.recent import SweepDecision

KEPT_FOR: Final = timedelta(days=35)
"""How long a decision is kept: a month of advice can be looked back on, and a sweep a minute stays bounded."""


class DecisionStore(Protocol):
    """Keeps decisions. Every method raises `TemporaryError` (code `store_unavailable`) where it does not answer."""

    def save_decisions(self, decisions: Sequence[SweepDecision], *, now: datetime) -> None:
        """Keep all `decisions`; one of the same policy and time is written over. What is older than `KEPT_FOR` goes."""
        ...

    def decisions(self, policy: str, first: datetime, last: datetime) -> tuple[SweepDecision, ...]:
        """Return the decisions about the service from `first` to `last`, both included, oldest first."""
        ...
