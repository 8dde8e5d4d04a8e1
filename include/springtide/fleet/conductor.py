"""The conductor of a sweep, a preparation or a rehearsal: what to start next, until every service stands.

    due     what it is about: found once, before its first turn
    orders  what is to be done about each service: decided once, at the first turn, and the same at every later one
    turn    what the order of services, their shared databases and the pace let start now; decided anew each time from
            what has become of the runs, whose names are fixed: a turn that is repeated starts nothing twice

Nothing is lost with a process: whoever has the same memory takes the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from springtide.errors import Fenced
from springtide.events.waves import ServicePlan, decide_turn
from springtide.fleet.backfill import simulated_report
from springtide.fleet.child_runs import ChildRuns
from springtide.fleet.due import Due
from springtide.fleet.lateness import foreseen_lateness, keep_duration
from springtide.fleet.look_record import LookRecord
from springtide.fleet.measured import keep_late, keep_prepared, keep_sweep
from springtide.fleet.memory import Memory
from springtide.fleet.orders import attention, decided_orders
from springtide.fleet.pauses import keep_pauses, paused_after_failures
from springtide.fleet.ports import FleetPorts
from springtide.fleet.progress import FleetProgress
from springtide.fleet.report import FleetReport, TurnReport
from springtide.fleet.turns import TURN_EVERY, until_next

log = structlog.get_logger(__name__)

Decide = Callable[[Due], Sequence[ServicePlan]]
"""Decides what is to be done; may raise `Fenced` while a run owns a service that has to be free first."""


RESTS: Final = 3.0
"""How long nobody conducts behind a turn, as a multiple of what it took; for the time between two turns at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """Takes the turns of one sweep, preparation or rehearsal. `parent` names it among all that ever were.

    `every` is the time between two turns. `way` tells the runs of a rehearsal's way back from those of its way there.
    """

    fleet: FleetPorts
    runs: ChildRuns
    memory: Memory
    decide: Decide
    parent: str
    way: str = ""
    every: timedelta = TURN_EVERY
    _decided: list[ServicePlan] = field(default_factory=list, init=False)

    def turn(self, due: Due) -> TurnReport:
        """Start what may start now, and say what is waited for; the last turn says what became of everything.

        Raises:
            PermanentError: a run cannot be started, or the decision is refused.
            TemporaryError: something did not answer: the same turn can be taken again.
        """
        if due.is_simulated:
            return TurnReport(report=simulated_report(self.fleet, due))
        try:
            orders = self._orders(due)
        except Fenced as error:  # not decided yet, so nothing is kept: the next turn decides
            return TurnReport(waiting={error.field or "a service": error.message})
        now = self.fleet.clock.now()  # after the orders: deciding them may have taken a while
        pace = self.fleet.calendars().pace
        progress = FleetProgress(self.runs, self.memory, parent=self.parent, way=self.way)
        started = progress.started(orders)
        turn = decide_turn(orders, started, pace, now=now, until_next=self._until_next(now))
        # Started, then kept: a crash in between starts the same name again, which starts nothing.
        by_name = {order.service: order for order in orders}
        begun = progress.start([(by_name[service], step) for service, step in turn.starts], now)
        late = foreseen_lateness(self.fleet, self.memory, due, orders, started, pace=pace)
        if late is not None:
            log.error("event_prepared_late", run=self.parent, message=late)
            keep_late(self.fleet, due)
        report = None
        if turn.is_over:
            doubts = {} if self.way else attention(self.fleet, due)
            report = FleetReport.of(orders, turn, late=self.memory.get("late"), attention=doubts)
            paused = paused_after_failures(self.fleet, report.problems.keys())
            report = report.with_pauses({name: str(pause) for name, pause in paused.items()})
            self._keep_duration(due, orders, report, progress)
            self._keep_end(due, orders, report, progress)
        return TurnReport(started=begun, waiting={**turn.waiting, **turn.held}, late=late, report=report)

    def _orders(self, due: Due) -> list[ServicePlan]:
        # Once: decided anew at each turn, what its own runs changed would look like somebody else's doing.
        if not self._decided:
            self._decided.extend(self._decided_or_kept(due))
        return self._decided

    def _decided_or_kept(self, due: Due) -> list[ServicePlan]:
        kept = self.memory.get("orders")
        if kept is not None:
            return [ServicePlan.from_record(record) for record in kept]
        orders = list(self.decide(due))
        self.memory.set("orders", [order.to_record() for order in orders])
        return orders

    def _until_next(self, now: datetime) -> timedelta:
        last = self.memory.get("turned_at")
        self.memory.set("turned_at", now.isoformat())
        return until_next(datetime.fromisoformat(last) if last else None, now, self.every)

    def _keep_duration(
        self, due: Due, orders: Sequence[ServicePlan], report: FleetReport, progress: FleetProgress
    ) -> None:
        """Keep how long a preparation took that succeeded as a whole; the way back prepares nothing."""
        if due.events and not self.way and not report.problems and not report.paused:
            keep_duration(self.fleet, due, orders, progress.run_ids(), parent=self.parent)

    def _keep_end(self, due: Due, orders: Sequence[ServicePlan], report: FleetReport, progress: FleetProgress) -> None:
        """Keep for the metrics what this came to, once; the way back of a rehearsal prepares nothing."""
        if self.way or self.memory.get("measured_end") is not None:
            return
        if due.events:
            keep_prepared(self.fleet, due, orders, report, progress)
        else:
            keep_sweep(self.fleet, due, report)
        keep_pauses(self.fleet.open_store, self.fleet.clock.now())
        self.memory.set("measured_end", True)


def decided(fleet: FleetPorts, looked: Callable[[], LookRecord]) -> Decide:
    """Return how a sweep or a preparation decides: by what each look found, demand and events alike."""

    def decide(due: Due) -> Sequence[ServicePlan]:
        look = looked()
        return decided_orders(fleet, due, look.seen, unseen=look.unseen)

    return decide


def conducted(
    conductor: Conductor,
    due: Due,
    tell: Callable[[TurnReport], None],
    *,
    pause: Callable[[float], None] | None = None,
) -> FleetReport:
    """Take all turns in this process, one after the other, and return what became of everything.

    `pause` waits between two turns, for so many seconds at most; without it, the conductor's clock does. Behind a turn
    that took long nobody conducts for a while, whatever ends: the runs in threads beside it need the processor.
    """
    clock = conductor.fleet.clock
    pause = pause or clock.sleep
    while True:
        began = clock.monotonic()
        turn = conductor.turn(due)
        took = clock.monotonic() - began
        tell(turn)
        if turn.report is not None:
            return turn.report
        every = conductor.every.total_seconds()
        clock.sleep(min(RESTS * took, every))
        pause(every)
