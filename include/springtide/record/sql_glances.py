"""The reads over many services, of the store in SQL: single columns and single values of records, never whole runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, ColumnElement, Select, and_, case, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from springtide.plan.recent import SweepDecision
from springtide.record.glances import CoursePoint, RunGlance, by_policy
from springtide.record.model import RunOutcome
from springtide.record.run_search import RunFilter
from springtide.record.samples import Total
from springtide.record.sessions import SqlSessions
from springtide.record.store import require_limit
from springtide.record.tables import DecisionRow, RunRow, TotalRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from springtide.record.metrics import Metric

_JSON: Final = JSON().with_variant(JSONB(), "postgresql")
_AT_ONCE: Final = 500
"""Names in one condition: SQLite takes some thousands, and a page shows fewer."""


class SqlGlances(SqlSessions):
    """Answers from the tables of a `SqlStore`."""

    def last_runs(self, since: datetime, *, each: int = 2) -> dict[str, tuple[RunGlance, ...]]:
        """Return the latest runs of each policy."""
        has_ended = case((RunRow.outcome == RunOutcome.RUNNING.value, 0), else_=1)
        order = (has_ended, RunRow.started_at.desc(), RunRow.run_id.desc())
        number = func.row_number().over(partition_by=RunRow.policy, order_by=order).label("number")
        is_run = RunRow.outcome != RunOutcome.REFUSED.value
        numbered = select(RunRow.run_id, number).where(RunRow.started_at > since, is_run).subquery()
        latest = _glances().join(numbered, numbered.c.run_id == RunRow.run_id).where(numbered.c.number <= each)
        found: dict[str, list[RunGlance]] = {}
        with self._reading() as session:
            for row in session.execute(latest.order_by(*order)):
                found.setdefault(row.policy, []).append(_glance(row))
        return {name: tuple(runs) for name, runs in found.items()}

    def runs_of(self, policy: str, since: datetime, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the latest runs of one policy."""
        mine = _glances().where(RunRow.policy == policy, RunRow.started_at > since)
        query = mine.order_by(RunRow.started_at.desc(), RunRow.run_id.desc()).limit(require_limit(limit))
        with self._reading() as session:
            return tuple(map(_glance, session.execute(query)))

    def find_runs(self, wanted: RunFilter, *, limit: int) -> tuple[RunGlance, ...]:
        """Return the runs that fit, newest first."""
        query = _glances().where(*_conditions(wanted)).order_by(RunRow.started_at.desc(), RunRow.run_id.desc())
        with self._reading() as session:
            return tuple(map(_glance, session.execute(query.limit(require_limit(limit)))))

    def last_decisions(self, since: datetime) -> dict[str, SweepDecision]:
        """Return the latest decision about each policy."""
        last = func.max(DecisionRow.at).label("at")
        latest = select(DecisionRow.policy, last).where(DecisionRow.at > since).group_by(DecisionRow.policy).subquery()
        same = and_(latest.c.policy == DecisionRow.policy, latest.c.at == DecisionRow.at)
        query = select(DecisionRow.policy, DecisionRow.record).join(latest, same)
        with self._reading() as session:
            return {row.policy: SweepDecision.from_record(row.record) for row in session.execute(query)}

    def courses(self, policies: Collection[str], first: datetime, last: datetime) -> dict[str, tuple[CoursePoint, ...]]:
        """Return what was decided about each of `policies`."""
        names = sorted(policies)
        with self._reading() as session:
            points = [
                point
                for start in range(0, len(names), _AT_ONCE)
                for point in _points(session, names[start : start + _AT_ONCE], first, last)
            ]
        return by_policy(points, policies)

    def samples(self, metrics: Collection[Metric]) -> tuple[Total, ...]:
        """Return the present values of `metrics`."""
        names = [metric.name for metric in metrics]
        query = select(TotalRow.name, TotalRow.labels, TotalRow.value).where(TotalRow.name.in_(names))
        with self._reading() as session:
            return tuple(Total(row.name, _labels(row.labels), row.value) for row in session.execute(query))

    def kept_in(self) -> str:
        """Return the kind of its database."""
        return self._engine.dialect.name


def _points(session: Session, names: list[str], first: datetime, last: datetime) -> Iterator[CoursePoint]:
    numbers = [_number(DecisionRow.record, name).label(name) for name in ("planned", "answer", "observed", "ready")]
    is_floor = type_coerce(DecisionRow.record, _JSON)["is_floor"].as_boolean().label("is_floor")
    query = select(DecisionRow.policy, DecisionRow.at, *numbers, is_floor)
    mine = query.where(DecisionRow.policy.in_(names), DecisionRow.at.between(first, last)).order_by(DecisionRow.at)
    for row in session.execute(mine):
        yield CoursePoint(
            policy=row.policy,
            at=row.at,
            planned=row.planned,
            answer=row.answer,
            observed=row.observed,
            ready=row.ready,
            is_floor=bool(row.is_floor),
        )


def _glances() -> Select[*tuple[Any, ...]]:
    return select(
        RunRow.run_id,
        RunRow.policy,
        RunRow.outcome,
        RunRow.started_at,
        RunRow.ended_at,
        RunRow.requested_by,
        RunRow.reason,
        RunRow.trigger,
        RunRow.dry_run,
        _number(RunRow.plan, "current").label("current"),
        _number(RunRow.plan, "replicas").label("replicas"),
        type_coerce(RunRow.error, _JSON)["message"].as_string().label("message"),
    )


def _conditions(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.policy is not None:
        yield RunRow.policy == wanted.policy
    if wanted.outcome is not None:
        yield RunRow.outcome == wanted.outcome.value
    if wanted.by is not None:
        yield RunRow.requested_by.icontains(wanted.by, autoescape=True)
    if wanted.event is not None:
        yield RunRow.reason.icontains(wanted.event, autoescape=True)
    if wanted.after is not None:
        at, run_id = wanted.after
        yield (RunRow.started_at < at) | ((RunRow.started_at == at) & (RunRow.run_id < run_id))


def _number(record: Any, name: str) -> ColumnElement[int]:
    number: ColumnElement[int] = type_coerce(record, _JSON)[name].as_integer()
    return number


def _glance(row: Any) -> RunGlance:
    return RunGlance(
        run_id=row.run_id,
        policy=row.policy,
        outcome=RunOutcome(row.outcome),
        started_at=row.started_at,
        ended_at=row.ended_at,
        requested_by=row.requested_by,
        reason=row.reason,
        trigger=row.trigger,
        dry_run=row.dry_run,
        current=row.current,
        replicas=row.replicas,
        message=row.message or "",
    )


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))
