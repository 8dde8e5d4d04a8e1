"""When the events of the calendars are prepared, as a timetable; and when a preparation is late, as a deadline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineReference, deadline_reference
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from pendulum import instance

from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import is_backfill
from springtide_airflow.folders import calendar_folder
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime
    from sqlalchemy.orm import Session

    from springtide.clock import Clock
    from springtide.fleet.known_preparations import KnownPreparations


class CalendarTimetable(Timetable):
    """One run for all events that begin at one instant, due a lead time before it; `data_interval_end` is that instant.

    Only the DAG processor reads the calendars, whenever it reads the DAG file: what it found travels with the
    serialized DAG, so that every process sees the same, and a calendar that breaks takes nothing away.
    """

    description = "a lead time before the events of the calendars"

    def __init__(self, known: KnownPreparations | None = None, *, clock: Clock | None = None) -> None:
        self._known = known
        self._clock = clock

    def serialize(self) -> dict[str, Any]:
        """Return what is due when, read from the calendars unless this was made from what somebody read."""
        from springtide.fleet.known_preparations import KnownPreparations

        if self._known is None:
            self._known = KnownPreparations.read(calendar_folder(), self._now())
        return self._known.to_record()

    @classmethod
    def deserialize(cls, data: dict[str, Any], clock: Clock | None = None) -> CalendarTimetable:
        """Return the timetable that `serialize` stored."""
        from springtide.fleet.known_preparations import KnownPreparations

        return cls(KnownPreparations.from_record(data), clock=clock)

    def _now(self) -> datetime:
        return (self._clock or system_clock()).now()

    @property
    def summary(self) -> str:
        """What Airflow's pages show: how many events are known and what is left out, or what is wrong."""
        return self._known.summary if self._known else f"the events of {airflow_settings().calendars.name}/"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the interval of a run that somebody starts by hand."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run. A missed one is still due while its events last; a backfill gets every one."""
        from springtide.fleet.known_preparations import interval_of

        if self._known is None:
            return None
        preparation = self._known.following(
            after=last_automated_data_interval.start if last_automated_data_interval else None,
            earliest=restriction.earliest,
            latest=restriction.latest,
            not_over_at=None if restriction.catchup else self._now(),
        )
        if preparation is None:
            return None
        begin, end = map(instance, interval_of(preparation))
        return DagRunInfo(run_after=begin, data_interval=DataInterval(begin, end))


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

        from springtide.fleet.deadline import deadline_of

        run = session.scalar(select(DagRun).filter_by(dag_id=names["dag_id"], run_id=names["run_id"]))
        if run is None or is_backfill(run):
            return None
        return deadline_of(run.conf, interval_end=run.data_interval_end)


async def tell_late(**context: Any) -> None:
    """Say that a preparation is not done although its events are about to begin: the deadline's callback."""
    from springtide.fleet.deadline import tell_unprepared

    run = (context.get("context") or {}).get("dag_run") or {}
    tell_unprepared(run.get("dag_run_id") or run.get("run_id"))
