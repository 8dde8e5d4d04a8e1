"""The moments of runs in a SQL store: their table, and what is read from it and written to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from springtide.record.moments import PodCounts, RunMoment
from springtide.record.sessions import SqlSessions
from springtide.record.store import unknown_run
from springtide.record.tables import PREFIX, Base, RunRow


class MomentRow(Base):
    """One moment of one run; its counts are empty where it is a write."""

    __tablename__ = PREFIX + "moments"
    __table_args__ = (Index("ix_springtide_moments_run_id", "run_id"),)

    moment_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(250), ForeignKey(PREFIX + "runs.run_id", ondelete="CASCADE"))
    at: Mapped[datetime]
    stable: Mapped[int | None]
    new: Mapped[int | None]
    stable_serving: Mapped[int | None]
    new_serving: Mapped[int | None]
    write: Mapped[str | None] = mapped_column(String(300))

    @classmethod
    def of(cls, run_id: str, moment: RunMoment) -> MomentRow:
        """Return the row of `moment`."""
        counts = moment.counts
        return cls(
            run_id=run_id,
            at=moment.at,
            stable=None if counts is None else counts.stable,
            new=None if counts is None else counts.new,
            stable_serving=None if counts is None else counts.stable_serving,
            new_serving=None if counts is None else counts.new_serving,
            write=moment.write,
        )

    def read(self) -> RunMoment:
        """Return the moment."""
        counts = None
        if self.stable is not None:
            counts = PodCounts(
                stable=self.stable,
                new=self.new or 0,
                stable_serving=self.stable_serving or 0,
                new_serving=self.new_serving or 0,
            )
        return RunMoment(at=self.at, counts=counts, write=self.write)


class SqlMoments(SqlSessions):
    """Keeps and answers moments, in the tables of a `SqlStore`."""

    def save_moments(self, run_id: str, moments: Sequence[RunMoment], *, at_most: int) -> None:
        """Keep the moments of the run."""
        with self._writing() as session:
            if session.scalar(select(RunRow.run_id).where(RunRow.run_id == run_id)) is None:
                raise unknown_run(run_id)
            kept = session.scalar(select(func.count()).select_from(MomentRow).where(MomentRow.run_id == run_id)) or 0
            session.add_all(MomentRow.of(run_id, each) for each in moments[: max(0, at_most - kept)])

    def moments(self, run_id: str) -> tuple[RunMoment, ...]:
        """Return the moments of the run, oldest first."""
        query = select(MomentRow).where(MomentRow.run_id == run_id).order_by(MomentRow.at, MomentRow.moment_id)
        with self._reading() as session:
            return tuple(row.read() for row in session.scalars(query))
