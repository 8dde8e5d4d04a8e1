"""The day as a picture: what was needed, what each way had ready, when which sale was prepared, held and given back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.saleday.day import WINDOW
from benchmarks.saleday.play import TICKS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.saleday.day import Day
    from benchmarks.saleday.play import Course, Played

WIDTH = 1500
HEIGHT = 1250
NEEDED = "#444444"
HPA = "#d9822b"
OURS = "#1f6fb4"
BAD = "#c2185b"
BEFORE = 35
"""Minutes before a sale that its own panel shows."""
AFTER = 150
"""Minutes after its begin."""
HALF_A_DAY: Final = 720


def draw(day: Day, hpa: Course, springtide: Course, picture: Path) -> None:
    """Write the timeline as PNG."""
    photograph(figure(day, hpa, springtide), picture)


def photograph(chart: Any, picture: Path) -> None:
    """Write `chart` as PNG, by the browser that the environment names or that the system has."""
    from playwright.sync_api import sync_playwright

    page_text = chart.to_html(full_html=True, include_plotlyjs=True)
    with sync_playwright() as tools:
        browser = tools.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content(page_text, wait_until="load")
        page.wait_for_selector(".main-svg")
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.locator(".main-svg").first.screenshot(path=str(picture))  # the chart alone, however high it is
        browser.close()


def figure(day: Day, hpa: Course, springtide: Course) -> Any:
    """Return both services over the day, and each sale of the first one from near."""
    from plotly.subplots import make_subplots

    names = list(springtide.services)
    near = names[0]
    titles = [f"{name}, the whole day" for name in names] + [f"{near}, {_clock(start)} sale" for start in day.sales]
    chart = make_subplots(
        rows=3,
        cols=2,
        specs=[[{"colspan": 2}, None], [{"colspan": 2}, None], [{}, {}]],
        subplot_titles=titles,
        vertical_spacing=0.09,
        horizontal_spacing=0.06,
    )
    places: list[tuple[str, int, int, tuple[int, int]]] = [
        (name, row, 1, (0, day.minutes)) for row, name in enumerate(names, 1)
    ]
    places += [
        (near, 3, column, (max(0, start - BEFORE), min(day.minutes, start + AFTER)))
        for column, start in enumerate(day.sales, 1)
    ]
    for index, (name, row, column, span) in enumerate(places):
        place = {"row": row, "col": column}
        _lines(chart, place, span, (hpa.services[name], springtide.services[name]), is_first=index == 0)
        _sales(chart, place, day, span)
        _marks(chart, place, name, springtide, span, is_first=index == 0)
        _hours(chart, place, span)
    chart.update_yaxes(rangemode="tozero", title_text="pods")
    title = f"A sale day: {_violated(hpa)} minutes violated under the HPA, {_violated(springtide)} under springtide"
    legend = {"orientation": "h", "y": 1.035, "x": 0.5, "xanchor": "center", "yanchor": "bottom"}
    chart.update_layout(
        title={"text": title, "x": 0.5, "y": 0.985},
        template="plotly_white",
        width=WIDTH,
        height=HEIGHT,
        legend=legend,
        font={"size": 14},
        margin={"t": 130, "l": 60, "r": 25, "b": 40},
    )
    return chart


def _lines(
    chart: Any, place: dict[str, int], span: tuple[int, int], ways: tuple[Played, Played], *, is_first: bool
) -> None:
    from plotly.graph_objects import Scatter

    hpa, springtide = ways
    ticks = slice(span[0] * TICKS, span[1] * TICKS)
    minutes = np.arange(len(springtide.ready))[ticks] / TICKS
    for values, name, colour, width in (
        (hpa.ready, "ready, HPA on CPU at 50 %", HPA, 1.5),
        (springtide.ready, "ready, springtide", OURS, 2.5),
        (np.ceil(springtide.needed), "needed", NEEDED, 1.2),
    ):
        line = {"color": colour, "width": width, "shape": "hv"}
        chart.add_trace(
            Scatter(x=minutes, y=values[ticks], name=name, line=line, mode="lines", showlegend=is_first), **place
        )
    for played, name, symbol, colour in (
        (hpa, "violated, HPA", "x", HPA),
        (springtide, "violated, springtide", "star", BAD),
    ):
        short = np.flatnonzero(played.violated)
        short = short[(short >= span[0]) & (short < span[1])]
        marker = {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1, "color": "black"}}
        needed = np.ceil(played.needed[short * TICKS])
        chart.add_trace(
            Scatter(x=short, y=needed, name=name, mode="markers", marker=marker, showlegend=is_first), **place
        )


def _sales(chart: Any, place: dict[str, int], day: Day, span: tuple[int, int]) -> None:
    for start in day.sales:
        if span[0] <= start < span[1]:
            chart.add_vrect(
                x0=start, x1=start + WINDOW, fillcolor="#f7d774", opacity=0.35, line_width=0, layer="below", **place
            )


def _marks(
    chart: Any, place: dict[str, int], service: str, course: Course, span: tuple[int, int], *, is_first: bool
) -> None:
    from plotly.graph_objects import Scatter

    kinds: dict[str, tuple[str, str, list[tuple[float, int]]]] = {
        "prepared: a run ended": ("triangle-up", "#2e7d32", []),
        "released: a run ended": ("triangle-down", "#6a1b9a", []),
    }
    for mark in course.marks:
        if mark.service != service or mark.ended is None or not span[0] <= mark.ended / 60 < span[1]:
            continue
        if mark.kind == "prepare":
            kinds["prepared: a run ended"][2].append((mark.ended / 60, mark.to))
        elif mark.kind == "sweep" and mark.to < mark.before:
            kinds["released: a run ended"][2].append((mark.ended / 60, mark.to))
    for name, (symbol, colour, points) in kinds.items():
        marker = {"symbol": symbol, "size": 10, "color": colour}
        x = [at for at, _ in points]
        y = [to for _, to in points]
        chart.add_trace(Scatter(x=x, y=y, name=name, mode="markers", marker=marker, showlegend=is_first), **place)


def _hours(chart: Any, place: dict[str, int], span: tuple[int, int]) -> None:
    step = 120 if span[1] - span[0] > HALF_A_DAY else 30
    at = list(range(-(-span[0] // step) * step, span[1] + 1, step))
    chart.update_xaxes(tickvals=at, ticktext=[_clock(minute) for minute in at], range=list(span), **place)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _violated(course: Course) -> int:
    return sum(int(played.violated.sum()) for played in course.services.values())
