"""The chart of a run, as plotly reads it: ready pods of both sets, who has traffic, phases, smoke results, writes.

A colour that begins with `--` is one of the page's own. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from springtide.overview.run_view import RunView

_NARROWEST: Final = 0.06
"""The share of the run's time that a phase has to take for its name to be written above it."""

_COLOURS: Final = {"good": "--good", "bad": "--bad", "warn": "--warn"}
_BANDS: Final = ("--sunk", "rgba(0,0,0,0)")


def chart_of(run: RunView) -> dict[str, Any] | None:
    """Return data and layout; None where the run kept nothing that could be drawn."""
    if not run.course:
        return None
    length = max(run.seconds, run.course[-1].at, 1.0)
    return {"data": [*_areas(run, length), *_smoke(run), *_writes(run)], "layout": _layout(run, length)}


def _areas(run: RunView, length: float) -> Iterator[dict[str, Any]]:
    # The last counts hold until now: a step to the right edge, else a run that waits would look as if it had ended.
    points = [*run.course, run.course[-1]]
    seconds = [*(point.at for point in run.course), max(length, run.course[-1].at)]
    before, own = _names(run)
    stable = [point.stable for point in points]
    new = [point.new for point in points]
    yield _area(seconds, stable, before, "--ready", axis="y")
    yield _area(seconds, new, own, "--ready-line", axis="y")
    traffic = {"groupnorm": "percent", "showlegend": False, "hovertemplate": "%{y:.0f} % of endpoints"}
    yield _area(seconds, [point.stable_serving for point in points], before, "--ready", axis="y2") | traffic
    yield _area(seconds, [point.new_serving for point in points], own, "--ready-line", axis="y2") | traffic


def _names(run: RunView) -> tuple[str, str]:
    if run.strategy == "blue_green":
        return "pods of before", "new pods"
    return "pods of before", "pods that were added"


def _area(x: list[float], y: list[int], name: str, colour: str, *, axis: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "yaxis": axis,
        "stackgroup": axis,
        "fillcolor": colour,
        "line": {"shape": "hv", "width": 1, "color": "--ready-line"},
        "hovertemplate": "%{y} ready",
    }


def _smoke(run: RunView) -> Iterator[dict[str, Any]]:
    if run.smoke_at is None or not run.smoke:
        return
    top = _most(run)
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": "smoke checks",
        "x": [run.smoke_at] * len(run.smoke),
        "y": [top * (1 - 0.07 * number) for number in range(len(run.smoke))],
        "text": [_unmarked(f"{check.name}: {check.status}") for check in run.smoke],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "size": 11,
            "color": [_COLOURS.get(check.tone, "--quiet") for check in run.smoke],
            "line": {"width": 1.5, "color": "--panel"},
        },
        "yaxis": "y",
    }


def _writes(run: RunView) -> Iterator[dict[str, Any]]:
    if not run.writes:
        return
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": "writes",
        "x": [write.second for write in run.writes],
        "y": [0] * len(run.writes),
        "text": [_unmarked(write.what) for write in run.writes],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": "line-ns-open", "size": 9, "color": "--demand"},
        "yaxis": "y",
        "cliponaxis": False,
    }


def _most(run: RunView) -> float:
    return max(1.0, *(float(point.stable + point.new) for point in run.course)) * 1.15


def _layout(run: RunView, length: float) -> dict[str, Any]:
    bands = [(phase.title, phase.begin, length if phase.end is None else phase.end) for phase in run.phases]
    return {
        "shapes": [_band(begin, min(length, end), number) for number, (_, begin, end) in enumerate(bands)],
        "annotations": [
            _name(title, (begin + end) / 2) for title, begin, end in bands if end - begin >= _NARROWEST * length
        ],
        "hovermode": "x unified",
        "margin": {"l": 48, "r": 16, "t": 28, "b": 80},
        "legend": {
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
        },
    } | _axes(run, length)


def _band(begin: float, end: float, number: int) -> dict[str, Any]:
    """Return the background of one phase, every other one shaded."""
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": max(0.0, begin),
        "x1": end,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": _BANDS[number % len(_BANDS)],
    }


def _name(title: str, at: float) -> dict[str, Any]:
    return {
        "xref": "x",
        "yref": "paper",
        "x": at,
        "y": 1,
        "yanchor": "bottom",
        "text": title,
        "showarrow": False,
        "font": {"size": 11, "color": "--quiet"},
    }


def _axes(run: RunView, length: float) -> dict[str, Any]:
    return {
        "xaxis": {
            "ticksuffix": " s",
            "range": [0, length],
            "fixedrange": True,
            "anchor": "y2",
        },
        "yaxis": {
            "title": {"text": "ready pods"},
            "range": [0, _most(run) * 1.06],
            "domain": [0.24, 1],
            "fixedrange": True,
        },
        "yaxis2": {
            "title": {"text": "traffic"},
            "range": [0, 100],
            "domain": [0, 0.15],
            "showticklabels": False,
            "fixedrange": True,
        },
    }


def _unmarked(text: str) -> str:
    """Return `text` for plotly, which reads a little markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
