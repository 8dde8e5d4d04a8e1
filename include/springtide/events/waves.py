"""Scaling many services in order and at a pace: what to start next, what waits, what is held back, and why. Pure.

    order       a service starts when every service that it is `after` stands
    shared      a run that would find no connections to a database beside those that go on waits for them
    pace        pods per minute over all services, and so many services at the same time
    credit      a turn starts what the pace lets start before the next turn: nobody is there to start it later
    held back   a service whose dependency failed or is held back itself; the others go on

Whoever conducts asks again and again, with what has become of the runs meanwhile: nothing has to be remembered but
which runs were started when, and a run has the same name however often it is started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

from springtide.events.calendars import Pace
from springtide.events.connections import ConnectionUse, connection_conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """From `current` to the last of `steps`, run by run; no steps where nothing is to do. `after` names services.

    Where they are an autoscaler's minimum, `until` is when its note lapses; `gives_back` says that the last step gives
    its owner's own bounds back.
    """

    service: str
    current: int
    steps: tuple[int, ...]
    after: tuple[str, ...] = ()
    reason: str = ""
    until: datetime | None = None
    gives_back: bool = False
    connection_uses: tuple[ConnectionUse, ...] = ()
    overlaps: bool = False
    """Whether both sets run at once while a run goes on."""
    advised: int | None = None
    """What would stand after it, where it is only advice; None where it is carried out."""
    advised_from: int | None = None
    """What would stand before it, where it is only advice."""
    asked: int | None = None
    """What the events that are prepared ask for; None where it is for none, or nobody counts on it."""
    cut: str = ""
    """Why they do not get that, where a bound or a cap cuts it."""
    paused: str = ""
    """Why nothing is started, where the service is paused or backs off."""
    unmet: str = ""
    """What an event asks for and does not get by that."""
    event: str = ""
    """The id of the occurrence that asks for it, "" where it is demand."""

    def as_advice(self, *, observed: int) -> ServicePlan:
        """Return the order without its steps: nothing is started, and `observed` replicas stay."""
        advised = (self.steps or (self.current,))[-1]
        whole = replace(self, steps=(), until=None, gives_back=False, current=observed)
        return replace(whole, advised=advised, advised_from=self.current)

    def only_planned(self, why: str) -> ServicePlan:
        """Return the order without its steps, for `why`; as it is where it has none."""
        if not self.steps:
            return self
        whole = replace(self, steps=(), until=None, gives_back=False, reason=f"{why}: {self.reason}")
        return replace(whole, advised=self.steps[-1], advised_from=self.current)

    @property
    def standing(self) -> int:
        """The replicas that stand after it."""
        return self.steps[-1] if self.steps else self.current

    @property
    def shortfall(self) -> str | None:
        """Why it falls short of what the events ask for, with both numbers; None where it does not."""
        if self.asked is None or self.advised is not None or self.unmet or self.standing >= self.asked:
            return None
        return f"{self.asked} are asked for and {self.standing} stand: {self.cut or self.reason}"

    def before(self, step: int) -> int:
        """Return the replicas that run number `step` starts from."""
        return self.steps[step - 1] if step else self.current

    def pods(self, step: int) -> int:
        """Return how many pods run number `step` starts."""
        return max(0, self.steps[step] - self.before(step))

    def peak(self, step: int) -> int:
        """Return the most replicas while run number `step` goes on."""
        had = self.before(step)
        return max(had, self.steps[step]) + (had if self.overlaps else 0)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        until = self.until.isoformat() if self.until else None
        lists = {
            "steps": list(self.steps),
            "after": list(self.after),
            "connection_uses": [asdict(use) for use in self.connection_uses],
        }
        return asdict(self) | lists | {"until": until}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ServicePlan:
        """Return the order that `to_record` stored."""
        until = datetime.fromisoformat(record["until"]) if record.get("until") else None
        connection_uses = tuple(ConnectionUse(**use) for use in record.get("connection_uses", ()))
        lists = {"steps": tuple(record["steps"]), "after": tuple(record["after"]), "connection_uses": connection_uses}
        return cls(**{**record, **lists, "until": until})


class ChildRunState(StrEnum):
    """What has become of a run that was started."""

    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run that was started: number `step` of its order."""

    service: str
    step: int
    at: datetime
    state: ChildRunState = ChildRunState.GOING
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDecision:
    """What to do now. `starts` are (service, step); `waiting` and `held` say why, by service."""

    starts: tuple[tuple[str, int], ...] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    opens_at: datetime | None = None
    """When the pace lets something start for which only the pace is waited; None where nothing waits for it alone."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to start or to wait for."""
        return not self.starts and not self.waiting


