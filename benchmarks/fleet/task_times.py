"""What the tasks of an event and of its child runs took, as Airflow's own database has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import psycopg

_INSTANCES = """
SELECT dag_id, task_id, try_number, duration, extract(epoch FROM start_date - scheduled_dttm), state, hostname
FROM task_instance WHERE (dag_id = 'prepare_events' AND run_id = %(event)s)
   OR (dag_id = 'scale_service' AND run_id LIKE %(children)s)
"""


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """By task: seconds that it ran and seconds that it waited for a worker, of each instance."""

    ran: Mapping[str, list[float]]
    waited: Mapping[str, list[float]]
    processes: int

    def names(self) -> list[str]:
        """Return the tasks that ran."""
        return list(self.ran)

    def cell(self, task: str) -> str:
        """Return the median of both, and how many there were."""
        if task not in self.ran:
            return ""
        waited = self.waited.get(task)
        after = f" after {median(waited):.2f}" if waited else ""
        return f"{median(self.ran[task]):.2f}{after} x {len(self.ran[task])}"


def last_proof(store: str) -> float:
    """Return when the last run of the store had proven its number, as POSIX seconds."""
    from springtide.record.sql import open_store

    with open_store(store) as opened:
        runs = [opened.get(run.run_id) for run in opened.latest(limit=1000)]
    ends = [each.ended_at for run in runs for each in run.phases if each.phase == "instances_removed" and each.ended_at]
    return max(ends).timestamp()


def task_times(database: str, event: str) -> TaskTimes:
    """Return the times of the event's tasks and of those of the runs that it started."""
    ran = defaultdict(list)
    waited = defaultdict(list)
    processes = 0
    with psycopg.connect(database) as connection:
        found = connection.execute(_INSTANCES, {"event": event, "children": f"%prepare_events%{event}%"}).fetchall()
    for _, task, _, duration, queued, _, hostname in found:
        if not hostname:
            continue  # the scheduler ended it by itself: skipped, or empty
        processes += 1
        ran[task].append(float(duration or 0))
        if queued is not None:
            waited[task].append(float(queued))
    return TaskTimes(ran, waited, processes)
