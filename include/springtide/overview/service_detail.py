"""One service over seven days: what demand was, what was decided, what ran, and every run of it. Pure but for reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from itertools import pairwise
from typing import Any, Final

from springtide.events.calendars import Calendars
from springtide.overview.coming import Coming
from springtide.overview.cost import EventSpan
from springtide.overview.service_history import HistoryQuery, found
from springtide.overview.services import ServiceRow, ServicesInputs, service_rows, with_course
from springtide.plan.recent import SweepDecision
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.glances import CoursePoint, RunGlance, point_of
from springtide.record.history import HistoryDay
from springtide.record.store import RunStore

SHOWN: Final = timedelta(days=7)
RUNS_SHOWN: Final = 200
DECISIONS_SHOWN: Final = 24
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandPoint:
    """The most pods that five minutes of demand would have filled; None where nothing was measured."""

    at: datetime
    pods: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDetail:
    """One service. `demand` is of the days that were kept, which ends with yesterday; `unit` says what it counts.

    `runs` are those that are looked for, of the last 30 days; `ticks` are all of the last seven days. `decisions` are
    the latest ones, newest first.
    """

    row: ServiceRow
    demand: tuple[DemandPoint, ...]
    course: tuple[CoursePoint, ...]
    events: tuple[EventSpan, ...]
    ticks: tuple[RunGlance, ...]
    runs: tuple[RunGlance, ...]
    decisions: tuple[SweepDecision, ...]
    first: datetime
    last: datetime

    def to_record(self) -> dict[str, Any]:
        """Return the JSON form: the row, its runs and its latest decisions."""
        return self.row.to_record() | {
            "runs": [run.to_record() for run in self.runs],
            "decisions": [decision.to_record() for decision in self.decisions],
        }


def service_detail(
    store: RunStore,
    policy: ScalingPolicy,
    inputs: ServicesInputs,
    calendars: Calendars,
    query: HistoryQuery,
) -> ServiceDetail:
    """Return everything about the service of `policy`, of which `inputs` are.

    Raises:
        TemporaryError: the store does not answer.
    """
    now = inputs.now
    first = now - SHOWN
    decisions = store.decisions(policy.name, first, now)
    course = tuple(map(point_of, decisions))
    days = store.days(policy.name, first.date(), now.date())
    runs = store.runs_of(policy.name, now - timedelta(days=30), limit=RUNS_SHOWN)
    (row,) = with_course(
        service_rows(inputs), {policy.name: tuple(point for point in course if point.at >= now - _DAY)}, inputs
    )
    return ServiceDetail(
        row=row,
        demand=tuple(_demand(days, policy.spec.capacity.rated_load, first, now)),
        course=course,
        events=Coming(calendars, now, back=SHOWN).marked(policy.name),
        ticks=tuple(run for run in runs if run.started_at >= first),
        runs=found(runs, query),
        decisions=tuple(reversed(decisions[-DECISIONS_SHOWN:])),
        first=first,
        last=now,
    )


def _demand(
    days: Sequence[HistoryDay], carried: float | None, first: datetime, last: datetime
) -> Iterator[DemandPoint]:
    """Yield the five-minute maxima in full pods; nothing where no model says what one serves: there is no one axis."""
    if not carried:
        return
    for before, day in pairwise([None, *days]):
        assert day is not None
        if before is not None and day.day - before.day > _DAY:
            yield DemandPoint(at=_midnight(before) + _DAY, pods=None)  # a day that is missing is a gap
        step = _DAY / len(day.profile)
        for number, value in enumerate(day.profile):
            at = _midnight(day) + number * step
            if first <= at <= last:
                yield DemandPoint(at=at, pods=None if value is None else value / carried)


def _midnight(day: HistoryDay) -> datetime:
    return datetime.combine(day.day, clock_time(), tzinfo=UTC)


def outcomes_of(runs: Iterable[RunGlance]) -> tuple[str, ...]:
    """Return the outcomes that `runs` have, sorted: what can be searched for."""
    return tuple(sorted({run.outcome.value for run in runs}))
