"""What makes the difference: tuning with each of its parts taken away, on every trace at every start-up time.

    python -m benchmarks.capacity.ablation [--traces DIR] [--out FILE.csv]

The grid of a pair is replayed once. The days of each variant are put together from those replays, so its figures differ
a little from `compare`, which replays the settings of all days in one piece.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Final

import numpy as np
from benchmarks.capacity.compare import PROCESSES, STARTUPS
from benchmarks.capacity.folder import RESULTS, add_traces_option
from benchmarks.capacity.warm_up import warm_up

from springtide.backtest.policies import Workbench
from springtide.backtest.simulate import oracle_pod_minutes
from springtide.backtest.trace import read_traces
from springtide.backtest.tuning import BUDGET, GRID, SLO, Objective, choose, overspending
from springtide.capacity.minutes import DAY
from springtide.capacity.setting import UNTUNED, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from springtide.backtest.trace import Trace

COLUMNS: Final = ("without", "objective", "trace", "startup_s", "viol_pct", "cost")
OBJECTIVES: Final = {"budget": BUDGET, "slo": SLO}


def _all(_: Setting) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of tuning that is taken away: `keeps` says which settings stay, `change` what the objective is without it.

    `remembers` is False where what was overspent is forgotten.
    """

    name: str
    keeps: Callable[[Setting], bool] = _all
    change: Callable[[Objective], Objective] = lambda objective: objective
    remembers: bool = True


PARTS: Final = (
    Part(name="nothing"),
    Part(name="the plan under the autoscaler", keeps=lambda setting: setting.quantile is None),
    Part(name="square-root headroom", keeps=lambda setting: not setting.headroom),
    Part(name="targets above 0.9", keeps=lambda setting: setting.target is not None and setting.target <= 0.9),  # noqa: PLR2004
    Part(name="the trend", keeps=lambda setting: not setting.trend),
    Part(name="near misses in the objective", change=lambda objective: replace(objective, near=0.0)),
    Part(name="violations first where the budget holds them", change=lambda objective: replace(objective, first=None)),
    Part(name="the memory of what was overspent", remembers=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; the fields are `COLUMNS`."""

    without: str
    objective: str
    trace: str
    startup_s: int
    viol_pct: float
    cost: float


def rows_of(trace: Trace, startup: int) -> list[Row]:
    """Return the rows of one trace at one start-up time."""
    bench = Workbench.of(trace, startup)
    return [_row(bench, part, name) for part in PARTS for name in OBJECTIVES if not _is_the_whole(part, name)]


def _is_the_whole(part: Part, name: str) -> bool:
    """Say whether the objective has nothing of this part: its row would be that of nothing."""
    is_of_the_budget = part.change(BUDGET).first is None or not part.remembers
    return name != "budget" and is_of_the_budget


def _row(bench: Workbench, part: Part, name: str) -> Row:
    trace = bench.trace
    kept = [index for index, setting in enumerate(GRID) if part.keeps(setting)]
    days = bench.grid_days.only(np.array(kept))
    objective = part.change(OBJECTIVES[name])
    violated = 0.0
    paid = 0.0
    overspent = 0.0
    for day in range(trace.first_day, trace.day_count):
        index = choose(days, bench.reference, day, objective, overspent=overspent)
        if index is not None and part.remembers:
            overspent += overspending(days, bench.reference, index, day, objective)
        whole, taken = (bench.grid_days, GRID.index(UNTUNED)) if index is None else (days, index)
        violated += float(whole.violated[taken, day])
        paid += float(whole.pod_minutes[taken, day])
    return Row(
        without=part.name,
        objective=name,
        trace=trace.name,
        startup_s=round(bench.startup_seconds),
        viol_pct=round(100 * violated / (DAY * (trace.day_count - trace.first_day)), 4),
        cost=round(paid / oracle_pod_minutes(trace), 4),
    )


def summary(rows: list[Row]) -> Iterator[str]:
    """Yield the table of the means, as Markdown."""
    yield "| without | " + " | ".join(f"{name}, {startup} s" for name in OBJECTIVES for startup in STARTUPS) + " |"
    yield "|---" * (1 + len(OBJECTIVES) * len(STARTUPS)) + "|"
    for part in PARTS:
        cells = [_cell(rows, part, name, startup) for name in OBJECTIVES for startup in STARTUPS]
        yield f"| {part.name} | " + " | ".join(cells) + " |"


def _cell(rows: list[Row], part: Part, name: str, startup: int) -> str:
    own = [row for row in rows if (row.without, row.objective, row.startup_s) == (part.name, name, startup)]
    if not own:
        return ""
    return f"{fmean(row.viol_pct for row in own):.3f} @ {geometric_mean(row.cost for row in own):.3f}"


def main() -> None:
    """Replay everything, write the table and print its means."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add_traces_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS / "ablation.csv", help="where the table goes")
    options = parser.parse_args()
    traces = list(read_traces(options.traces))
    warm_up()
    jobs = [(trace, startup) for trace in traces for startup in STARTUPS]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        rows = [row for found in pool.map(rows_of, *zip(*jobs, strict=True)) for row in found]
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(astuple, rows))
    print(*summary(rows), sep="\n")


if __name__ == "__main__":
    main()
