"""The tables of the store, typed. Their names carry a prefix: the database may be shared, with Airflow's for one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import JSON, Date, DateTime, Double, ForeignKey, Index, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from springtide.events.notes import EventNote
from springtide.events.preparations import EventSize, Preparation
from springtide.events.rehearsed import RehearsalOutcome
from springtide.plan.recent import SweepDecision
from springtide.record.history import HistoryDay
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun, Trigger
from springtide.record.notifications import Notification
from springtide.workload import DEFAULT_CLUSTER, Workload

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

PREFIX = "springtide_"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: SQLite has no time zones, so what comes out of it is given UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - their call
        """Return the moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - their call
        """Return the moment with its zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Record(TypeDecorator[dict[str, Any]]):
    """A JSON object, checked before it is sent: NaN is not JSON, and drivers disagree about when to say so."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return PostgreSQL's binary form there."""
        return dialect.type_descriptor(JSONB(none_as_null=True) if dialect.name == "postgresql" else self.impl_instance)

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002
        """Return the object, or raise what makes it no JSON."""
        json.dumps(value, allow_nan=False)
        return value


class Base(DeclarativeBase):
    """The root of the tables; Python types that columns are made from."""

    type_annotation_map: ClassVar = {datetime: UtcDateTime(), dict[str, Any]: Record(), float: Double()}


class PhaseRow(Base):
    """One attempt at one phase of one run."""

    __tablename__ = PREFIX + "phases"

    run_id: Mapped[str] = mapped_column(
        String(250), ForeignKey(PREFIX + "runs.run_id", ondelete="CASCADE"), primary_key=True
    )
    phase: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    message: Mapped[str] = mapped_column(Text)

    def write(self, phase: PhaseRecord) -> None:
        """Take over every value of `phase`."""
        self.phase = phase.phase
        self.attempt = phase.attempt
        self.status = phase.status.value
        self.started_at = phase.started_at
        self.ended_at = phase.ended_at
        self.seconds = phase.seconds
        self.message = phase.message

    def read(self) -> PhaseRecord:
        """Return the attempt."""
        return PhaseRecord(
            phase=self.phase,
            status=PhaseStatus(self.status),
            started_at=self.started_at,
            ended_at=self.ended_at,
            seconds=self.seconds,
            message=self.message,
            attempt=self.attempt,
        )


class RunRow(Base):
    """One run."""

    __tablename__ = PREFIX + "runs"
    __table_args__ = (
        Index("ix_springtide_runs_started_at", "started_at"),
        Index("ix_springtide_runs_policy_started_at", "policy", "started_at"),
    )

    run_id: Mapped[str] = mapped_column(String(250), primary_key=True)
    policy: Mapped[str] = mapped_column(String(253))
    cluster: Mapped[str | None] = mapped_column(String(250))
    namespace: Mapped[str] = mapped_column(String(253))
    deployment: Mapped[str] = mapped_column(String(253))
    service: Mapped[str] = mapped_column(String(253))
    strategy: Mapped[str] = mapped_column(String(64))
    requested_by: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    trigger: Mapped[str] = mapped_column(String(32))
    dry_run: Mapped[bool]
    outcome: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    plan: Mapped[dict[str, Any] | None]
    verdict: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    phases: Mapped[list[PhaseRow]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by=[PhaseRow.started_at, PhaseRow.phase, PhaseRow.attempt]
    )

    def write(self, run: ScalingRun) -> None:
        """Take over every value of `run`."""
        self.run_id = run.run_id
        self.policy = run.policy
        self.strategy = run.strategy
        self.cluster = run.target.cluster or None
        self.namespace = run.target.namespace
        self.deployment = run.target.reference
        self.service = run.target.service or ""
        self.requested_by = run.requested_by
        self.reason = run.reason
        self.trigger = run.trigger.value
        self.dry_run = run.dry_run
        self.outcome = run.outcome.value
        self.started_at = run.started_at
        self.ended_at = run.ended_at
        self.plan = None if run.plan is None else dict(run.plan)
        self.verdict = None if run.verdict is None else dict(run.verdict)
        self.error = None if run.error is None else dict(run.error)
        rows = {(row.phase, row.attempt): row for row in self.phases}
        for phase in run.phases:
            row = rows.get(phase.key)
            if row is None:
                row = PhaseRow(run_id=run.run_id)
                self.phases.append(row)
            row.write(phase)

    def read(self) -> ScalingRun:
        """Return the run."""
        return ScalingRun(
            run_id=self.run_id,
            policy=self.policy,
            target=Workload.of_reference(
                self.namespace, self.deployment, self.service or None, cluster=self.cluster or DEFAULT_CLUSTER
            ),
            strategy=self.strategy,
            requested_by=self.requested_by,
            reason=self.reason,
            started_at=self.started_at,
            trigger=Trigger(self.trigger),
            dry_run=self.dry_run,
            outcome=RunOutcome(self.outcome),
            ended_at=self.ended_at,
            plan=self.plan,
            verdict=self.verdict,
            error=self.error,
            phases=tuple(row.read() for row in self.phases),
        )


