"""When the events of the calendars are prepared, as a timetable; and when a preparation is late, as a deadline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineReference, deadline_reference
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from pendulum import instance

from springtide_airflow.calendars import calendar_folder, calendars_folder
from springtide_airflow.clock import system_clock

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime
    from sqlalchemy.orm import Session

    from springtide.clock import Clock
    from springtide.events.schedule import ScheduledPreparation

MOST_KEPT = 2000
"""Runs that travel with the serialized DAG, the nearest to now: it is read by every scheduler loop."""


class CalendarTimetable(Timetable):
    """One run for all events that begin at one instant, due a lead time before it; `data_interval_end` is that instant.

    Only the DAG processor reads the calendars, whenever it reads the DAG file: what it found travels with the
    serialized DAG, so that every process sees the same, and a calendar that breaks takes nothing away.
    """

    description = "a lead time before the events of the calendars"

    def __init__(
        self,
        found: tuple[ScheduledPreparation, ...] | None = None,
        *,
        problem: str | None = None,
        account: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._found = found
        self._problem = problem
        self._account = account
        self._clock = clock

    def serialize(self) -> dict[str, Any]:
        """Return what is due when, read from the calendars unless this was made from what somebody read."""
        if self._found is None:
            self._found, known = calendar_folder().due(self._now(), most=MOST_KEPT)
            self._problem = known.problem
            self._account = known.account
        firings = [firing.to_record() for firing in self._found]
        return {"firings": firings, "problem": self._problem, "account": self._account}

    @classmethod
    def deserialize(cls, data: dict[str, Any], clock: Clock | None = None) -> CalendarTimetable:
        """Return the timetable that `serialize` stored."""
        from springtide.events.schedule import ScheduledPreparation

        found = tuple(map(ScheduledPreparation.from_record, data["firings"]))
        return cls(found, problem=data["problem"], account=data.get("account"), clock=clock)

    def _now(self) -> datetime:
        return (self._clock or system_clock()).now()

    @property
    def summary(self) -> str:
        """What Airflow's pages show: how many events are known and what is left out, or what is wrong."""
        if self._found is None:
            return f"the events of {calendars_folder().name}/"
        known = f"{len(self._found)} events are known"
        return self._problem or (known if self._account is None else f"{known}; {self._account}")

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the interval of a run that somebody starts by hand."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run. A missed one is still due while its events last; a backfill gets every one."""
        from springtide.events.schedule import next_preparation

        after = last_automated_data_interval.start if last_automated_data_interval else None
        not_over_at = None if restriction.catchup else self._now()
        while True:
            one = next_preparation(self._found or (), after=after, not_over_at=not_over_at)
            if one is None or (restriction.latest is not None and one.at > restriction.latest):
                return None
            if restriction.earliest is None or one.at >= restriction.earliest:
                at = instance(one.at)
                # an interval never ends before it begins: what is prepared late ends where it starts
                return DagRunInfo(run_after=at, data_interval=DataInterval(at, instance(max(one.start, one.at))))
            after = instance(one.at)


@deadline_reference(DeadlineReference.TYPES.DAGRUN_CREATED)
class EventStart(BaseDeadlineReference):
    """When the events of a run begin: until then everything has to stand. A backfill has no deadline."""

    required_kwargs = {"dag_id", "run_id"}  # noqa: RUF012  Airflow reads it as it is

    def serialize_reference(self) -> dict[str, Any]:
        """Return how another process makes this reference again."""
        return {"reference_type": self.reference_name}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> EventStart:
        """Return the reference that `serialize_reference` stored."""
        del reference_data
        return cls()

    def _evaluate_with(self, *, session: Session, **names: str) -> datetime | None:
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        found = session.scalar(select(DagRun).filter_by(dag_id=names["dag_id"], run_id=names["run_id"]))
        if found is None or found.run_type == "backfill":
            return None
        event = (found.conf or {}).get("event")
        if isinstance(event, dict) and isinstance(event.get("start"), str):
            try:
                begins = datetime.fromisoformat(event["start"])
            except ValueError:
                return None
            return begins if begins.tzinfo else None
        end: datetime | None = found.data_interval_end
        return end


async def tell_late(**context: Any) -> None:
    """Say that a preparation is not done although its events are about to begin: the deadline's callback."""
    import structlog

    run = (context.get("context") or {}).get("dag_run") or {}
    run_id = run.get("dag_run_id") or run.get("run_id")
    message = "the events begin and their services do not stand yet: see prepare_services of this run"
    structlog.get_logger(__name__).error("event_prepared_late", run=run_id, message=message)
