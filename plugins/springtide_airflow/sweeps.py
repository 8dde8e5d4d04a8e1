"""When sweeps are due: by the schedule of `adjust_capacity`, as Airflow reads it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from springtide.fleet.first_sweep import FirstSweep
    from springtide.settings import Settings


def first_sweep(settings: Settings) -> FirstSweep | None:
    """Return which sweep is the first after they were turned on; None where each one acts.

    Raises:
        InputError: SPRINGTIDE_SWEEP_PLANS_AFTER is neither a number nor `never`.
    """
    from springtide.fleet.first_sweep import FirstSweep, parse_missed
    from springtide.settings import variable_name

    missed = parse_missed(settings.sweep_plans_after, variable_name("sweep_plans_after"))
    if missed is None:
        return None
    return FirstSweep(missed, lambda after: next_sweep(settings, after))


def next_sweep(settings: Settings, after: datetime) -> datetime | None:
    """Return when the next sweep is due after a time; None where the expression names no time any more."""
    from airflow.timetables.base import DataInterval, TimeRestriction
    from airflow.timetables.trigger import CronTriggerTimetable
    from pendulum import instance

    timetable = CronTriggerTimetable(settings.sweep_cron, timezone=settings.sweep_timezone)
    info = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(instance(after)),
        restriction=TimeRestriction(earliest=None, latest=None, catchup=True),
    )
    return None if info is None else info.run_after
