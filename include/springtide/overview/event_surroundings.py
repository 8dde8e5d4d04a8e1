"""What the view of events is made from: calendars, policies, the store, and what cluster and Airflow say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from springtide.clock import Clock
from springtide.events.occurrences import Occurrence
from springtide.events.snapshot import CalendarSnapshot
from springtide.fleet.ports import Policies
from springtide.overview.awake import Awake
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import OpenStore
from springtide.run.ports import Ports

PREPARE_EVENTS: Final = "prepare_events"
ADJUST_CAPACITY: Final = "adjust_capacity"
SCALE_SERVICE: Final = "scale_service"
RELEASE_FLOORS: Final = "release_floors"
EVENT_DAGS: Final = (PREPARE_EVENTS, ADJUST_CAPACITY, SCALE_SERVICE, RELEASE_FLOORS)
"""The DAGs that an event needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedEvent:
    """An event of no calendar: a run of `prepare_events` that is due at `due`, in Airflow's words for its `state`."""

    run_id: str
    state: str
    due: datetime
    occurrence: Occurrence
    owner: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowSight:
    """What Airflow says: whether each DAG is `paused`, and the events that were `added`; None where nobody could ask.

    `why_not` says why. `unread` are runs that hold no event that this version understands.
    """

    paused: Mapping[str, bool] | None = None
    added: tuple[AddedEvent, ...] | None = None
    unread: tuple[str, ...] = ()
    why_not: str = "Airflow was not asked"

    def is_paused(self, dag_id: str) -> bool | None:
        """Say whether the DAG is paused; None where that is not known."""
        return None if self.paused is None else self.paused.get(dag_id)


OpenPortsOf = Callable[[ScalingPolicy], AbstractContextManager[Ports]]
"""Opens the cluster of a policy; `InputError` or `TemporaryError` where that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSurroundings:
    """Everything outside. `ports_of` is None where no cluster is to be asked, `halted` who has halted the installation.

    `known` holds the calendars as they were read.
    """

    clock: Clock
    known: CalendarSnapshot
    policies: Policies
    open_store: OpenStore
    awake: Awake
    ports_of: OpenPortsOf | None = None
    airflow: AirflowSight = field(default_factory=AirflowSight)
    halted: str = ""
