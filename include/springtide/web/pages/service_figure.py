"""A service's seven days as plotly draws them: its JSON, with colours of the page (`--demand`) that follow the theme.

The same curves that `springtide explain --plot` draws, and beside them what was decided, what ran, and each run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from springtide.overview.cost import EventSpan
from springtide.overview.service_detail import ServiceDetail
from springtide.record.glances import CoursePoint, RunGlance
from springtide.record.model import RunOutcome

_COLOURS: Final = {
    RunOutcome.SUCCEEDED: "--good",
    RunOutcome.FAILED: "--bad",
    RunOutcome.NEEDS_ATTENTION: "--bad",
    RunOutcome.ROLLED_BACK: "--warn",
    RunOutcome.HALTED: "--warn",
}
_GAP: Final = 3 * 3600
"""Seconds without a decision after which a curve is interrupted: nobody looked."""


def figure_of(detail: ServiceDetail) -> dict[str, Any]:
    """Return the figure."""
    return {
        "data": [each for each in _traces(detail) if each["x"]],
        "layout": {
            "margin": {"l": 46, "r": 12, "t": 8, "b": 32},
            "hovermode": "x unified",
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "xaxis": {"type": "date", "range": [_text(detail.first), _text(detail.last)], "title": {"text": ""}},
            "yaxis": {"title": {"text": "pods"}, "rangemode": "tozero"},
            "shapes": [_stripe(event, detail.last) for event in detail.events],
        },
    }


def _traces(detail: ServiceDetail) -> list[dict[str, Any]]:
    ready = _curve(detail.course, "ready", [_ready(point) for point in detail.course], "--ready-line")
    return [
        ready | {"fill": "tozeroy", "fillcolor": "--ready", "line": ready["line"] | {"width": 1}},
        {
            "name": "demand, in full pods",
            "x": [_text(point.at) for point in detail.demand],
            "y": [None if point.pods is None else round(point.pods, 2) for point in detail.demand],
            "mode": "lines",
            "line": {"color": "--demand", "width": 1},
        },
        _curve(detail.course, "models ask for", [point.answer for point in detail.course], "--event", dash="dot"),
        _curve(detail.course, "decided", [point.planned for point in detail.course], "--warn"),
        _ticks(detail.ticks),
    ]


def _curve(
    course: Sequence[CoursePoint], name: str, numbers: Sequence[int | None], colour: str, *, dash: str = "solid"
) -> dict[str, Any]:
    x: list[str] = []
    y: list[int | None] = []
    before: datetime | None = None
    for point, number in zip(course, numbers, strict=True):
        if before is not None and (point.at - before).total_seconds() > _GAP:
            x.append(_text(before))
            y.append(None)
        x.append(_text(point.at))
        y.append(number)
        before = point.at
    line = {"color": colour, "shape": "hv", "width": 2, "dash": dash}
    return {"name": name, "x": x, "y": y, "mode": "lines", "line": line, "connectgaps": False}


def _ticks(runs: Iterable[RunGlance]) -> dict[str, Any]:
    newest_last = sorted(runs, key=lambda run: run.started_at)
    return {
        "name": "runs",
        "x": [_text(run.started_at) for run in newest_last],
        "y": [0 for _ in newest_last],
        "text": [_plain(f"{run.change} {run.outcome.value}, {run.requested_by}".strip()) for run in newest_last],
        "hovertemplate": "%{text}<extra>run</extra>",
        "mode": "markers",
        "cliponaxis": False,
        "marker": {
            "symbol": "line-ns",
            "size": 16,
            "line": {"width": 3, "color": [_COLOURS.get(run.outcome, "--quiet") for run in newest_last]},
        },
    }


def _stripe(event: EventSpan, last: datetime) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": _text(event.start),
        "x1": _text(min(event.end, last)),
        "y0": 0,
        "y1": 1,
        "fillcolor": "--event",
        "opacity": 0.14,
        "line": {"width": 0},
        "label": {"text": _plain(event.name), "textposition": "top left", "font": {"size": 11}},
    }


def _ready(point: CoursePoint) -> int | None:
    return point.observed if point.ready is None else point.ready


def _plain(text: str) -> str:
    """Return `text` without what plotly takes for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"
