"""A backtest as one HTML file that works offline: the verdict, the table, and plots to zoom into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from springtide.backtest.headline import verdict
from springtide.capacity.cost_curve import curve_in_words
from springtide.capacity.minutes import MINUTE
from springtide.extras import requires_extra

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from springtide.backtest.policy import BacktestReport, Line
    from springtide.demand.model import DemandSeries
    from springtide.plan.model import ScalingPlan
    from springtide.policy.scaling.model import ScalingPolicy

MOST_POINTS = 20_000
"""Points of a curve; longer histories are drawn as the maxima of several minutes."""
COLUMNS = (
    "", "violated minutes", "days missed", "underserved", "pod-hours", "cost ÷ oracle", "changes a day",
    "switches a day",
)  # fmt: skip
_COLOURS = ("#0b57d0", "#d93025", "#9aa0a6", "#c58a00", "#7b61ff", "#1a9e77", "#5f6368")
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#202124}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;border-bottom:1px solid #dadce0;"
    "text-align:right}td:first-child,th:first-child{text-align:left}tr:nth-child(2){background:#e8f0fe}"
)


def render(report: BacktestReport) -> str:
    """Return the page. Nothing in it is loaded from elsewhere; plotly itself makes it 5 MB."""
    title = f"Backtest of {escape(report.policy)}"
    first, last = (_moment(report, minute) for minute in (report.trace.scored, len(report.trace.demand)))
    about = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, pods serve {report.startup_seconds:.0f} s after"
    # plotly itself only once: the second plot finds it in the page
    plots = "".join(
        figure.to_html(full_html=False, include_plotlyjs=index == 0)
        for index, figure in enumerate((_course(report), _trade(report)))
    )
    # Tuning keeps a setting for days: each is listed once, in the order of its first day.
    tuned = "".join(f"<li>{escape(text)}</li>" for text in dict.fromkeys(report.settings))
    reach = f"<p>Over these days, {escape(curve_in_words(report.curve))}.</p>" if report.curve else ""
    settings = f"<h2>Settings that tuning took</h2><ul>{tuned}</ul>" if tuned else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"</head><body><h1>{title}</h1><p><strong>{escape(verdict(report))}</strong></p>"
        f"<p>{about} the decision. A minute is violated when the Ready pods could not have carried its demand in every "
        "15 s of it. A switch: made smaller, and larger again within the hour.</p>"
        f"{_table(report)}{reach}{plots}{settings}</body></html>\n"
    )


def rows(report: BacktestReport) -> list[tuple[str, ...]]:
    """Return the table's cells, one row per line of the report, under `COLUMNS`."""
    return [_cells(line, report.days) for line in report.lines]


def _cells(line: Line, days: float) -> tuple[str, ...]:
    score = line.score
    return (
        line.name,
        f"{score.violated_minutes:,} ({score.violated_percent:.3f} %)",
        str(line.missed_days),
        f"{score.underserved_percent:.4f} %",
        f"{line.pod_hours:,.0f}",
        f"{score.cost:.3f}",
        f"{score.changes / days:.1f}",
        "" if line.switches is None else f"{line.switches / days:.1f}",
    )


def _table(report: BacktestReport) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows(report))
    return f"<table><tr>{head}</tr>{body}</table>"


def _moment(report: BacktestReport, minute: int) -> datetime:
    return datetime.fromtimestamp(report.trace.start + minute * MINUTE, UTC)


