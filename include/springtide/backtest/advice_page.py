"""Reports of advice as one HTML file that works offline: what it comes to first, then each day, then a plot."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from springtide.backtest.advice_words import COLUMNS, DAY_COLUMNS, day_rows, notes, rows, verdict
from springtide.backtest.page import MOST_POINTS, STYLE, thinned
from springtide.extras import requires_extra

if TYPE_CHECKING:
    from springtide.backtest.advice import AdviceReport

_COLOURS = ("#d93025", "#0b57d0")


def render_advice(reports: Sequence[AdviceReport], unread: Sequence[str]) -> str:
    """Return the page of all services; `unread` says of which others there is no report, and why."""
    title = "What springtide would have done"
    # plotly itself only once: every later plot finds it in the page
    parts = "".join(_section(report, is_first=number == 0) for number, report in enumerate(reports))
    missing = "".join(f"<li>{escape(text)}</li>" for text in unread)
    left_out = f"<h2>Without a report</h2><ul>{missing}</ul>" if unread else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>Springtide planned and recorded, and wrote nothing to the cluster.</p>"
        f"{parts}{left_out}</body></html>\n"
    )


def _section(report: AdviceReport, *, is_first: bool) -> str:
    told = "".join(f"<li>{escape(text)}</li>" for text in notes(report))
    plot = _course(report).to_html(full_html=False, include_plotlyjs=is_first)
    return (
        f"<h2>{escape(report.policy)}</h2><p>{report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC</p>"
        f"<p><strong>{escape(verdict(report))}</strong></p>{_table(COLUMNS, rows(report))}"
        f"{_table(DAY_COLUMNS, day_rows(report))}{plot}<ul>{told}</ul>"
    )


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<table><tr>{head}</tr>{body}</table>"


def _course(report: AdviceReport) -> Any:
    """Draw demand in full pods, the pods that ran, and those that would have."""
    with requires_extra("plots"):
        from plotly.graph_objects import Figure, Scattergl

    step = -(-len(report.needed) // MOST_POINTS)
    start = np.datetime64(int(report.start), "s")
    times = start + np.arange(0, len(report.needed), step) * np.timedelta64(60, "s")
    figure = Figure()
    needed = thinned(report.needed, step)
    figure.add_trace(Scattergl(x=times, y=needed, name="demand, in full pods", line={"color": "#202124"}))
    for side, colour in zip((report.theirs, report.ours), _COLOURS, strict=True):
        shape = {"color": colour, "shape": "hv", "width": 1}
        figure.add_trace(Scattergl(x=times, y=thinned(side.replicas, step), name=side.name, line=shape))
    figure.update_layout(title_text="Pods against demand", template="plotly_white", yaxis_title="pods")
    return figure
