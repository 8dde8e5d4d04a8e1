"""Audit records in this process's memory."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from springtide.record.audit import AuditOutcome, AuditPage, AuditRecord


class MemoryAudit:
    """An `AuditStore` that forgets everything when it goes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[str, AuditRecord] = {}

    def claim_start(self, record: AuditRecord, *, keys_since: datetime, after: str | None = None) -> AuditRecord:
        """Keep `record` unless another stands in its way, and return the one that stands."""
        with self._lock:
            kept = self._of_key(record.who, record.key, keys_since)
            if kept is not None:
                return kept
            latest = self._latest(record.service, record.dag_id)
            if latest is not None and after not in {latest.run_id, record.run_id}:
                return latest
            self._records[record.record_id] = record
            return record

    def keep_audit(self, record: AuditRecord) -> None:
        """Keep the record."""
        with self._lock:
            self._records[record.record_id] = record

    def latest_start(self, service: str, dag_id: str) -> AuditRecord | None:
        """Return the latest started record of the service and the DAG."""
        with self._lock:
            return self._latest(service, dag_id)

    def start_of_run(self, run_id: str) -> AuditRecord | None:
        """Return the started record of a run."""
        with self._lock:
            return next((each for each in self._started() if each.run_id == run_id), None)

    def start_of_key(self, who: str, key: str, *, since: datetime) -> AuditRecord | None:
        """Return the started record of a person's key."""
        with self._lock:
            return self._of_key(who, key, since)

    def starts_before(self, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
        """Return the started records of the same service before `record`, oldest first."""
        with self._lock:
            mine = [each for each in self._started() if _subject(each) == _subject(record) and each.at >= since]
            return tuple(each for each in mine if _place(each) < _place(record))

    def audit(self, page: AuditPage) -> tuple[AuditRecord, ...]:
        """Return records, newest first."""
        with self._lock:
            found = [
                each
                for each in self._records.values()
                if page.service in {None, each.service}
                and page.who in {None, each.who}
                and (page.before is None or _place(each) < page.before)
            ]
        return tuple(sorted(found, key=_place, reverse=True)[: page.limit])

    def _started(self) -> list[AuditRecord]:
        started = [each for each in self._records.values() if each.outcome is AuditOutcome.STARTED]
        return sorted(started, key=_place)

    def _latest(self, service: str, dag_id: str) -> AuditRecord | None:
        mine = [each for each in self._started() if service and (each.service, each.dag_id) == (service, dag_id)]
        return mine[-1] if mine else None

    def _of_key(self, who: str, key: str, since: datetime) -> AuditRecord | None:
        mine = [each for each in self._started() if key and (each.who, each.key) == (who, key) and each.at >= since]
        return mine[-1] if mine else None


def _subject(record: AuditRecord) -> tuple[str, str]:
    return record.service, record.dag_id


def _place(record: AuditRecord) -> tuple[datetime, str]:
    return record.at, record.record_id