class DayRow(Base):
    """One day of one service; the columns beside `record` repeat what people ask for by SQL."""

    __tablename__ = PREFIX + "days"

    policy: Mapped[str] = mapped_column(String(253), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    peak: Mapped[float | None]
    required: Mapped[int | None]
    actual: Mapped[float | None]
    saturation: Mapped[float | None]
    quality: Mapped[str] = mapped_column(String(32))
    record: Mapped[dict[str, Any]]

    def write(self, day: HistoryDay) -> None:
        """Take over every value of `day`."""
        self.policy = day.policy
        self.day = day.day
        self.quality = str(day.quality.get("outcome", ""))
        self.peak = day.peak
        self.required = day.required
        self.actual = day.actual
        self.saturation = day.saturation
        self.record = day.to_record()

    def read(self) -> HistoryDay:
        """Return the day."""
        return HistoryDay.from_record(self.record)


class LearnedRow(Base):
    """What was learned about one service."""

    __tablename__ = PREFIX + "learned"

    policy: Mapped[str] = mapped_column(String(253), primary_key=True)
    record: Mapped[dict[str, Any]]


class RehearsalRow(Base):
    """What one rehearsal came to for one service; the columns beside `record` repeat what people ask for by SQL."""

    __tablename__ = PREFIX + "rehearsals"
    __table_args__ = (Index("ix_springtide_rehearsals_policy_at", "policy", "at"),)

    run_id: Mapped[str] = mapped_column(String(250), primary_key=True)
    policy: Mapped[str] = mapped_column(String(253), primary_key=True)
    event: Mapped[str] = mapped_column(String(253))
    at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(32))
    per_replica: Mapped[float | None]
    is_limit: Mapped[bool | None]
    record: Mapped[dict[str, Any]]

    def write(self, outcome: RehearsalOutcome) -> None:
        """Take over every value of `outcome`."""
        self.run_id = outcome.run_id
        self.policy = outcome.policy
        self.event = outcome.event
        self.at = outcome.at
        self.verdict = outcome.verdict.value
        self.record = outcome.to_record()
        measured = outcome.measured
        self.per_replica = None if measured is None else measured.per_replica
        self.is_limit = None if measured is None else measured.is_limit

    def read(self) -> RehearsalOutcome:
        """Return the outcome."""
        return RehearsalOutcome.from_record(self.record)


class NoteRow(Base):
    """What one event holds for one service: a row of its own, so that two writers never write over each other's."""

    __tablename__ = PREFIX + "notes"
    __table_args__ = (Index("ix_springtide_notes_kept_until", "kept_until"),)

    service: Mapped[str] = mapped_column(String(253), primary_key=True)
    occurrence: Mapped[str] = mapped_column(String(253), primary_key=True)
    kept_until: Mapped[datetime]
    record: Mapped[dict[str, Any]]

    @classmethod
    def of(cls, note: EventNote, record: dict[str, Any]) -> NoteRow:
        """Return the row of `note`, whose stored form is `record`."""
        return cls(
            service=note.service,
            occurrence=note.occurrence.id,
            kept_until=note.kept_until,
            record=record,
        )


class PreparationRow(Base):
    """How long one whole preparation took."""

    __tablename__ = PREFIX + "preparations"
    __table_args__ = (Index("ix_springtide_preparations_began_at", "began_at"),)

    run_id: Mapped[str] = mapped_column(String(250), primary_key=True)
    began_at: Mapped[datetime]
    seconds: Mapped[float]
    runs: Mapped[int]
    pods: Mapped[int]

    def write(self, preparation: Preparation) -> None:
        """Take over every value of `preparation`."""
        self.run_id = preparation.run_id
        self.began_at = preparation.began_at
        self.seconds = preparation.seconds
        self.runs = preparation.size.runs
        self.pods = preparation.size.pods

    def read(self) -> Preparation:
        """Return the preparation."""
        size = EventSize(self.runs, self.pods)
        return Preparation(run_id=self.run_id, began_at=self.began_at, seconds=self.seconds, size=size)


class DecisionRow(Base):
    """What one sweep or run decided about one service."""

    __tablename__ = PREFIX + "decisions"
    __table_args__ = (Index("ix_springtide_decisions_at", "at"),)

    policy: Mapped[str] = mapped_column(String(253), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    record: Mapped[dict[str, Any]]

    @classmethod
    def of(cls, decision: SweepDecision) -> DecisionRow:
        """Return the row of `decision`."""
        return cls(policy=decision.policy, at=decision.at, record=decision.to_record())

    def read(self) -> SweepDecision:
        """Return the decision."""
        return SweepDecision.from_record(self.record)


class NotificationRow(Base):
    """One fact that people are told; the columns beside `record` repeat what is asked for by SQL."""

    __tablename__ = PREFIX + "notifications"
    __table_args__ = (Index("ix_springtide_notifications_known_at", "known_at"),)

    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    known_at: Mapped[datetime]
    is_over: Mapped[bool]
    record: Mapped[dict[str, Any]]

    def write(self, notification: Notification) -> None:
        """Take over every value of `notification`."""
        self.key = notification.key
        self.known_at = notification.known_at
        self.is_over = notification.is_over
        self.record = notification.to_record()

    def read(self) -> Notification:
        """Return the notification."""
        return Notification.from_record(self.record)


class InstallationRow(Base):
    """The one row that tells this installation from another: a run of an Airflow is ended by that Airflow alone."""

    __tablename__ = PREFIX + "installation"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)


class TotalRow(Base):
    """One sample of one metric; `labels` are JSON pairs, in the metric's own order."""

    __tablename__ = PREFIX + "totals"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    labels: Mapped[str] = mapped_column(String(512), primary_key=True)
    value: Mapped[float]