def waves(orders: Sequence[ServicePlan]) -> tuple[tuple[str, ...], ...]:
    """Return the services by waves: each is `after` those of earlier waves only. Circles are in none."""
    return _waves(tuple((order.service, order.after) for order in orders))


@lru_cache(maxsize=16)  # the same at every turn of a thousand services, and twice in each
def _waves(services: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[str, ...], ...]:
    names = {name for name, _ in services}
    sorter = TopologicalSorter({name: names.intersection(after) for name, after in services})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = set(error.args[1])  # policies are judged one by one: nobody may have seen it before
        return _waves(tuple(each for each in services if each[0] not in circle))
    collected = []
    while sorter.is_active():
        ready = sorter.get_ready()
        collected.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return tuple(collected)


def decide_turn(
    orders: Sequence[ServicePlan],
    started: Sequence[Started],
    pace: Pace,
    *,
    now: datetime,
    until_next: timedelta = timedelta(),
) -> TurnDecision:
    """Return what to do now, given every run that was started.

    `until_next` is the time until somebody asks again. What the pace lets start before that starts now: so the starts
    reach the pace, and are ahead of it by `until_next` and the pods of one run at most.
    """
    # Everything anew from what became of the runs: a conductor that died between two turns forgot nothing.
    state = _State(orders, started)
    waiting = {run.service: "its run goes on" for run in started if run.state is ChildRunState.GOING}
    free = pace.runs - len(waiting)
    opens = opens_at(orders, started, pace)
    starts: list[tuple[str, int]] = []
    paced = False
    for order in state.pending():
        if missing := state.missing(order):
            waiting[order.service] = f"waits for {', '.join(missing)}"
        elif free <= 0:
            waiting[order.service] = f"waits: {pace.runs} services are scaled at the same time"
        # What opens before the next turn starts now. Waited for exactly, each start would cost a whole turn, whatever
        # the pace allows: nobody is there in between.
        elif opens is not None and now < opens and now + until_next <= opens:
            waiting[order.service] = f"waits until {opens:%H:%M:%S}: {pace.pods_per_minute:g} pods a minute"
            paced = True
        elif crowd := state.crowd(order, starts):
            waiting[order.service] = crowd
        else:
            step = state.next_step(order.service)
            starts.append((order.service, step))
            free -= 1
            # From `opens`, not from now: what was started on credit is paid for before anything else opens.
            opens = max(now, opens or now) + spent(order, step, pace)
    return TurnDecision(
        starts=tuple(starts),
        waiting=waiting,
        held=state.held(),
        failed=state.failures(),
        opens_at=opens if paced else None,
    )


def opens_at(orders: Sequence[ServicePlan], started: Sequence[Started], pace: Pace) -> datetime | None:
    """Return when the pace lets the next run start: each start pays for its pods in time."""
    by_name = {order.service: order for order in orders}
    opens: datetime | None = None
    for run in sorted(started, key=lambda run: run.at):
        # A pause saves nothing up: after it the pace begins anew, or a burst would follow.
        opens = max(run.at, opens or run.at) + spent(by_name[run.service], run.step, pace)
    return opens


