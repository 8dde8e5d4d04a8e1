"""Announced sales on a smooth service: what the calendar is worth, and what it is worth when it is wrong.

    make bench-flash [SEED="0 1 2"] [TRACES=DIR] [OUT=FILE.csv]

30 sales on events-web-r2, known 7 days ahead: demand x (1 + a·min(1, k + ½)·exp(-max(0, k - 1)/τ)) in minute k = 0
... 179 of each, a = 2.5·lognormal(0, 0.3), τ = 20 to 40 min, and gamma noise of 5 % on every minute.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.capacity.folder import add_traces_option

from springtide.backtest.simulate import Plans, SimulatedAutoscaler, replay_autoscaler, score
from springtide.backtest.trace import Trace, pod_capacity, read_traces
from springtide.backtest.tuning import as_plans
from springtide.capacity.conformal import bounds, horizon_minutes
from springtide.capacity.event import KnownOccurrence, expected_demand
from springtide.capacity.minutes import DAY, MINUTE, WEEK, Minutes
from springtide.capacity.predictors import PredictorWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from springtide.backtest.simulate import Score

TRACE = "events-web-r2"
SALES = 30
LENGTH = 180
STARTUPS = (60, 120, 300)
INTERVAL = 5
QUANTILE = 0.97
AUTOSCALER = SimulatedAutoscaler("rps", 0.8)
KIND = "sale"
COLUMNS = ("seed", "startup_s", "policy", "viol_min", "cost", "share_of_hpa_viol", "share_of_hpa_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What the planner believes: the true sales, `shift` minutes wrong, without some, with others that never come."""

    name: str
    shift: int = 0
    missing: float = 0.0
    ghosts: int = 0


CALENDARS = (
    Calendar(name="calendar"),
    Calendar(name="calendar-missing-20", missing=0.2),
    Calendar(name="calendar-late-3", shift=3),
    Calendar(name="calendar-early-15", shift=-15),
    Calendar(name="calendar-ghosts-10", ghosts=10),
)


def sale_shape(draw: np.random.Generator) -> NDArray[np.float64]:
    """Return what one sale adds in each of its minutes, as a share of the demand without it."""
    minute = np.arange(LENGTH)
    height = 2.5 * draw.lognormal(0, 0.3)
    decay = draw.uniform(20, 40)
    shape: NDArray[np.float64] = height * np.minimum(1, minute + 0.5) * np.exp(-np.maximum(0, minute - 1) / decay)
    return shape