def _course(report: BacktestReport) -> Any:
    """Draw demand in pods, and the replicas of the policy and of the autoscaler that it replaces."""
    with requires_extra("plots"):
        from plotly.graph_objects import Figure, Scattergl

    demand = report.trace.demand[report.trace.scored :] / report.trace.per_replica
    step = -(-len(demand) // MOST_POINTS)
    start = np.datetime64(int(report.trace.start + report.trace.scored * MINUTE), "s")
    times = start + np.arange(0, len(demand), step) * np.timedelta64(60, "s")
    curves = [(line.name, line.replicas) for line in report.lines[:2] if line.replicas is not None]
    figure = Figure()
    needed = thinned(demand, step)
    figure.add_trace(Scattergl(x=times, y=needed, name="demand, in full pods", line={"color": "#202124"}))
    for (name, replicas), colour in zip(curves, _COLOURS, strict=False):
        shape = {"color": colour, "shape": "hv", "width": 1}
        figure.add_trace(Scattergl(x=times, y=thinned(replicas, step), name=name, line=shape))
    figure.update_layout(title_text="Replicas against demand", template="plotly_white", yaxis_title="pods")
    return figure


def thinned(values: NDArray[Any], step: int) -> NDArray[Any]:
    """Return the maxima of each `step` samples."""
    # The maximum, never the mean: a missed minute must stay to be seen, however far out the plot is zoomed.
    return np.maximum.reduceat(values, np.arange(0, len(values), step))


def _trade(report: BacktestReport) -> Any:
    """Draw what each misses against what it costs."""
    with requires_extra("plots"):
        from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    # The curve counts in costs of the autoscaler, which is the second line; the plot in those of the oracle.
    scale = report.lines[1].score.cost
    if report.curve:
        costs = [point.cost_ratio * scale for point in report.curve]
        violated = [point.violated_percent for point in report.curve]
        drawn = {"color": "#202124", "shape": "hv", "dash": "dot"}
        figure.add_trace(Scatter(x=costs, y=violated, name="any one setting, kept all the time", line=drawn))
    for line, colour in zip(report.lines, _COLOURS, strict=False):
        point = ([line.score.cost], [line.score.violated_percent])
        marker = {"color": colour, "size": 14}
        figure.add_trace(Scatter(x=point[0], y=point[1], name=line.name, marker=marker, mode="markers"))
    figure.update_layout(
        title_text="What is missed, and what it costs",
        template="plotly_white",
        xaxis_title="pod-hours ÷ clairvoyant minimum",
        yaxis_title="violated minutes, %",
    )
    return figure


def explained(policy: ScalingPolicy, plan: ScalingPlan, demand: DemandSeries | None) -> str:
    """Return one plan as a page: demand of the last day in pods, what each model answers, and what was decided."""
    with requires_extra("plots"):
        from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    carried = policy.spec.capacity.rated_load  # without it demand and pods have no common axis: demand is left out
    if demand is not None and len(demand) and carried:
        times = [datetime.fromtimestamp(second, UTC) for second in demand.times]
        pods = demand.values / carried
        figure.add_trace(Scatter(x=times, y=pods, name="demand, in full pods", line={"color": "#202124"}))
    # A plan has no end of its own; an hour of it makes lines that can be compared.
    until = [plan.decided_at, plan.decided_at + timedelta(hours=1)]
    answers = [(f"model {answer.model}", answer.replicas) for answer in plan.estimate.answers]
    decided = [("desired now", float(plan.current)), ("decided", float(plan.replicas))]
    for (name, replicas), colour in zip([*decided, *answers], _COLOURS * 4, strict=False):
        figure.add_trace(Scatter(x=until, y=[replicas] * 2, name=name, line={"color": colour, "width": 4}))
    figure.update_layout(template="plotly_white", yaxis_title="pods", yaxis_rangemode="tozero")
    rows = "".join(
        f"<tr><td>{escape(answer.model)}</td><td>{answer.replicas:g}</td><td>{escape(answer.reason)}</td></tr>"
        for answer in plan.estimate.answers
    )
    reach = "".join(
        f"<p>By the replays of {escape(answer.model)}, {escape(str(answer.inputs['reach']))}.</p>"
        for answer in plan.estimate.answers
        if "reach" in answer.inputs
    )
    title = f"Why {escape(plan.policy)} needs {plan.replicas}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{escape(plan.reason)}</p><table><tr><th>model</th><th>replicas</th>"
        f"<th>why</th></tr>{rows}</table>{reach}"
        f"{figure.to_html(full_html=False, include_plotlyjs=True)}</body></html>\n"
    )
