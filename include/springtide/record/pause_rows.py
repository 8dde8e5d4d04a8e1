"""Pauses in a SQL store: their table, and what one transaction does with its rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from springtide.record.pauses import PAUSES_KEPT, Pause, open_by_service, standing
from springtide.record.tables import PREFIX, Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class PauseRow(Base):
    """One pause of one service, open or over; the columns beside `record` repeat what is asked for by SQL."""

    __tablename__ = PREFIX + "pauses"
    __table_args__ = (Index("ix_springtide_pauses_ended_at", "ended_at"),)

    service: Mapped[str] = mapped_column(String(253), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    record: Mapped[dict[str, Any]]

    def write(self, pause: Pause) -> None:
        """Take over every value of `pause`."""
        self.service = pause.service
        self.at = pause.at
        self.until = pause.until
        self.ended_at = pause.ended_at
        self.record = pause.to_record()

    def read(self) -> Pause:
        """Return the pause."""
        return Pause.from_record(self.record)


def keep_pause(session: Session, pause: Pause) -> Pause:
    """Keep `pause`, return the one that holds, and forget the oldest that are over."""
    rows = {row.at: row for row in session.scalars(_of(pause.service))}
    present = open_by_service((row.read() for row in rows.values()), None, pause.at).get(pause.service)
    holds, ended = standing(present, pause)
    for kept in (ended, holds):
        if kept is not None:
            row = rows.setdefault(kept.at, PauseRow())
            row.write(kept)
            session.add(row)
    for at in sorted(rows, reverse=True)[PAUSES_KEPT + 1 :]:
        session.delete(rows[at])
    return holds


def end_pause(session: Session, service: str, *, by: str, now: datetime) -> Pause | None:
    """Take the open pause of the service back, and return it as it ended; None where there is none."""
    for row in session.scalars(_of(service)):
        pause = row.read()
        if pause.is_open(now):
            ended = pause.ended(by=by, now=now)
            row.write(ended)
            return ended
    return None


def open_pauses(session: Session, services: Collection[str] | None, now: datetime) -> dict[str, Pause]:
    """Return the open pauses by their service; see `PauseStore.pauses`."""
    query = select(PauseRow).where(PauseRow.ended_at.is_(None), PauseRow.until.is_(None) | (PauseRow.until > now))
    return open_by_service((row.read() for row in session.scalars(query)), services, now)


def pauses_of(session: Session, service: str) -> tuple[Pause, ...]:
    """Return the pauses of the service, newest first."""
    return tuple(row.read() for row in session.scalars(_of(service)))


def _of(service: str) -> Select[PauseRow]:
    return select(PauseRow).where(PauseRow.service == service).order_by(PauseRow.at.desc())
