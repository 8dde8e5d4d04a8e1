"""Approvals ahead in a SQL store: their table, and what one transaction does with its rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from springtide.record.approvals import APPROVALS_KEPT, ApprovalAhead, newest_first
from springtide.record.tables import PREFIX, Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ApprovalRow(Base):
    """What somebody approved ahead; the columns beside `record` repeat what is asked for by SQL."""

    __tablename__ = PREFIX + "approvals"

    policy: Mapped[str] = mapped_column(String(253), primary_key=True)
    event: Mapped[str] = mapped_column(String(253), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    record: Mapped[dict[str, Any]]

    def write(self, approval: ApprovalAhead) -> None:
        """Take over every value of `approval`."""
        self.policy = approval.policy
        self.event = approval.event
        self.at = approval.at
        self.record = approval.to_record()

    def read(self) -> ApprovalAhead:
        """Return the approval."""
        return ApprovalAhead.from_record(self.record)


def keep_approval(session: Session, approval: ApprovalAhead) -> None:
    """Keep `approval`, and forget the oldest."""
    session.execute(delete(ApprovalRow).where(ApprovalRow.at <= approval.at - APPROVALS_KEPT))
    row = session.get(ApprovalRow, (approval.policy, approval.event, approval.at)) or ApprovalRow()
    row.write(approval)
    session.add(row)


def approvals_of(session: Session, policies: Collection[str]) -> tuple[ApprovalAhead, ...]:
    """Return every approval for those services, newest first."""
    rows = session.scalars(select(ApprovalRow).where(ApprovalRow.policy.in_(policies)))
    return newest_first(row.read() for row in rows)
