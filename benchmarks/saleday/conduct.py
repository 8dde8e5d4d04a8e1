"""What the DAGs `prepare_events` and `adjust_capacity` do, without Airflow: the same functions, in the same order.

Each is a `Conducted`: it looked at the services once, and takes a turn every 5 s until its runs are over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from benchmarks.saleday.shop import Recorded, WorldRoute
from benchmarks.saleday.together import Task, Together
from springtide.errors import SpringtideError
from springtide.events.firing import Firing, firings
from springtide.events.leads import leads_of
from springtide.events.sweep import Facts, orders_for, with_floors
from springtide.events.waves import Order, RunState, Started, Turn, next_turn
from springtide.kube.live import LiveKube
from springtide.record.memory import MemoryStore
from springtide.run import pipeline
from springtide.run.looking import look_at_service, look_when_free
from springtide.run.measuring import measure
from springtide.run.ports import Ports, RunRequest
from springtide.sandbox import transport

if TYPE_CHECKING:
    from benchmarks.saleday.day import Day
    from springtide.clock import Clock
    from springtide.events.almanac import Almanac
    from springtide.events.occurrences import Occurrence
    from springtide.policy.model import ScalingPolicy
    from springtide.sandbox.world import World

TURN: Final = 5
"""Seconds between two turns of a sensor."""
SWEEP: Final = 15 * 60
READ_AGAIN: Final = 30
"""Seconds after which Airflow reads the calendars again, and when what they hold is due."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted when an event is prepared: what was usual for a service, and its demand before."""

    occurrence: Occurrence
    usual: int
    before: float | None


@dataclass
class Mark:
    """One run of the day, for the timeline and the table."""

    kind: str
    service: str
    before: int
    to: int
    reason: str
    begun: float
    ended: float | None = None
    outcome: str = ""


@dataclass
class Conducted:
    """One preparation or one sweep: its look at every service, then its orders, and the runs that it started."""

    kind: str
    events: tuple[Occurrence, ...]
    begun: float
    look: Task
    orders: tuple[Order, ...] | None = None
    started: dict[tuple[str, int], tuple[datetime, Task, Mark]] = field(default_factory=dict)
    turn: Turn = field(default_factory=Turn)
    ended: float | None = None


