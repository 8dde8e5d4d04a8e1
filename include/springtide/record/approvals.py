"""Preparations of events that a person has approved before they come, so that nobody has to be awake for them.

Approvals are only ever added. Of one service and one event the newest counts, whatever the older ones say: so a lower
bound lowers it, and `up_to` 0 takes it back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from springtide.stored import Stored
from springtide.workload import Workload

APPROVALS_KEPT: Final = timedelta(days=800)
"""How long an approval is kept: longer than any can last, so that the newest never goes before an older one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAhead(Stored):
    """Somebody (`by`) approves that `event` prepares a service with at most `up_to` replicas, until `until`.

    `policy` is the service, `target` its workload as it was then: of another workload, or in another cluster, it says
    nothing. `event` is the id of one occurrence. `up_to` 0 takes an earlier approval back.
    """

    policy: str
    target: Workload
    event: str
    up_to: int
    until: datetime
    at: datetime
    by: str
    reason: str

    @property
    def is_taken_back(self) -> bool:
        """Whether it approves nothing any more."""
        return self.up_to == 0

    def __str__(self) -> str:
        if self.is_taken_back:
            return f"{self.by} took the approval of {self.policy} for {self.event} back: {self.reason}"
        return (
            f"{self.by} approved {self.policy} for {self.event} up to {self.up_to} replicas, until "
            f"{self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"
        )


class ApprovalStore(Protocol):
    """Keeps approvals. Every method raises `TemporaryError` (code `store_unavailable`) where it does not answer."""

    def approve_ahead(self, approval: ApprovalAhead) -> None:
        """Keep the approval beside those of before, and forget what is older than `APPROVALS_KEPT`."""
        ...

    def approvals_ahead(self, policies: Collection[str]) -> tuple[ApprovalAhead, ...]:
        """Return every approval for those services, newest first: also what has lapsed, and what was taken back."""
        ...


def newest_first(approvals: Iterable[ApprovalAhead]) -> tuple[ApprovalAhead, ...]:
    """Return `approvals` in the order in which they count."""
    return tuple(sorted(approvals, key=lambda each: each.at, reverse=True))


def last_word(approvals: Iterable[ApprovalAhead], policy: str, event: str) -> ApprovalAhead | None:
    """Return what was said last about the service and the event, None where nothing was."""
    mine = [each for each in approvals if each.policy == policy and each.event == event]
    return next(iter(newest_first(mine)), None)