def spent(order: ServicePlan, step: int, pace: Pace) -> timedelta:
    """Return the time that the pace asks for the pods of one run."""
    return timedelta(minutes=order.pods(step) / pace.pods_per_minute)


class _State:
    """What stands, what failed, and what is held back because of it."""

    def __init__(self, orders: Sequence[ServicePlan], started: Sequence[Started]) -> None:
        self.orders = {order.service: order for order in orders}
        self._runs = {(run.service, run.step): run for run in started}
        self._level_of = {name: number for number, wave in enumerate(waves(orders)) for name in wave}
        self._sorted = list(self._level_of)
        self._held = dict.fromkeys(self.orders.keys() - self._sorted, "held back: its `after` leads back to itself")
        for name in self._sorted:
            blocker = next((other for other in self.orders[name].after if self._is_lost(other)), None)
            # One that was begun goes on to its last step: half of a scale-up helps nobody.
            if blocker is not None and not self._touched(name):
                self._held[name] = f"held back: it comes after {blocker}, which {self._lost_because(blocker)}"

    def next_step(self, name: str) -> int:
        return sum((name, step) in self._runs for step in range(len(self.orders[name].steps)))

    def crowd(self, order: ServicePlan, starts: Sequence[tuple[str, int]]) -> str | None:
        """Return why what `order` shares with the runs that go on, or that start now, lets it wait."""
        if not order.connection_uses:
            return None  # asked for each start of a thousand
        others = [(each, *self._most(each, dict(starts))) for each in self.orders.values() if each is not order]
        step = self.next_step(order.service)
        peak = order.peak(step)
        return connection_conflict(order, peak, others, more=peak > order.before(step))

    def _most(self, order: ServicePlan, starts: Mapping[str, int]) -> tuple[int, bool]:
        begun = starts.get(order.service, self.next_step(order.service) - 1)
        # A run that goes on may have both numbers at once, so its peak counts until it has ended.
        if begun < 0:
            return order.current, False
        state = self._state(order.service, begun)
        if state is ChildRunState.GOING or order.service in starts:
            return order.peak(begun), True
        return order.steps[begun] if state is ChildRunState.SUCCEEDED else order.before(begun), False

    def missing(self, order: ServicePlan) -> list[str]:
        """Return what `order` comes after and does not stand yet."""
        return [name for name in order.after if name in self.orders and not self.stands(name)]

    def stands(self, name: str) -> bool:
        steps = range(len(self.orders[name].steps))
        return all(self._state(name, step) is ChildRunState.SUCCEEDED for step in steps)

    def pending(self) -> list[ServicePlan]:
        """Return what could go on, earlier waves first, the largest of a wave before the others."""
        # The largest first: it takes longest, and what comes after its wave waits for it.
        left = [order for name, order in self.orders.items() if self._could_go_on(name)]
        return sorted(
            left, key=lambda order: (self._level_of[order.service], -order.steps[-1] + order.current, order.service)
        )

    def held(self) -> dict[str, str]:
        return self._held

    def failures(self) -> dict[str, str]:
        return {run.service: run.message or "its run failed" for run in self._failed_runs()}

    def _could_go_on(self, name: str) -> bool:
        states = [self._state(name, step) for step in range(len(self.orders[name].steps))]
        blocked = name in self._held or ChildRunState.FAILED in states or ChildRunState.GOING in states
        return not blocked and not self.stands(name)

    def _failed_runs(self) -> list[Started]:
        return [run for run in self._runs.values() if run.state is ChildRunState.FAILED]

    def _state(self, name: str, step: int) -> ChildRunState | None:
        run = self._runs.get((name, step))
        return None if run is None else run.state

    def _touched(self, name: str) -> bool:
        return any(service == name for service, _ in self._runs)

    def _is_lost(self, name: str) -> bool:
        return name in self._held or name in self.failures()

    def _lost_because(self, name: str) -> str:
        if name in self._held:
            return f"is {self._held[name]}"
        return f"failed: {self.failures()[name]}"
