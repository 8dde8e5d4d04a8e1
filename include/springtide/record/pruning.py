"""The rows of a SQL store that are old enough to go: see `springtide.record.retention`.

They go some at a time, each time in a transaction of its own: every run waits for the store's one writer. Who is
interrupted has removed what went, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Delete, delete, exists, func, select, tuple_
from sqlalchemy.orm import aliased

from springtide.record.audit_rows import AuditRow
from springtide.record.model import RunOutcome
from springtide.record.moment_rows import MomentRow
from springtide.record.oldest_rows import remove_oldest, removed_by
from springtide.record.retention import LATEST_KEPT, UNENDED, Ages, Pruned, first_day_kept
from springtide.record.sessions import SqlSessions
from springtide.record.tables import Base, DayRow, DecisionRow, PreparationRow, RehearsalRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

AT_ONCE: Final = 1000
"""Rows that one transaction removes: runs bring their phases with them."""

DRAWN_AT_ONCE: Final = 100
"""Runs whose moments one transaction removes: up to some hundred each."""


_UNENDED: Final = [outcome.value for outcome in UNENDED]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Old:
    """What of one table is old: its name for people, and the column by which the oldest come first."""

    name: str
    row: type[Base]
    oldest: Any
    is_old: ColumnElement[bool]

    def count(self, session: Session) -> int:
        """Return how many are old."""
        return session.scalar(select(func.count()).select_from(self.row).where(self.is_old)) or 0

    def remove_some(self, session: Session) -> int:
        """Remove the oldest, `AT_ONCE` at most; return how many went."""
        return remove_oldest(session, self.row, self.oldest, self.is_old, at_most=AT_ONCE)


class SqlPruning(SqlSessions):
    """Forgets what is old in a SQL store."""

    def prune(self, ages: Ages, *, now: datetime, is_dry: bool) -> Pruned:
        """Forget what is older than `ages` say, a bounded number of rows in each transaction."""
        drawn_before = ages.seen_before(now)
        # First, so that they are counted: those of runs that go would go with them.
        moments = self._counted(partial(_old_moments, before=drawn_before)) if is_dry else self._undrawn(drawn_before)
        removed = {"moments": moments}
        for old in _all_old(ages, now):
            removed[old.name] = self._counted(old.count) if is_dry else self._removed(old.remove_some)
        left: dict[str, type[Base]] = {"moments": MomentRow, **{old.name: old.row for old in _all_old(ages, now)}}
        kept = {name: self._counted(partial(_count_all, row)) for name, row in left.items()}
        if is_dry:
            kept = {name: number - removed[name] for name, number in kept.items()}
        return Pruned(before=ages.before(now), is_dry=is_dry, removed=removed, kept=kept)

    def _undrawn(self, before: datetime) -> int:
        """Forget the moments of ended runs that began before then: run by run, for they have no order of their own."""
        removed = 0
        last: tuple[datetime, str] | None = None
        while True:
            with self._reading() as session:
                runs = _some_runs(session, before, last)
                drawn = _with_moments(session, [run_id for _, run_id in runs])
            for first in range(0, len(drawn), DRAWN_AT_ONCE):
                some = drawn[first : first + DRAWN_AT_ONCE]
                removed += self._counted_write(delete(MomentRow).where(MomentRow.run_id.in_(some)))
            if len(runs) < AT_ONCE:
                return removed
            last = runs[-1]

    def _counted_write(self, statement: Delete) -> int:
        with self._writing() as session:
            return removed_by(session, statement)

    def _counted(self, count: Callable[[Session], int]) -> int:
        with self._reading() as session:
            return count(session)

    def _removed(self, remove_some: Callable[[Session], int]) -> int:
        removed = 0
        while True:
            with self._writing() as session:
                some = remove_some(session)
            removed += some
            if some < AT_ONCE:
                return removed


def _count_all(row: type[Base], session: Session) -> int:
    return session.scalar(select(func.count()).select_from(row)) or 0


def _old_moments(session: Session, before: datetime) -> int:
    of_ended = MomentRow.run_id == RunRow.run_id, RunRow.started_at < before, RunRow.outcome.not_in(_UNENDED)
    return session.scalar(select(func.count()).select_from(MomentRow).where(*of_ended)) or 0


def _some_runs(session: Session, before: datetime, last: tuple[datetime, str] | None) -> list[tuple[datetime, str]]:
    """Return the next ended runs behind `last` that began before then, the oldest first."""
    place = tuple_(RunRow.started_at, RunRow.run_id)
    ended = select(RunRow.started_at, RunRow.run_id).where(RunRow.started_at < before, RunRow.outcome.not_in(_UNENDED))
    if last is not None:
        ended = ended.where(place > last)
    rows = session.execute(ended.order_by(RunRow.started_at, RunRow.run_id).limit(AT_ONCE))
    return [(started_at, run_id) for started_at, run_id in rows]


def _with_moments(session: Session, runs: Sequence[str]) -> list[str]:
    return list(session.scalars(select(MomentRow.run_id).where(MomentRow.run_id.in_(runs)).distinct()))


def _all_old(ages: Ages, now: datetime) -> Iterator[_Old]:
    before = ages.before(now)
    later = aliased(RunRow)
    refused = RunOutcome.REFUSED.value
    has_later = exists().where(
        later.policy == RunRow.policy, later.started_at > RunRow.started_at, later.outcome != refused
    )
    is_left = RunRow.outcome.not_in(_UNENDED) & (has_later | (RunRow.outcome == refused))
    yield _Old(name="runs", row=RunRow, oldest=RunRow.started_at, is_old=(RunRow.started_at < before) & is_left)
    yield _Old(
        name="decisions", row=DecisionRow, oldest=DecisionRow.at, is_old=DecisionRow.at < ages.decided_before(now)
    )
    latest = select(PreparationRow.run_id).order_by(PreparationRow.began_at.desc()).limit(LATEST_KEPT)
    is_old = (PreparationRow.began_at < before) & PreparationRow.run_id.not_in(latest)
    yield _Old(name="preparations", row=PreparationRow, oldest=PreparationRow.began_at, is_old=is_old)
    newer = aliased(RehearsalRow)
    after = select(func.count()).where(newer.policy == RehearsalRow.policy, newer.at > RehearsalRow.at)
    is_old = (RehearsalRow.at < before) & (after.scalar_subquery() >= LATEST_KEPT)
    yield _Old(name="rehearsals", row=RehearsalRow, oldest=RehearsalRow.at, is_old=is_old)
    yield _Old(name="audit", row=AuditRow, oldest=AuditRow.at, is_old=AuditRow.at < before)
    yield _Old(name="days", row=DayRow, oldest=DayRow.day, is_old=DayRow.day < first_day_kept(before, now))
