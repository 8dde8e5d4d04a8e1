"""The day's sweeps and preparations, each by the conductor that ships: begun when it is due, a turn every 5 s."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from benchmarks.saleday.runs import ConductedRuns
from springtide.fleet.conductor import Conductor, decided
from springtide.fleet.due import Due, due_sweep, prepared
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.turns import TURN_EVERY

if TYPE_CHECKING:
    from benchmarks.saleday.pipeline import Pipeline
    from benchmarks.saleday.together import Task
    from springtide.events.schedule import ScheduledPreparation
    from springtide.fleet.look_record import LookRecord

TURN: Final = TURN_EVERY.total_seconds()
SWEEP: Final = 15 * 60
READ_AGAIN: Final = 300
"""Seconds after which it is asked again when what is due. Airflow asks every 30 s, for calendars may be edited; on this
day nobody does, and what was measured is taken from memory for longer than this."""


@dataclass
class Schedule:
    """Says when what is due, as Airflow's scheduler does, and takes the turns of what has begun."""

    pipeline: Pipeline
    _going: list[tuple[Conductor, Due, Task]] = field(default_factory=list)
    _firings: tuple[ScheduledPreparation, ...] = ()
    _read_at: float = -math.inf
    _fired: set[datetime] = field(default_factory=set)
    _swept: int = -1

    def take_turns(self) -> None:
        """Begin what is due now, and go on with what has begun once it has looked at its services."""
        fleet = self.pipeline.fleet()
        now = self.pipeline.world.now()
        for firing in self._due(now):
            self._fired.add(firing.start)
            self._begin("prepare", prepared(fleet, fleet.calendars().starting_at(firing.start)))
        quarter = int(now.timestamp() // SWEEP)
        is_sweeping = any(not due.events for _, due, _ in self._going)  # one at a time, as the DAG says
        if quarter != self._swept and not is_sweeping:
            self._swept = quarter
            self._begin("sweep", due_sweep(fleet))
        self._going = [going for going in self._going if not self._is_over(*going)]

    def _is_over(self, conductor: Conductor, due: Due, look: Task) -> bool:
        return look.is_over and conductor.turn(due).is_over

    def _due(self, now: datetime) -> list[ScheduledPreparation]:
        if self.pipeline.world.elapsed - self._read_at >= READ_AGAIN:
            self._firings, _ = self.pipeline.calendars.due(now)
            self._read_at = self.pipeline.world.elapsed
        return [each for each in self._firings if each.at <= now < each.end and each.start not in self._fired]

    def _begin(self, kind: str, due: Due) -> None:
        look = self.pipeline.together.start(lambda clock: look_at_due(self.pipeline.fleet(clock), due))
        fleet = self.pipeline.fleet()
        conductor = Conductor(
            fleet=fleet,
            runs=ConductedRuns(self.pipeline.runs, fleet.policies, kind),
            memory=ProcessMemory(),
            decide=decided(fleet, lambda: cast("LookRecord", look.result)),
            parent=f"{kind}-{due.began_at:%d%H%M%S}",
        )
        self._going.append((conductor, due, look))
