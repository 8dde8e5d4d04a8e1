"""What REST and pages see of events: the calendars, policies and store of the installation, and what Airflow says."""

from __future__ import annotations

from springtide.overview.added_events import added_event, is_event_run
from springtide.overview.awake import Awake
from springtide.overview.event_surroundings import (
    EVENT_DAGS,
    PREPARE_EVENTS,
    AirflowSight,
    EventSurroundings,
)
from springtide.web.ports import Surroundings


def seen_events(surroundings: Surroundings, *, with_cluster: bool = False) -> EventSurroundings:
    """Return what the views of events are made from; clusters are asked only where that is wanted.

    Raises:
        InputError: when people are awake is not written as it has to be (`awake_invalid`).
    """
    return EventSurroundings(
        clock=surroundings.clock,
        known=surroundings.calendars(),
        policies=surroundings.policies(),
        open_store=surroundings.open_store,
        awake=Awake.parse(surroundings.settings.awake),
        ports_of=surroundings.ports if with_cluster else None,
        airflow=airflow_sight(surroundings),
        halted=surroundings.settings.halt or "",
    )


def airflow_sight(surroundings: Surroundings) -> AirflowSight:
    """Return which of the DAGs are paused that an event needs, and the events that are queued or being prepared."""
    paused = surroundings.starts.paused()
    runs = [run for run in surroundings.starts.waiting(PREPARE_EVENTS) if is_event_run(run.run_id)]
    read = {run.run_id: added_event(run.run_id, run.state.value, run.due, run.conf) for run in runs}
    return AirflowSight(
        paused={dag: dag in paused for dag in EVENT_DAGS},
        added=tuple(event for event in read.values() if event is not None),
        unread=tuple(run_id for run_id, event in read.items() if event is None),
        why_not="",
    )