@dataclass
class Conductor:
    """The pipeline over one world: when a sweep or a preparation is due it begins, and every turn it goes on."""

    world: World
    day: Day
    policies: dict[str, ScalingPolicy]
    almanac: Almanac
    store: MemoryStore = field(default_factory=MemoryStore)
    together: Together = field(init=False)
    marks: list[Mark] = field(default_factory=list)
    done: list[Conducted] = field(default_factory=list)
    _going: list[Conducted] = field(default_factory=list)
    _notes: dict[str, list[Note]] = field(default_factory=dict)
    _seen: tuple[Firing, ...] = ()
    _read_at: float = -math.inf
    _fired: set[datetime] = field(default_factory=set)
    _swept: int = -1

    def __post_init__(self) -> None:
        self.together = Together(self.world)

    def ports(self, clock: Clock | None = None) -> Ports:
        """Return the ports of a new process."""
        from kubernetes.client import ApiClient, Configuration

        settings = Configuration(host="http://sandbox.invalid")
        settings.retries = False
        client = ApiClient(settings)
        transport.install(client, self.world)
        clock = clock or self.world.clock
        kube = LiveKube(client, clock=clock)
        return Ports(
            kube=kube,
            clock=clock,
            route=WorldRoute(self.world),
            store=self.store,
            demand=lambda policy: Recorded(self.day, policy.name),
        )

    def begin_run(self, kind: str, request: RunRequest, before: int, to: int) -> tuple[Task, Mark]:
        """Start one whole run, as `springtide run` does it."""
        mark = Mark(kind, request.policy.name, before, to, request.reason, self.world.elapsed)
        self.marks.append(mark)
        return self.together.start(lambda clock: self._run(clock, request, mark)), mark

    def _run(self, clock: Clock, request: RunRequest, mark: Mark) -> None:
        try:
            mark.outcome = pipeline.run(self.ports(clock), request).value
        except SpringtideError as error:
            mark.outcome = f"failed: {error.message}"
            raise
        finally:
            mark.ended = self.world.elapsed

    def advance(self, seconds: float, *, is_scheduled: bool = True) -> None:
        """Let time pass in turns; with `is_scheduled`, whatever is due begins."""
        end = self.world.elapsed + seconds
        while self.world.elapsed < end - 1e-6:
            self.together.advance(min(end, (self.world.elapsed // TURN + 1) * TURN))
            if is_scheduled:
                self._begin_due()
            for one in list(self._going):
                self._take_turn(one)

    def _begin_due(self) -> None:
        now = self.world.now()
        for firing in self._due(now):
            self._fired.add(firing.start)
            self._begin("prepare", self.almanac.starting_at(firing.start))
        quarter = int(now.timestamp() // SWEEP)
        is_sweeping = any(one.kind == "sweep" for one in self._going)  # one at a time, as the DAG says
        if quarter != self._swept and not is_sweeping:
            self._swept = quarter
            self._begin("sweep", ())

    def _due(self, now: datetime) -> Iterable[Firing]:
        if self.world.elapsed - self._read_at >= READ_AGAIN:
            leads = leads_of(self.almanac, measure(self.store, self.policies, self.policies), now)
            lengths = {key: lead.length for key, lead in leads.items()}
            self._seen = firings(self.almanac.occurrences, lengths, self._seen, now=now)
            self._read_at = self.world.elapsed
        return [one for one in self._seen if one.at <= now < one.end and one.start not in self._fired]

    def _begin(self, kind: str, events: tuple[Occurrence, ...]) -> None:
        look = look_when_free if events else look_at_service

        def look_at_all(clock: Clock) -> dict[str, Facts]:
            return {
                name: look(self.ports(clock), policy, before=self._before(name))
                for name, policy in self.policies.items()
            }

        task = self.together.start(look_at_all)
        self._going.append(Conducted(kind, events, self.world.elapsed, task))

    def _before(self, service: str) -> float | None:
        over = [note for note in self._notes.get(service, ()) if note.occurrence.end <= self.world.now()]
        return over[-1].before if over else None

    def _ordered(self, one: Conducted) -> tuple[Order, ...]:
        if one.look.error is not None:
            raise one.look.error
        now, found = self.world.now(), cast("dict[str, Facts]", one.look.result)
        for event in one.events:
            for name in event.asks:
                facts = found[name]
                if not facts.is_owned:
                    usual = facts.usual if facts.usual is not None else max(facts.current, facts.least)
                    self._notes.setdefault(name, []).append(Note(event, usual, facts.health.demand))
        noted = {(note.occurrence.id, name): note.usual for name, many in self._notes.items() for note in many}
        prepared = [note.occurrence for many in self._notes.values() for note in many if now < note.occurrence.end]
        going_on = {event.id: event for event in (*prepared, *self.almanac.going_on(now), *one.events)}
        return orders_for(with_floors(found, going_on.values(), self.almanac, noted=noted, now=now))

    def _take_turn(self, one: Conducted) -> None:
        if not one.look.is_over:
            return
        if one.orders is None:
            one.orders = self._ordered(one)
        started = [
            Started(service, step, at, _state(task), str(task.error or ""))
            for (service, step), (at, task, _) in one.started.items()
        ]
        now = self.world.now()
        one.turn = next_turn(one.orders, started, self.almanac.pace, now=now)
        for service, step in one.turn.starts:
            order = next(each for each in one.orders if each.service == service)
            is_back = order.gives_back and step == len(order.steps) - 1
            run_id = f"{one.kind}-{now:%d%H%M%S}-{service}-{step}"
            to, before = order.steps[step], order.steps[step - 1] if step else order.current
            asked = None if is_back else to
            request = RunRequest(
                run_id=run_id,
                policy=self.policies[service],
                replicas=asked,
                strategy=None,
                requested_by="benchmark",
                reason=order.reason,
            )
            request = replace(request, is_release=is_back, until=order.until)
            task, mark = self.begin_run(one.kind, request, before, to)
            one.started[service, step] = (now, task, mark)
        if one.turn.is_over:
            one.ended = self.world.elapsed
            self._going.remove(one)
            self.done.append(one)


def _state(task: Task) -> RunState:
    if not task.is_over:
        return RunState.GOING
    return RunState.FAILED if task.error else RunState.SUCCEEDED
