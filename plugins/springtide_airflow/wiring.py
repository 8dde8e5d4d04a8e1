"""What the tasks of sweeps, events and rehearsals reach the world through: Airflow's own, and the hook's connections.

Every task has a `wiring`, this one unless it is given another: tests give one with virtual time.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from springtide_airflow.child_runs import AirflowRuns
from springtide_airflow.clock import system_clock
from springtide_airflow.dag_sight import airflow_sight
from springtide_airflow.folders import calendar_folder, policy_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import teller
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from airflow.sdk import Context

    from springtide.clock import Clock
    from springtide.events.snapshot import CalendarSnapshot
    from springtide.fleet.child_runs import ChildRuns
    from springtide.fleet.chunks import LookBounds
    from springtide.fleet.conductor import Conductor, Decide
    from springtide.fleet.first_sweep import FirstSweep
    from springtide.fleet.memory import Memory
    from springtide.fleet.ports import FleetPorts
    from springtide.notify.telling import Teller
    from springtide.overview.event_surroundings import AirflowSight, EventSurroundings
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.store import RunStore
    from springtide.run.ports import Ports

log = logging.getLogger(__name__)


class Wiring:
    """Airflow's: child runs by its supervisor, memory in the task's state store, everything else by connections."""

    def clock(self) -> Clock:
        """Return the time."""
        return system_clock()

    def known(self) -> CalendarSnapshot:
        """Return the calendars; a broken one counts as it was when it was read last."""
        return calendar_folder().known(self.clock().now())

    def open_ports(self) -> AbstractContextManager[Ports]:
        """Open what a run reaches the world through."""
        return SpringtideHook().ports(log.info)

    def open_cluster(self, policy: ScalingPolicy) -> AbstractContextManager[Ports]:
        """Open the same in the cluster of `policy`."""
        if policy.spec.target.cluster is None:
            return self.open_ports()
        return SpringtideHook.of(policy).ports(log.info)

    def open_store(self) -> AbstractContextManager[RunStore]:
        """Open the store of runs; with a metrics directory, what it counts is shown there."""
        return SpringtideHook().store()

    def teller(self) -> Teller:
        """Return what tells people."""
        return teller(self.open_store, self.clock())

    def fleet(self) -> FleetPorts:
        """Return what a conductor reaches the world through; nothing is opened yet."""
        from springtide.fleet.ports import FleetPorts

        return FleetPorts(
            clock=self.clock(),
            calendars=cache(lambda: self.known().calendars),  # read once a task, and only where they are asked for
            policies=policy_folder(),
            open_ports=self.open_ports,
            open_store=self.open_store,
            open_cluster=self.open_cluster,
        )

    def look_bounds(self) -> LookBounds:
        """Return how many services one task looks at, and how many side by side."""
        from springtide.fleet.chunks import LookBounds

        return LookBounds.of(airflow_settings())

    def first_sweep(self) -> FirstSweep | None:
        """Return which sweep only plans, by the schedule of the sweeps; None where each one acts."""
        from springtide_airflow.sweeps import first_sweep

        return first_sweep(airflow_settings())

    def airflow(self, context: Context) -> AirflowSight:
        """Return which DAGs are paused that an event needs."""
        return airflow_sight(context)

    def events(self, context: Context, known: CalendarSnapshot) -> EventSurroundings:
        """Return what the readiness of events is judged by; clusters are opened only where an event is near."""
        from springtide.overview.awake import Awake
        from springtide.overview.event_surroundings import EventSurroundings

        fleet = self.fleet()
        settings = airflow_settings()
        return EventSurroundings(
            clock=fleet.clock,
            known=known,
            policies=fleet.policies,
            open_store=fleet.open_store,
            awake=Awake.parse(settings.awake),
            ports_of=fleet.ports_of,
            airflow=self.airflow(context),
            halted=settings.halt or "",
        )

    def runs(self, context: Context) -> ChildRuns:
        """Return what starts the runs of `scale_service`."""
        return AirflowRuns(context, self.open_store)

    def memory(self, context: Context) -> Memory:
        """Return what this task remembers through retries and reschedules."""
        memory: Memory = context["task_state_store"]
        return memory

    def conductor(self, context: Context, decide: Decide, *, way: str = "") -> Conductor:
        """Return the conductor whose turns a sensor takes; its name holds the DAG's, or two DAGs would share runs."""
        from springtide.fleet.conductor import Conductor

        run = context["dag_run"]
        return Conductor(
            fleet=self.fleet(),
            runs=self.runs(context),
            memory=self.memory(context),
            decide=decide,
            parent=f"{run.dag_id}__{run.run_id}",
            way=way,
        )


AIRFLOW = Wiring()
