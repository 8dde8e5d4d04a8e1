"""The table that judges: every policy on every trace at three start-up times, walking forward.

    make bench-capacity [TRACES=DIR] [OUT=FILE.csv]

DIR holds CSVs (`timestamp,value`), `traces.json` and, if there are known events, `events.json`. Beside the table the
same as a plot is written (FILE.html, which works offline).
"""

from __future__ import annotations

import argparse
import csv
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import astuple, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.capacity.folder import RESULTS, add_traces_option
from benchmarks.capacity.warm_up import warm_up

from springtide.backtest.policies import POLICIES, Workbench
from springtide.backtest.trace import read_traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from springtide.backtest.trace import Trace

STARTUPS = (60, 120, 300)
PROCESSES = 2
LEAST_SHOWN = 0.001
COLUMNS = ("trace", "startup_s", "policy", "viol_pct", "viol_min", "underserved_pct", "cost", "changes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; the fields are `COLUMNS`."""

    trace: str
    startup_s: int
    policy: str
    viol_pct: float
    viol_min: int
    underserved_pct: float
    cost: float
    changes: int


def compare(trace: Trace, startup: int) -> list[Row]:
    """Return the rows of one trace at one start-up time."""
    shared = Workbench.of(trace, startup)
    rows = []
    for policy in POLICIES:
        score = shared.decide(policy).score
        row = Row(
            trace=trace.name,
            startup_s=startup,
            policy=policy,
            viol_pct=round(score.violated_percent, 4),
            viol_min=score.violated_minutes,
            underserved_pct=round(score.underserved_percent, 4),
            cost=round(score.cost, 4),
            changes=score.changes,
        )
        rows.append(row)
    return rows


def compare_all(traces: list[Trace]) -> list[Row]:
    """Return every row, in the order of traces, start-up times and policies; the longest traces are begun first."""
    jobs = sorted(((trace, startup) for trace in traces for startup in STARTUPS), key=lambda job: -len(job[0].demand))
    warm_up()
    rows: dict[tuple[str, int], list[Row]] = {}
    # forked after the warm-up: the children have the compiled loops already
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        running = {pool.submit(compare, *job): job for job in jobs}
        for done in as_completed(running):
            trace, startup = running[done]
            rows[trace.name, startup] = done.result()
            print(f"{trace.name} at {startup} s ({len(rows)} of {len(jobs)})", flush=True)
    return [row for trace in traces for startup in STARTUPS for row in rows[trace.name, startup]]


def write(rows: list[Row], path: Path) -> None:
    """Write the table as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(astuple, rows))


def summary(rows: list[Row]) -> Iterator[str]:
    """Yield the means that the objectives speak of: of violated %, and geometric of cost."""
    from statistics import fmean, geometric_mean

    for policy in POLICIES:
        cells = []
        for startup in STARTUPS:
            some = [row for row in rows if (row.policy, row.startup_s) == (policy, startup)]
            worst = max(row.viol_pct for row in some)
            mean = fmean(row.viol_pct for row in some)
            cells.append(f"{mean:.3f} @ {geometric_mean(row.cost for row in some):.3f} (worst {worst:.2f})")
        yield f"{policy:18} " + " | ".join(cells)
    yield from misses(rows)


def misses(rows: list[Row]) -> Iterator[str]:
    """Yield each (trace, start-up) on which a promise of an objective does not hold, and how many hold."""
    table = {(row.trace, row.startup_s, row.policy): row for row in rows}
    pairs = sorted({(row.trace, row.startup_s) for row in rows})
    kept = {"auto-tuned-budget": 0, "auto-tuned-slo": 0}
    for pair in pairs:
        ours, hpa, slo = (table[(*pair, name)] for name in ("auto-tuned-budget", "hpa-cpu-50", "auto-tuned-slo"))
        if ours.viol_pct <= max(hpa.viol_pct, 0.1) and ours.cost <= hpa.cost:
            kept["auto-tuned-budget"] += 1
        else:
            yield f"budget missed: {pair}: {ours.viol_pct} @ {ours.cost}, hpa-cpu-50 {hpa.viol_pct} @ {hpa.cost}"
        if slo.viol_pct <= 0.25:  # noqa: PLR2004  the promise itself
            kept["auto-tuned-slo"] += 1
        else:
            yield f"slo missed: {pair}: {slo.viol_pct} @ {slo.cost}"
    yield from (f"{policy}: kept on {count} of {len(pairs)}" for policy, count in kept.items())


def draw(rows: list[Row], path: Path) -> None:
    """Draw violated minutes against cost as HTML that works offline: a panel per start-up time, a point per trace."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    figure = make_subplots(
        1, len(STARTUPS), shared_yaxes=True, subplot_titles=[f"pods Ready in {s} s" for s in STARTUPS]
    )
    colours = ("#9aa0a6", "#5f6368", "#c58a00", "#7b61ff", "#1a9e77", "#0b57d0", "#d93025")
    for column, startup in enumerate(STARTUPS, 1):
        for policy, colour in zip(POLICIES, colours, strict=True):
            some = [row for row in rows if (row.policy, row.startup_s) == (policy, startup)]
            points = Scatter(
                x=[row.cost for row in some],
                y=[max(row.viol_pct, LEAST_SHOWN) for row in some],
                text=[row.trace for row in some],
                name=policy,
                mode="markers",
                marker={"color": colour, "size": 9},
                legendgroup=policy,
                showlegend=column == 1,
                hovertemplate="%{text}: %{y:.3f} % at %{x:.2f}",
            )
            figure.add_trace(points, 1, column)
    figure.update_xaxes(type="log", title_text="pod-hours ÷ clairvoyant minimum")
    figure.update_yaxes(type="log", dtick=1)
    figure.update_yaxes(title_text="violated minutes, % (0 drawn at 0.001)", col=1)
    figure.update_layout(title_text="Capacity policies, walking forward", template="plotly_white")
    figure.write_html(path, include_plotlyjs=True)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_traces_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS / "capacity.csv", help="the table; its plot lies beside it")
    args = parser.parse_args()
    started = time.monotonic()
    rows = compare_all(read_traces(args.traces))
    write(rows, args.out)
    print(*summary(rows), f"{time.monotonic() - started:.0f} s", sep="\n")
    draw(rows, args.out.with_suffix(".html"))


if __name__ == "__main__":
    main()
