"""Audit records in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, Select, String, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from springtide.record.audit import AuditOutcome, AuditPage, AuditRecord
from springtide.record.sessions import SqlSessions
from springtide.record.tables import PREFIX, Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_STARTED = AuditOutcome.STARTED.value


class AuditRow(Base):
    """One request; the columns beside `record` repeat what is asked for by SQL."""

    __tablename__ = PREFIX + "audit"
    __table_args__ = (
        Index("ix_springtide_audit_at", "at"),
        Index("ix_springtide_audit_service", "service", "at"),
        Index("ix_springtide_audit_key", "who", "key"),
        Index("ix_springtide_audit_run_id", "run_id"),
    )

    record_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(250))
    dag_id: Mapped[str] = mapped_column(String(250))
    service: Mapped[str] = mapped_column(String(253))
    run_id: Mapped[str] = mapped_column(String(250))
    key: Mapped[str] = mapped_column(String(250))
    outcome: Mapped[str] = mapped_column(String(32))
    record: Mapped[dict[str, Any]]

    def write(self, record: AuditRecord) -> None:
        """Take over every value of `record`."""
        self.record_id = record.record_id
        self.at = record.at
        self.who = record.who
        self.dag_id = record.dag_id
        self.service = record.service
        self.run_id = record.run_id
        self.key = record.key
        self.outcome = record.outcome.value
        self.record = record.to_record()


class SqlAudit(SqlSessions):
    """The audit records of a SQL store."""

    def claim_start(self, record: AuditRecord, *, keys_since: datetime, after: str | None = None) -> AuditRecord:
        """Keep the record unless another stands in its way: no other writer runs between look and write."""
        with self._writing() as session:
            return _claim(session, record, keys_since=keys_since, after=after)

    def keep_audit(self, record: AuditRecord) -> None:
        """Keep the record."""
        with self._writing() as session:
            _keep(session, record)

    def latest_start(self, service: str, dag_id: str) -> AuditRecord | None:
        """Return the latest started record of the service and the DAG."""
        with self._reading() as session:
            return _latest(session, service, dag_id)

    def start_of_run(self, run_id: str) -> AuditRecord | None:
        """Return the started record of a run."""
        with self._reading() as session:
            return _read(session, _started().where(AuditRow.run_id == run_id))

    def start_of_key(self, who: str, key: str, *, since: datetime) -> AuditRecord | None:
        """Return the started record of a person's key."""
        with self._reading() as session:
            return _of_key(session, who, key, since=since)

    def starts_before(self, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
        """Return the started records of the same service before `record`."""
        with self._reading() as session:
            return _before(session, record, since=since)

    def audit(self, page: AuditPage) -> tuple[AuditRecord, ...]:
        """Return records, newest first."""
        with self._reading() as session:
            return _page(session, page)


def _claim(session: Session, record: AuditRecord, *, keys_since: datetime, after: str | None) -> AuditRecord:
    """Keep `record` unless another stands in its way, and return the one that stands."""
    kept = _of_key(session, record.who, record.key, since=keys_since)
    if kept is not None:
        return kept
    latest = _latest(session, record.service, record.dag_id)
    if latest is not None and after not in {latest.run_id, record.run_id}:
        return latest
    _keep(session, record)
    return record


def _keep(session: Session, record: AuditRecord) -> None:
    """Keep the record, in the place of the one of its id."""
    row = session.get(AuditRow, record.record_id) or AuditRow()
    row.write(record)
    session.add(row)


def _latest(session: Session, service: str, dag_id: str) -> AuditRecord | None:
    """Return the latest started record of the service and the DAG."""
    if not service:
        return None
    mine = _started().where(AuditRow.service == service, AuditRow.dag_id == dag_id)
    return _read(session, mine.order_by(AuditRow.at.desc(), AuditRow.record_id.desc()))


def _of_key(session: Session, who: str, key: str, *, since: datetime) -> AuditRecord | None:
    """Return the started record of a person's key."""
    if not key:
        return None
    chosen = _started().where(AuditRow.who == who, AuditRow.key == key, AuditRow.at >= since)
    return _read(session, chosen.order_by(AuditRow.at.desc()))


def _before(session: Session, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
    """Return the started records of the same service before `record`, oldest first."""
    own = tuple_(AuditRow.at, AuditRow.record_id) < tuple_(record.at, record.record_id)
    mine = _started().where(
        AuditRow.service == record.service, AuditRow.dag_id == record.dag_id, AuditRow.at >= since, own
    )
    return _all(session.scalars(mine.order_by(AuditRow.at, AuditRow.record_id)))


def _page(session: Session, page: AuditPage) -> tuple[AuditRecord, ...]:
    """Return records, newest first."""
    query = select(AuditRow.record)
    if page.service is not None:
        query = query.where(AuditRow.service == page.service)
    if page.who is not None:
        query = query.where(AuditRow.who == page.who)
    if page.before is not None:
        query = query.where(tuple_(AuditRow.at, AuditRow.record_id) < tuple_(*page.before))
    return _all(session.scalars(query.order_by(AuditRow.at.desc(), AuditRow.record_id.desc()).limit(page.limit)))


def _started() -> Select[dict[str, Any]]:
    # Only what is read back: an object with its identity map costs more than the look itself.
    return select(AuditRow.record).where(AuditRow.outcome == _STARTED)


def _read(session: Session, query: Select[dict[str, Any]]) -> AuditRecord | None:
    record = session.scalars(query.limit(1)).first()
    return None if record is None else AuditRecord.from_record(record)


def _all(records: Iterable[dict[str, Any]]) -> tuple[AuditRecord, ...]:
    return tuple(map(AuditRecord.from_record, records))
