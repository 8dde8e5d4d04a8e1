"""The rows of a SQL store that are old enough to go: see `springtide.record.retention`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import aliased

from springtide.record.audit_rows import AuditRow
from springtide.record.model import RunOutcome
from springtide.record.retention import LATEST_KEPT, UNENDED, Pruned, first_day_kept
from springtide.record.tables import DayRow, DecisionRow, PreparationRow, RehearsalRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def pruned(session: Session, before: datetime, *, now: datetime, is_dry: bool) -> Pruned:
    """Remove what is older than `before`, phases with their runs, and return the counts; with `is_dry` only count."""
    removed: dict[str, int] = {}
    kept: dict[str, int] = {}
    for name, row, is_old in _old(before, now):
        count = session.scalar(select(func.count()).select_from(row)) or 0
        old = session.scalar(select(func.count()).select_from(row).where(is_old)) or 0
        if not is_dry:
            session.execute(delete(row).where(is_old), execution_options={"synchronize_session": False})
        removed[name] = old
        kept[name] = count - old
    return Pruned(before=before, is_dry=is_dry, removed=removed, kept=kept)


def _old(before: datetime, now: datetime) -> Iterator[tuple[str, type[Any], ColumnElement[bool]]]:
    later = aliased(RunRow)
    refused = RunOutcome.REFUSED.value
    has_later = exists().where(
        later.policy == RunRow.policy, later.started_at > RunRow.started_at, later.outcome != refused
    )
    is_ended = RunRow.outcome.not_in([outcome.value for outcome in UNENDED])
    yield "runs", RunRow, (RunRow.started_at < before) & is_ended & (has_later | (RunRow.outcome == refused))
    yield "decisions", DecisionRow, DecisionRow.at < before
    latest = select(PreparationRow.run_id).order_by(PreparationRow.began_at.desc()).limit(LATEST_KEPT)
    yield "preparations", PreparationRow, (PreparationRow.began_at < before) & PreparationRow.run_id.not_in(latest)
    newer = aliased(RehearsalRow)
    after = select(func.count()).where(newer.policy == RehearsalRow.policy, newer.at > RehearsalRow.at)
    yield "rehearsals", RehearsalRow, (RehearsalRow.at < before) & (after.scalar_subquery() >= LATEST_KEPT)
    yield "audit", AuditRow, AuditRow.at < before
    yield "days", DayRow, DayRow.day < first_day_kept(before, now)
