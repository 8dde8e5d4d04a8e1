"""Between which two times the runs of many services are done, without playing every turn. Pure.

A turn looks at every order, and every end of a run is a turn: of a thousand services that is a million looks, while an
event is prepared. The shortest and the longest that any order of starts may take lie close together there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from springtide.events.calendars import Pace
from springtide.events.waves import ChildRunState, ServicePlan, Started, decide_turn, opens_at, spent, waves

MOST_PLAYED: Final = 100
"""So many orders are played turn by turn: `springtide.events.leads.stands_at`."""

_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class TakenTime:
    """How long it takes at least, and at most."""

    shortest: timedelta
    longest: timedelta


def is_many(orders: Sequence[ServicePlan]) -> bool:
    """Say whether `time_taken` is to be asked: there are too many to play, and none shares a database's connections."""
    return len(orders) > MOST_PLAYED and not any(order.connection_uses for order in orders)


def time_taken(
    orders: Sequence[ServicePlan],
    started: Sequence[Started],
    times: Mapping[str, timedelta],
    pace: Pace,
    *,
    now: datetime,
) -> TakenTime:
    """Return how long what is left of `orders` takes from `now` on, when every run of a service takes its `times`.

    Shortest: whichever of three takes longest, all work on `pace.runs` places, the pace of the starts, the longest row
    of services that come after each other. Longest: their sum, for at any moment all places are taken, or the pace is
    waited for, or the row is (Graham, Bounds on Multiprocessing Timing Anomalies, 1969).
    """
    turn = decide_turn(orders, started, pace, now=now)
    lost = turn.held.keys() | turn.failed.keys()
    going = {run.service: run for run in started if run.state is ChildRunState.GOING}
    done = {(run.service, run.step) for run in started}
    rows: dict[str, timedelta] = {}
    waits: list[timedelta] = []
    for order in orders:
        steps = range(0 if order.service in lost else len(order.steps))
        left = [step for step in steps if (order.service, step) not in done]
        rows[order.service] = len(left) * times[order.service]
        if order.service in going:
            rows[order.service] += max(_NONE, going[order.service].at + times[order.service] - now)
        waits += [spent(order, step, pace) for step in left]
    opens = opens_at(orders, started, pace)
    credit = _NONE if opens is None else max(_NONE, opens - now)
    work = sum(rows.values(), _NONE)
    places = max(pace.runs, len(going))  # more than the pace allows go on where somebody has lowered it
    row = sum((max(rows[name] for name in wave) for wave in waves(orders)), _NONE)
    longest_row = max(rows.values(), default=_NONE)
    paced = sum(waits, credit)
    # What starts last pays for its pods when it has started: nobody waits for that.
    starts = paced - max(waits) if waits else _NONE
    return TakenTime(max(work / places, longest_row, starts), work / pace.runs + row + paced)
