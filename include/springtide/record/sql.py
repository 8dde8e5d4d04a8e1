"""Runs in a SQL database: SQLite by default, PostgreSQL in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from springtide.capacity.learned import NOTHING_LEARNED, Learned
from springtide.events.notes import note_records, notes_from
from springtide.record import schema
from springtide.record.approval_rows import approvals_of, keep_approval
from springtide.record.audit_rows import SqlAudit
from springtide.record.counting import changes, learned_errors
from springtide.record.database import engine_for, translated
from springtide.record.decision_rows import SqlDecisions
from springtide.record.events import notes_by_service
from springtide.record.exposition import write_textfile
from springtide.record.installation import new_installation
from springtide.record.metrics import CLUSTER_READS, PhaseLabels
from springtide.record.model import PhaseRecord, ScalingRun, merged
from springtide.record.moment_rows import SqlMoments
from springtide.record.notifications import KEPT_FOR as TOLD_FOR
from springtide.record.notifications import TRY_FOR, Notification, claim_of
from springtide.record.pause_rows import end_pause, keep_pause, open_pauses, pauses_of
from springtide.record.pruning import SqlPruning
from springtide.record.sample_rows import change_samples, take_look, total_of
from springtide.record.samples import counted
from springtide.record.sql_glances import SqlGlances
from springtide.record.store import PAGE, require_limit, unknown_run
from springtide.record.tables import (
    DayRow,
    InstallationRow,
    LearnedRow,
    NoteRow,
    NotificationRow,
    PreparationRow,
    RehearsalRow,
    RunRow,
    TotalRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import Any

    from sqlalchemy import Engine

    from springtide.events.notes import EventNote
    from springtide.events.preparations import Preparation
    from springtide.events.rehearsed import RehearsalOutcome
    from springtide.record.approvals import ApprovalAhead
    from springtide.record.history import HistoryDay
    from springtide.record.pauses import Pause
    from springtide.record.samples import Change, Look, Total


def open_store(url: str, *, metrics_directory: Path | None = None) -> SqlStore:
    """Return the store at `url`, its schema brought up to date; see `Settings` for what both arguments mean.

    Raises:
        InputError: the URL cannot be used (`store_url_invalid`), or the store is of a later springtide (`store_newer`).
        TemporaryError: the store does not answer (`store_unavailable`).
    """
    engine = engine_for(url)
    try:
        with translated(engine):
            schema.ensure(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, metrics_directory)


class SqlStore(SqlGlances, SqlAudit, SqlMoments, SqlDecisions, SqlPruning):
    """A `RunStore` in a database whose schema is up to date: see `open_store`."""

    def __init__(self, engine: Engine, metrics_directory: Path | None = None) -> None:
        super().__init__(engine)
        self._metrics_directory = metrics_directory

    def save(self, run: ScalingRun) -> None:
        """Keep the run, then show the metrics that it changed.

        Raises:
            TemporaryError: the run is kept, but its metrics could not be written (`metrics_unwritable`).
        """
        with self._writing() as session:
            row = session.get(RunRow, run.run_id)
            before = None if row is None else row.read()
            _keep(session, row, before, merged(before, run))
        self._show()

    def save_phase(
        self, run_id: str, phase: PhaseRecord, *, reads: int = 0, following: PhaseRecord | None = None
    ) -> None:
        """Keep one attempt at one phase."""
        with self._writing() as session:
            row = session.get(RunRow, run_id)
            if row is None:
                raise unknown_run(run_id)
            before = row.read()
            read = [counted(CLUSTER_READS, PhaseLabels(phase.phase), reads)] if reads and not before.dry_run else []
            _keep(session, row, before, before.with_phases(phase, following), read)

    def get(self, run_id: str) -> ScalingRun:
        """Return the run."""
        with self._reading() as session:
            row = session.get(RunRow, run_id)
            if row is None:
                raise unknown_run(run_id)
            return row.read()

    def latest(self, policy: str | None = None, *, limit: int = PAGE) -> tuple[ScalingRun, ...]:
        """Return the runs that started last, newest first."""
        query = select(RunRow).order_by(RunRow.started_at.desc(), RunRow.run_id.desc()).limit(require_limit(limit))
        if policy is not None:
            query = query.where(RunRow.policy == policy)
        with self._reading() as session:
            return tuple(row.read() for row in session.scalars(query))

    def totals(self) -> tuple[Total, ...]:
        """Return every metric's present value."""
        with self._reading() as session:
            rows = session.scalars(select(TotalRow))
            return tuple(sorted(map(total_of, rows), key=lambda total: (total.name, total.labels)))

    def measure(self, look: Look) -> None:
        """Keep what somebody saw, then show it.

        Raises:
            TemporaryError: it is kept, but the metrics could not be written (`metrics_unwritable`).
        """
        with self._writing() as session:
            take_look(session, look)
        self._show()

    def save_day(self, day: HistoryDay) -> None:
        """Keep the day in the place of what was kept of it before."""
        with self._writing() as session:
            row = session.get(DayRow, (day.policy, day.day)) or DayRow()
            row.write(day)
            session.add(row)

    def days(self, policy: str, first: date, last: date) -> tuple[HistoryDay, ...]:
        """Return the days from `first` to `last`, oldest first."""
        query = select(DayRow).where(DayRow.policy == policy, DayRow.day.between(first, last)).order_by(DayRow.day)
        with self._reading() as session:
            return tuple(row.read() for row in session.scalars(query))

    def save_learned(self, policy: str, learned: Learned) -> None:
        """Keep what was learned in the place of what was kept before."""
        with self._writing() as session:
            row = session.get(LearnedRow, policy)
            before = NOTHING_LEARNED if row is None else Learned.from_record(row.record)
            row = row or LearnedRow(policy=policy)
            row.record = learned.to_record()
            session.add(row)
            take_look(session, learned_errors(policy, before, learned))

    def learned(self, policy: str) -> Learned:
        """Return what was learned about the service."""
        with self._reading() as session:
            row = session.get(LearnedRow, policy)
            return NOTHING_LEARNED if row is None else Learned.from_record(row.record)

    def save_rehearsed(self, outcome: RehearsalOutcome) -> None:
        """Keep the outcome in the place of what was kept of it before."""
        with self._writing() as session:
            row = session.get(RehearsalRow, (outcome.run_id, outcome.policy)) or RehearsalRow()
            row.write(outcome)
            session.add(row)

    def rehearsals(self, policy: str, *, limit: int = PAGE) -> tuple[RehearsalOutcome, ...]:
        """Return the latest outcomes of the service, newest first."""
        latest = select(RehearsalRow).where(RehearsalRow.policy == policy)
        query = latest.order_by(RehearsalRow.at.desc(), RehearsalRow.run_id.desc()).limit(require_limit(limit))
        with self._reading() as session:
            return tuple(row.read() for row in session.scalars(query))

    def keep_notes(self, notes: Sequence[EventNote], *, now: datetime) -> None:
        """Keep those notes that are not there yet: no other writer is at work between the look and the write."""
        with self._writing() as session:
            session.execute(delete(NoteRow).where(NoteRow.kept_until <= now))
            rows = _note_rows(session, {note.service for note in notes})
            there = dict(zip(((row.service, row.occurrence) for row in rows), rows, strict=True))
            kept = dict(zip(there, notes_from(row.record for row in rows), strict=True))
            for note, record in zip(notes, note_records(notes), strict=True):
                key = (note.service, note.occurrence.id)
                if key not in there:
                    there[key] = NoteRow.of(note, record)
                    session.add(there[key])
                elif note.replaces(kept[key]):
                    there[key].record = record
                else:
                    continue
                kept[key] = note

    def notes(self, services: Collection[str], *, now: datetime) -> dict[str, tuple[EventNote, ...]]:
        """Return the notes of each service."""
        with self._reading() as session:
            records = [row.record for row in _note_rows(session, services)]
        return notes_by_service(notes_from(records), services, now)

    def drop_notes(self, services: Collection[str], occurrence: str) -> None:
        """Take out what one event holds."""
        mine = delete(NoteRow).where(NoteRow.service.in_(services), NoteRow.occurrence == occurrence)
        with self._writing() as session:
            session.execute(mine)

    def save_preparation(self, preparation: Preparation) -> None:
        """Keep the preparation in the place of what was kept of it before."""
        with self._writing() as session:
            row = session.get(PreparationRow, preparation.run_id) or PreparationRow()
            row.write(preparation)
            session.add(row)

    def preparations(self, *, limit: int = PAGE) -> tuple[Preparation, ...]:
        """Return the latest preparations, newest first."""
        latest = select(PreparationRow).order_by(PreparationRow.began_at.desc(), PreparationRow.run_id.desc())
        with self._reading() as session:
            return tuple(row.read() for row in session.scalars(latest.limit(require_limit(limit))))

    def claim_notification(self, key: str, fact: Mapping[str, Any], *, now: datetime) -> Notification | None:
        """Return the notification for the caller to send: no other writer is at work between look and claim."""
        with self._writing() as session:
            session.execute(delete(NotificationRow).where(NotificationRow.known_at <= now - TOLD_FOR))
            row = session.get(NotificationRow, key)
            claim = claim_of(None if row is None else row.read(), key, fact, now)
            if claim is not None:
                row = row or NotificationRow()
                row.write(claim)
                session.add(row)
            return claim

    def settle_notification(self, notification: Notification) -> None:
        """Keep what became of it."""
        with self._writing() as session:
            row = session.get(NotificationRow, notification.key) or NotificationRow()
            row.write(notification)
            session.add(row)

    def waiting_notifications(self, *, now: datetime, limit: int) -> tuple[Notification, ...]:
        """Return those that may be tried again, oldest first."""
        query = select(NotificationRow).where(
            NotificationRow.is_over.is_(False), NotificationRow.known_at > now - TRY_FOR
        )
        with self._reading() as session:
            rows = session.scalars(query.order_by(NotificationRow.known_at, NotificationRow.key))
            return tuple(kept for row in rows if (kept := row.read()).is_waiting(now))[: require_limit(limit)]

    def forget_notifications(self, prefix: str, *, but: Collection[str] = ()) -> None:
        """Forget those whose key begins with `prefix`."""
        gone = NotificationRow.key.startswith(prefix, autoescape=True) & NotificationRow.key.not_in(but)
        with self._reading() as session:
            if session.scalar(select(NotificationRow.key).where(gone).limit(1)) is None:
                return  # asked at every sweep, and hardly ever is there anything
        with self._writing() as session:
            session.execute(delete(NotificationRow).where(gone))

    def pause(self, pause: Pause) -> Pause:
        """Keep the pause, and return the one that holds: no other writer is at work between the look and the write."""
        with self._writing() as session:
            return keep_pause(session, pause)

    def resume(self, service: str, *, by: str, now: datetime) -> Pause | None:
        """Take the open pause of the service back."""
        with self._writing() as session:
            return end_pause(session, service, by=by, now=now)

    def pauses(self, services: Collection[str] | None = None, *, now: datetime) -> dict[str, Pause]:
        """Return the open pauses."""
        with self._reading() as session:
            return open_pauses(session, services, now)

    def latest_pauses(self, service: str) -> tuple[Pause, ...]:
        """Return the pauses of the service, newest first."""
        with self._reading() as session:
            return pauses_of(session, service)

    def approve_ahead(self, approval: ApprovalAhead) -> None:
        """Keep the approval, and forget the oldest."""
        with self._writing() as session:
            keep_approval(session, approval)

    def approvals_ahead(self, policies: Collection[str]) -> tuple[ApprovalAhead, ...]:
        """Return every approval for those services, newest first."""
        with self._reading() as session:
            return approvals_of(session, policies)

    def installation(self) -> str:
        """Return the id of the installation; whoever asks first makes it, behind the writers' lock."""
        with self._reading() as session:
            kept: InstallationRow | None = session.scalar(select(InstallationRow))
            if kept is not None:
                return kept.id
        with self._writing() as session:
            row: InstallationRow = session.scalar(select(InstallationRow)) or InstallationRow(id=new_installation())
            session.add(row)
            return row.id

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _show(self) -> None:
        # Behind the transaction: a full disk of metrics must not cost the record.
        if self._metrics_directory is not None:
            write_textfile(self.totals(), self._metrics_directory)


def _note_rows(session: Session, services: Collection[str]) -> Sequence[NoteRow]:
    return session.scalars(select(NoteRow).where(NoteRow.service.in_(services))).all()


def _keep(
    session: Session,
    row: RunRow | None,
    before: ScalingRun | None,
    after: ScalingRun,
    beside: Sequence[Change] = (),
) -> None:
    if row is None:
        row = RunRow()
        session.add(row)
    row.write(after)
    change_samples(session, (*changes(before, after), *beside))