def with_sales(trace: Trace, seed: int) -> Trace:
    """Return `trace` with 30 sales in its scored part, at most one a day, between 8 and 22 o'clock."""
    draw = np.random.default_rng(seed)
    demand = trace.demand.copy()
    days = np.sort(draw.choice((len(demand) - trace.scored) // DAY - 1, SALES, replace=False))
    starts = trace.scored + days * DAY + draw.integers(8 * 60, 22 * 60 - LENGTH, SALES)
    for start in starts:
        demand[start : start + LENGTH] *= 1 + sale_shape(draw)
    demand *= draw.gamma(400, 1 / 400, len(demand))  # mean 1, standard deviation 5 %
    moments = [trace.start + start * MINUTE for start in starts]
    occasions = tuple(
        KnownOccurrence(kind=KIND, start=moment, end=moment + LENGTH * MINUTE, known_at=moment - WEEK * MINUTE)
        for moment in moments
    )
    return replace(trace, demand=demand, per_replica=pod_capacity(demand[trace.scored :]), occasions=occasions)


def believed(trace: Trace, calendar: Calendar, seed: int) -> tuple[KnownOccurrence, ...]:
    """Return the occasions as `calendar` has them."""
    draw = np.random.default_rng(seed + 1000)
    known = round(len(trace.occasions) * (1 - calendar.missing))
    kept = [trace.occasions[i] for i in draw.choice(len(trace.occasions), known, replace=False)]
    scored = trace.start + trace.scored * MINUTE
    length = len(trace.demand) - trace.scored
    invented = [scored + draw.integers(DAY, length - DAY) * MINUTE for _ in range(calendar.ghosts)]
    kept += [
        KnownOccurrence(kind=KIND, start=start, end=start + LENGTH * MINUTE, known_at=start - WEEK * MINUTE)
        for start in invented
    ]
    shift = calendar.shift * MINUTE
    return tuple(
        replace(occasion, start=occasion.start + shift, end=occasion.end + shift)
        for occasion in sorted(kept, key=lambda occasion: occasion.start)
    )


def judge(trace: Trace, startup: int, seed: int) -> dict[str, Score]:
    """Return the score of each autoscaler and each calendar."""
    scored = trace.from_scored()
    scores = {
        name: score(scored, replay_autoscaler(scored, autoscaler, startup))
        for name, autoscaler in (
            ("hpa-cpu-50", SimulatedAutoscaler("cpu", 0.5)),
            ("hpa-cpu-70", SimulatedAutoscaler("cpu", 0.7)),
        )
    }
    horizon = horizon_minutes(INTERVAL, startup)
    bound = bounds(trace.demand, PredictorWindow(INTERVAL, horizon, trace.per_replica / 10), (QUANTILE,)).demand
    first = trace.scored // INTERVAL
    seen = Minutes(trace.start, trace.demand)
    floors = {"conformal": np.zeros_like(bound[0])}
    floors |= {
        calendar.name: event_floor(seen, believed(trace, calendar, seed), INTERVAL, horizon) for calendar in CALENDARS
    }
    for name, floor in floors.items():
        plans = as_plans(trace, np.maximum(bound, floor)[:, first:], INTERVAL)
        row = np.ones(scored.day_count, np.int64)
        replayed = replay_autoscaler(scored, AUTOSCALER, startup, plans=Plans(plans.replicas, INTERVAL), row=row)
        scores[name] = score(scored, replayed)
    return scores


def event_floor(
    seen: Minutes, occasions: Sequence[KnownOccurrence], interval: int, horizon: int
) -> NDArray[np.float64]:
    """Return the demand that events ask for at every decision over `seen`; each sees what lies before it only."""
    floor = np.zeros(len(seen) // interval + 1)
    for occasion in occasions:
        learned_from = [other for other in occasions if other.kind == occasion.kind and other.start < occasion.start]
        first = math.floor((occasion.start - seen.start) / MINUTE / interval) - horizon // interval - 1
        last = math.ceil((occasion.end - seen.start) / MINUTE / interval)
        # only the decisions around an event can ask for anything: the others need no look at its past
        for decision in range(max(1, first), min(last + 1, len(floor))):
            past = Minutes(seen.start, seen.values[: decision * interval])
            asked, _ = expected_demand(past, [*learned_from, occasion], horizon)
            floor[decision] = max(floor[decision], asked)
    return floor


def rows_of(base: Trace, seed: int) -> Iterator[tuple[object, ...]]:
    """Yield the table's rows for one seed."""
    trace = with_sales(base, seed)
    for startup in STARTUPS:
        scores = judge(trace, startup, seed)
        hpa = scores["hpa-cpu-50"]
        for name, judged in scores.items():
            shares = (judged.violated_minutes / max(1, hpa.violated_minutes), judged.cost / hpa.cost)
            figures = (judged.violated_minutes, round(judged.cost, 3), *(round(share, 3) for share in shares))
            yield seed, startup, name, *figures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    add_traces_option(parser)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    base = next((trace for trace in read_traces(args.traces) if trace.name == TRACE), None)
    if base is None:
        parser.error(f"{args.traces} has no trace {TRACE}, on which the sales are made: give another with TRACES=DIR")
    rows = [COLUMNS, *(row for seed in args.seed for row in rows_of(base, seed))]
    for row in rows:
        print(*row, sep=",")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
