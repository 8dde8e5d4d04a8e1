"""Audit records in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Index, Select, String, bindparam, insert, select, tuple_, update
from sqlalchemy.orm import Mapped, mapped_column

from springtide.record.audit import AuditOutcome, AuditPage, AuditRecord
from springtide.record.sessions import SqlSessions
from springtide.record.tables import PREFIX, Base

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session


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


# Statements that never change: one that is made anew for each request costs more than its answer.
_STARTED: Final = select(AuditRow.record).where(AuditRow.outcome == AuditOutcome.STARTED.value)
_OF_SERVICE: Final = _STARTED.where(
    AuditRow.service == bindparam("service", type_=String), AuditRow.dag_id == bindparam("dag_id", type_=String)
)
_LATEST: Final = _OF_SERVICE.order_by(AuditRow.at.desc(), AuditRow.record_id.desc()).limit(1)
_OF_RUN: Final = _STARTED.where(AuditRow.run_id == bindparam("run_id", type_=String)).limit(1)
_OF_KEY: Final = (
    _STARTED.where(
        AuditRow.who == bindparam("who", type_=String),
        AuditRow.key == bindparam("key", type_=String),
        AuditRow.at >= bindparam("since", type_=AuditRow.at.type),
    )
    .order_by(AuditRow.at.desc())
    .limit(1)
)
_NEW: Final = insert(AuditRow)
_CHANGE: Final = update(AuditRow).where(AuditRow.record_id == bindparam("id", type_=String))


class SqlAudit(SqlSessions):
    """The audit records of a SQL store."""

    def claim_start(self, record: AuditRecord, *, keys_since: datetime, after: str | None = None) -> AuditRecord:
        """Keep the record unless another stands in its way: no other writer runs between look and write."""
        with self._writing() as session:
            return _claim(session.connection(), record, keys_since=keys_since, after=after)

    def keep_audit(self, record: AuditRecord) -> None:
        """Keep the record."""
        with self._writing() as session:
            _keep(session.connection(), record)

    def latest_start(self, service: str, dag_id: str) -> AuditRecord | None:
        """Return the latest started record of the service and the DAG."""
        with self._looking() as connection:
            return _latest(connection, service, dag_id)

    def start_of_run(self, run_id: str) -> AuditRecord | None:
        """Return the started record of a run."""
        with self._looking() as connection:
            return _read(connection, _OF_RUN, run_id=run_id)

    def start_of_key(self, who: str, key: str, *, since: datetime) -> AuditRecord | None:
        """Return the started record of a person's key."""
        with self._looking() as connection:
            return _of_key(connection, who, key, since=since)

    def starts_before(self, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
        """Return the started records of the same service before `record`."""
        with self._reading() as session:
            return _before(session, record, since=since)

    def audit(self, page: AuditPage) -> tuple[AuditRecord, ...]:
        """Return records, newest first."""
        with self._reading() as session:
            return _page(session, page)


def _claim(connection: Connection, record: AuditRecord, *, keys_since: datetime, after: str | None) -> AuditRecord:
    """Keep `record` unless another stands in its way, and return the one that stands."""
    kept = _of_key(connection, record.who, record.key, since=keys_since)
    if kept is not None:
        return kept
    latest = _latest(connection, record.service, record.dag_id)
    if latest is not None and after not in {latest.run_id, record.run_id}:
        return latest
    _keep(connection, record)
    return record


def _keep(connection: Connection, record: AuditRecord) -> None:
    """Keep the record, in the place of the one of its id."""
    values = _values(record)
    if not connection.execute(_CHANGE, {"id": record.record_id, **values}).rowcount:
        connection.execute(_NEW, {"record_id": record.record_id, **values})


def _values(record: AuditRecord) -> dict[str, Any]:
    return {
        "at": record.at,
        "who": record.who,
        "dag_id": record.dag_id,
        "service": record.service,
        "run_id": record.run_id,
        "key": record.key,
        "outcome": record.outcome.value,
        "record": record.to_record(),
    }


def _latest(connection: Connection, service: str, dag_id: str) -> AuditRecord | None:
    """Return the latest started record of the service and the DAG."""
    return _read(connection, _LATEST, service=service, dag_id=dag_id) if service else None


def _of_key(connection: Connection, who: str, key: str, *, since: datetime) -> AuditRecord | None:
    """Return the started record of a person's key."""
    return _read(connection, _OF_KEY, who=who, key=key, since=since) if key else None


def _before(session: Session, record: AuditRecord, *, since: datetime) -> tuple[AuditRecord, ...]:
    """Return the started records of the same service before `record`, oldest first."""
    own = tuple_(AuditRow.at, AuditRow.record_id) < tuple_(record.at, record.record_id)
    mine = _STARTED.where(
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


def _read(connection: Connection, statement: Select[dict[str, Any]], **values: Any) -> AuditRecord | None:
    record = connection.execute(statement, values).scalar()
    return None if record is None else AuditRecord.from_record(record)


def _all(records: Iterable[dict[str, Any]]) -> tuple[AuditRecord, ...]:
    return tuple(map(AuditRecord.from_record, records))
