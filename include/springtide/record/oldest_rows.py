"""Removing the oldest rows of a table, a bounded number at a time: every run waits for the store's one writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult, Delete, delete, inspect, select, tuple_

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from springtide.record.tables import Base


def remove_oldest(session: Session, row: type[Base], oldest: Any, is_old: ColumnElement[bool], *, at_most: int) -> int:
    """Remove the first `at_most` rows by the column `oldest` of which `is_old` holds; return how many went."""
    key = inspect(row).primary_key
    chosen = select(*key).where(is_old).order_by(oldest).limit(at_most)
    return removed_by(session, delete(row).where(tuple_(*key).in_(chosen)))


def removed_by(session: Session, statement: Delete) -> int:
    """Carry the deletion out; return how many rows went."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
