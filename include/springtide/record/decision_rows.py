"""What sweeps decided, in a SQL store: what is read from its table and written to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from springtide.plan.recent import SweepDecision
from springtide.record.counting import decided
from springtide.record.decisions import KEPT_FOR
from springtide.record.oldest_rows import remove_oldest
from springtide.record.sample_rows import take_look
from springtide.record.sessions import SqlSessions
from springtide.record.tables import DecisionRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FORGOTTEN: Final = 5000
"""Old decisions that go when new ones come: more than a sweep brings, and few enough for a run that waits."""


class SqlDecisions(SqlSessions):
    """Keeps and answers decisions, in the tables of a `SqlStore`."""

    def save_decisions(self, decisions: Sequence[SweepDecision], *, now: datetime) -> None:
        """Keep all decisions."""
        by_key = {(each.policy, each.at): each for each in decisions}
        with self._writing() as session:
            is_old = DecisionRow.at <= now - KEPT_FOR
            remove_oldest(session, DecisionRow, DecisionRow.at, is_old, at_most=max(FORGOTTEN, 2 * len(by_key)))
            known = _known(session, {each.at for each in decisions})
            for key, decision in by_key.items():
                if key in known:
                    session.merge(DecisionRow.of(decision))
            new = [each for key, each in by_key.items() if key not in known]
            session.add_all(map(DecisionRow.of, new))
            take_look(session, decided(new))

    def decisions(self, policy: str, first: datetime, last: datetime) -> tuple[SweepDecision, ...]:
        """Return the decisions about the service, oldest first."""
        mine = select(DecisionRow.record).where(DecisionRow.policy == policy, DecisionRow.at.between(first, last))
        with self._reading() as session:
            return tuple(map(SweepDecision.from_record, session.scalars(mine.order_by(DecisionRow.at))))


def _known(session: Session, times: Collection[datetime]) -> set[tuple[str, datetime]]:
    """Return which services were decided about at these times already: all of a sweep have one time."""
    rows = session.execute(select(DecisionRow.policy, DecisionRow.at).where(DecisionRow.at.in_(times)))
    return {(policy, at) for policy, at in rows}
