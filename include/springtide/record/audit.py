"""What people asked by REST and pages: who, what, why, and what became of it. It is what makes a repeat harmless, too.

started     a DAG run was queued for it
refused     nothing was begun; `code` says why

A started record with a `key` is the answer to every repeat of its request. The latest started one of a service is what
the next request must have seen: of two at once, one starts a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from springtide.stored import Stored


class AuditOutcome(StrEnum):
    """What became of a request."""

    STARTED = "started"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(Stored):
    """One request that would have changed something. `who` asked at `at` for a run of `dag_id`, and why.

    `service` is "" where it is about none or about several; `asked` are the parameters. `digest` tells one request from
    another of the same `key`, which is "" where the caller gave none. `roles` are those that `who` had then.
    """

    record_id: str
    at: datetime
    who: str
    dag_id: str
    run_id: str
    service: str = ""
    reason: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    digest: str = ""
    roles: tuple[str, ...] = ()
    outcome: AuditOutcome = AuditOutcome.STARTED
    code: str = ""

    def refused(self, code: str) -> AuditRecord:
        """Return it as it was refused: its key is free again."""
        return replace(self, outcome=AuditOutcome.REFUSED, code=code, key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Which records are wanted: the newest `limit`, older than the record `before`; of one service or person."""

    limit: int
    before: tuple[datetime, str] | None = None
    service: str | None = None
    who: str | None = None


class AuditStore(Protocol):
    """Keeps audit records. Every method raises `TemporaryError` (code `store_unavailable`) where it does not answer."""

    def claim_start(self, record: AuditRecord, *, keys_since: datetime, after: str | None = None) -> AuditRecord:
        """Keep `record` unless another is in its way, and return the one that stands: one caller of several gets it.

        Another of the same person and key stands in its way if it is not older than `keys_since`; so does the latest
        started one of its service and DAG, if that is not the run `after`. A record without a service looks at keys
        alone, and so does one whose `after` is its own run.
        """
        ...

    def keep_audit(self, record: AuditRecord) -> None:
        """Keep the record, in the place of the one of its id."""
        ...

    def latest_start(self, service: str, dag_id: str) -> AuditRecord | None:
        """Return the latest started record of the service and the DAG."""
        ...

    def start_of_run(self, run_id: str) -> AuditRecord | None:
        """Return the started record of a run; None where it was started by another way."""
        ...

    def start_of_key(self, who: str, key: str, *, since: datetime) -> AuditRecord | None:
        """Return the started record of a person's key that is not older than `since`."""
        ...

    def starts_before(self, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
        """Return the started records of the same service and DAG from `since` to just before `record`, oldest first."""
        ...

    def audit(self, page: AuditPage) -> tuple[AuditRecord, ...]:
        """Return records, newest first."""
        ...
