"""How long before its start an event has to be prepared. Pure.

Learned twice, and the longer counts: from the services' own measured runs in their order and at the pace, and from how
long whole preparations of about the event's size took.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from springtide.events.ad_hoc import CALENDAR
from springtide.events.calendars import Calendars, Pace
from springtide.events.occurrences import Occurrence
from springtide.events.preparations import EventSize, Preparation, seconds_by_size
from springtide.events.sweep import steps_up
from springtide.events.taken_time import is_many, time_taken
from springtide.events.waves import ChildRunState, ServicePlan, Started, decide_turn
from springtide.percentiles import nearest_rank
from springtide.policy.calendar.model import LearnSpec

_START = datetime(2000, 1, 1, tzinfo=UTC)


LEARNED_WITHIN: Final = timedelta(days=8)
"""How near an event must be for its lead to be learned: longer than any lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRuns:
    """What is known of services before they are looked at, each by name.

    `runs` are the seconds of successful runs, `expected` what the last of them went to; `after` and `step_up` are what
    the policies say. `preparations` are whole ones, of whatever services.
    """

    runs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, Sequence[str]] = field(default_factory=dict)
    step_up: Mapping[str, float] = field(default_factory=dict)
    preparations: Sequence[Preparation] = ()

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {
            "runs": {name: list(runs) for name, runs in self.runs.items()},
            "expected": dict(self.expected),
            "after": {name: list(after) for name, after in self.after.items()},
            "step_up": dict(self.step_up),
            "preparations": [preparation.to_record() for preparation in self.preparations],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> MeasuredRuns:
        """Return what `to_record` stored; nothing is known where it says nothing."""
        preparations = tuple(map(Preparation.from_record, record.get("preparations", ())))
        by_service = {name: record.get(name, {}) for name in ("runs", "expected", "after", "step_up")}
        return cls(**by_service, preparations=preparations)


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How long before the start, and what it is made of."""

    length: timedelta
    reason: str


def p95(seconds: Sequence[float]) -> float:
    """Return the nearest-rank 95th percentile of at least one number: the largest of up to nineteen."""
    percentile = nearest_rank(seconds, 0.95)
    assert percentile is not None, "of at least one number"
    return percentile


def lead_time(
    occurrence: Occurrence,
    orders: Iterable[ServicePlan],
    measured: Mapping[str, Sequence[float]],
    pace: Pace,
    learn: LearnSpec,
    *,
    preparations: Sequence[Preparation] = (),
) -> LeadTime:
    """Return the lead of `occurrence`: its own, or the time that its `orders` take in their order at this pace.

    `measured` holds the seconds of each service's successful runs. A service with fewer than `learn.least_runs` counts
    with `learn.otherwise`, however many runs it needs. Whole `preparations` of about this size that took longer than
    their runs say make it longer; they never make it shorter.
    """
    if occurrence.lead is not None:
        whose = "as it was asked for" if occurrence.calendar == CALENDAR else "as its calendar says"
        return LeadTime(occurrence.lead, whose)
    wanted = [order for order in orders if order.service in occurrence.asks]
    times = {order.service: _expected(measured.get(order.service, ()), learn) for order in wanted}
    unknown = [name for name in times if len(measured.get(name, ())) < learn.least_runs]
    whole = [
        # `otherwise` is the guess for all of a service, not for each of its runs
        replace(wanted_order, steps=wanted_order.steps[-1:]) if wanted_order.service in unknown else wanted_order
        for wanted_order in wanted
    ]
    length = preparation_time(whole, times, pace)
    reason = "p95 of the measured runs in their order"
    # What the runs say leaves out what lies between them: a queue of the scheduler, a turn that came late.
    taken = seconds_by_size(preparations, EventSize.of(wanted))
    if taken and timedelta(seconds=p95(taken)) > length:
        length = timedelta(seconds=p95(taken))
        reason = f"p95 of the {len(taken)} measured preparations of about this size"
    length += learn.margin
    reason += f", and {learn.margin} of margin"
    if unknown:
        reason += f"; {learn.otherwise} for {', '.join(sorted(unknown))}: fewer than {learn.least_runs} measured runs"
    if length > learn.longest:
        return LeadTime(learn.longest, f"{reason}; cut to learn.longest {learn.longest}")
    return LeadTime(timedelta(seconds=math.ceil(length.total_seconds())), reason)


def leads_of(calendars: Calendars, measured: MeasuredRuns, now: datetime) -> dict[str, LeadTime]:
    """Return the lead of every occurrence, by its id. One far away gets what is taken without measurements."""
    leads: dict[str, LeadTime] = {}
    learned: dict[tuple[str, str], LeadTime] = {}
    for occurrence in calendars.occurrences:
        learn = calendars.learning(occurrence)
        key = (occurrence.calendar, occurrence.event)
        if occurrence.lead is None and not now - LEARNED_WITHIN < occurrence.start < now + LEARNED_WITHIN:
            leads[occurrence.id] = LeadTime(learn.otherwise + learn.margin, "not learned before its week")
            continue
        if key not in learned:  # a nightly event has hundreds of occurrences, and one lead
            orders = expected_orders(occurrence, measured)
            learned[key] = lead_time(
                occurrence, orders, measured.runs, calendars.pace, learn, preparations=measured.preparations
            )
        leads[occurrence.id] = learned[key]
    return leads


def expected_orders(occurrence: Occurrence, measured: MeasuredRuns) -> tuple[ServicePlan, ...]:
    """Return what the event will order, as far as that can be known before its services are looked at.

    Where `guards.step_up` lets no single run go that far, it is several.
    """
    orders = []
    for service, ask in occurrence.asks.items():
        base = measured.expected.get(service, 1)
        # A service that never ran counts as one replica, the fewest: nearly all of its pods are to be paid for.
        target = ask.replicas if ask.multiply is None else math.ceil(base * ask.multiply)
        steps = steps_up(base, max(target or 1, base + 1), measured.step_up.get(service, math.inf))
        orders.append(
            ServicePlan(service=service, current=base, steps=steps, after=tuple(measured.after.get(service, ())))
        )
    return tuple(orders)


def preparation_time(orders: Sequence[ServicePlan], times: Mapping[str, timedelta], pace: Pace) -> timedelta:
    """Return how long the orders take when every run of a service takes its `times`, by the very rules of a run.

    Of many it is the longest that they may take: see `springtide.events.taken_time`.
    """
    if is_many(orders):
        return time_taken(orders, (), times, pace, now=_START).longest
    return stands_at(orders, (), times, pace, now=_START) - _START


def stands_at(
    orders: Sequence[ServicePlan],
    started: Sequence[Started],
    times: Mapping[str, timedelta],
    pace: Pace,
    *,
    now: datetime,
) -> datetime:
    """Return when the orders are done, given the runs so far, when every run of a service takes its `times`.

    A run that takes longer than that is taken to end now: nothing more is known of it.
    """
    # The rules of a real turn are asked, with time that is only counted: an estimate of its own would drift from them.
    runs = list(started)
    while True:
        turn = decide_turn(orders, runs, pace, now=now)
        runs += [Started(service=service, step=step, at=now) for service, step in turn.starts]
        going = [run for run in runs if run.state is ChildRunState.GOING]
        if not going and not turn.waiting:
            return now
        ends = [max(now, run.at + times[run.service]) for run in going]
        # To the next moment at which anything can change: a run ends, or the pace opens.
        changes = [*ends, *([turn.opens_at] if turn.opens_at else [])]
        if not changes:
            return now  # what is waited for never comes: the turn that is taken says so
        now = min(changes)
        runs = [
            replace(run, state=ChildRunState.SUCCEEDED)
            if run.state is ChildRunState.GOING and run.at + times[run.service] <= now
            else run
            for run in runs
        ]


def lateness(
    orders: Sequence[ServicePlan],
    started: Sequence[Started],
    measured: Mapping[str, Sequence[float]],
    pace: Pace,
    *,
    start: datetime,
    now: datetime,
) -> str | None:
    """Return why what is left to do can no longer be done by `start`; None while it can.

    `measured` holds the seconds of each service's successful runs. A service without any counts with no time at all:
    what is told is measured, not guessed.
    """
    seconds = {order.service: measured.get(order.service, ()) for order in orders}
    times = {name: timedelta(seconds=p95(taken) if taken else 0) for name, taken in seconds.items()}
    if is_many(orders):
        ready = now + time_taken(orders, started, times, pace, now=now).shortest
    else:
        ready = stands_at(orders, started, times, pace, now=now)
    if ready <= start or now >= start:
        return None
    unknown = sorted(order.service for order in orders if order.steps and not seconds[order.service])
    message = f"everything stands at {ready:%H:%M:%S} UTC at the earliest, {_seconds(ready - start)} s after the start"
    more = f"; no run of {', '.join(unknown)} was ever measured, so it is later still" if unknown else ""
    return f"{message}, by the p95 of the measured runs in their order and at their pace{more}"


def _seconds(length: timedelta) -> int:
    return math.ceil(length.total_seconds())


def _expected(seconds: Sequence[float], learn: LearnSpec) -> timedelta:
    return learn.otherwise if len(seconds) < learn.least_runs else timedelta(seconds=p95(seconds))
