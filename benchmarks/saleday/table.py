"""`python -m benchmarks saleday`: the table, the same as CSV, and the timeline of one of the days."""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.flash import TRACE
from benchmarks.capacity.folder import FOLDERS
from benchmarks.saleday.day import Day, sale_day
from benchmarks.saleday.play import Course, under_hpa, under_springtide
from benchmarks.saleday.sales import sales_of
from benchmarks.saleday.timeline import draw
from benchmarks.table import RESULTS, Table
from springtide.backtest.trace import Trace, read_traces
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTUPS: Final = (60, 120, 300)
SEEDS: Final = (0, 1, 2)
SHOWN: Final = (120, 0)
"""Start-up time and seed of the day on the picture."""
PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "images" / "sale-day.png"
LIMIT: Final = 0.35
COLUMNS: Final = (
    "pods serve in, s",
    "seed",
    "HPA: violated min",
    "springtide: violated min",
    "share",
    "HPA: pod-hours",
    "springtide: pod-hours",
    "share",
    "changes, HPA",
    "changes, springtide",
    "runs",
    "failed",
    "whole before start, min",
    "held",
    "back after end, min",
    "in steps",
)


@dataclass(frozen=True, slots=True)
class Compared:
    """One day, played both ways."""

    startup: int
    day: Day
    hpa: Course
    springtide: Course

    @property
    def violated(self) -> tuple[int, int]:
        """Violated minutes of both services together."""
        return _violated(self.hpa), _violated(self.springtide)

    @property
    def pod_hours(self) -> tuple[float, float]:
        """Pod-hours of both services together."""
        return _pod_hours(self.hpa), _pod_hours(self.springtide)

    def row(self) -> list[str]:
        """Return the row of the table."""
        sales = sales_of(self.day, self.springtide)
        runs = [mark for mark in self.springtide.marks if mark.kind != "trial" and mark.ended is not None]
        early = [sale.early for sale in sales]
        back = [sale.back for sale in sales]
        return [
            str(self.startup),
            str(self.day.seed),
            *_shares(*self.violated, digits=0),
            *_shares(*self.pod_hours, digits=0),
            *(
                str(sum(played.changes for played in course.services.values()))
                for course in (self.hpa, self.springtide)
            ),
            str(len(runs)),
            str(sum(mark.outcome != "succeeded" for mark in runs)),
            "no" if None in early else f"{min(minutes for minutes in early if minutes is not None):.1f}",
            "yes" if all(sale.is_held_as_ordered for sale in sales) else "no",
            "no" if None in back else f"{max(minutes for minutes in back if minutes is not None):.0f}",
            f"{min(sale.steps for sale in sales)} to {max(sale.steps for sale in sales)}",
        ]


def compare(base: Trace, case: tuple[int, int]) -> Compared:
    """Play one day both ways; `case` is the start-up time of pods and the seed."""
    startup, seed = case
    day = sale_day(base, seed)
    return Compared(startup, day, under_hpa(day, startup), under_springtide(day, startup))


def measure() -> Table:
    """Play every day of the table, keep the CSV and the picture, and return the table.

    Raises:
        InputError: the trace that the days are made of is not there (`trace_missing`).
    """
    play = partial(compare, base_trace())
    cases = list(product(STARTUPS, SEEDS))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        days = list(pool.map(play, cases))
    shown = days[cases.index(SHOWN)]
    draw(shown.day, shown.hpa, shown.springtide, PICTURE)
    rows = [day.row() for day in days] + [_total(startup, days) for startup in STARTUPS]
    _keep([COLUMNS, *rows])
    title = f"A sale day; limit: {LIMIT:.0%} of the violated minutes at no more pod-hours"
    return Table(title, COLUMNS, rows)


def base_trace() -> Trace:
    """Return the smooth trace that the days are made of.

    Raises:
        InputError: it is not there.
    """
    for folder in FOLDERS:
        if (folder / "traces.json").is_file():
            for trace in read_traces(folder):
                if trace.name == TRACE:
                    return trace
    raise InputError(
        f"there is no trace {TRACE} in {' or '.join(map(str, FOLDERS))}: the days of the sale day are made of it.",
        code="trace_missing",
        field="traces",
    )


def _total(startup: int, days: Sequence[Compared]) -> list[str]:
    mine = [day for day in days if day.startup == startup]
    violated = [sum(day.violated[way] for day in mine) for way in (0, 1)]
    hours = [sum(day.pod_hours[way] for day in mine) for way in (0, 1)]
    cells = [str(startup), "all", *_shares(*violated, digits=0), *_shares(*hours, digits=0)]
    return cells + [""] * (len(COLUMNS) - len(cells))


def _shares(hpa: float, springtide: float, *, digits: int) -> list[str]:
    share = f"{springtide / hpa:.0%}" if hpa else "-"
    return [f"{hpa:.{digits}f}", f"{springtide:.{digits}f}", share]


def _violated(course: Course) -> int:
    return sum(int(played.violated.sum()) for played in course.services.values())


def _pod_hours(course: Course) -> float:
    return sum(played.pod_hours for played in course.services.values())


def _keep(rows: Sequence[Sequence[str]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "saleday.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
