"""`python -m benchmarks.saleday.shapes`: the shapes that the sale days are held by, as a picture, and what they save.

Above, of each day: what past sales rose by, as a share of their height, and what was learned of them. Below: the
replicas that the first sale of the day is held at, flat and by its shape, beside what was needed.
"""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.saleday.conduct import SWEEP
from benchmarks.saleday.day import WINDOW, Day, sale_day
from benchmarks.saleday.shop import Recorded
from benchmarks.saleday.table import SEEDS, base_trace
from benchmarks.saleday.timeline import BAD, HPA, NEEDED, OURS, photograph
from springtide.capacity.event_shape import LEVEL, STEP, past_rises, shape_of
from springtide.capacity.minutes import HOUR, MINUTE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from springtide.capacity.event_shape import EventShape

    Floats = NDArray[np.float64]

PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "images" / "event-shapes.png"
SERVICE: Final = "checkout"
LENGTH: Final = timedelta(minutes=WINDOW)
_SWEEP: Final = round(SWEEP / MINUTE)


def main() -> None:
    """Draw the picture and print what the shape saves of each day's first sale."""
    base = base_trace()
    days = [sale_day(base, seed) for seed in SEEDS]
    photograph(figure(days), PICTURE)
    for day in days:
        shape = learned(day)
        flat, held, needed = held_at(day, shape)
        hours = [float(np.sum(pods)) / HOUR for pods in (flat, held, needed)]
        print(
            f"seed {day.seed}: flat {hours[0]:.1f} pod-hours, by its shape {hours[1]:.1f}, needed {hours[2]:.1f}; "
            f"minutes below what was needed: {int((held < needed).sum())} (flat {int((flat < needed).sum())})"
        )


def past(day: Day) -> list[Floats]:
    """Return what each past sale of the day rose by."""
    recorded = Recorded(day, SERVICE)
    rises = []
    for minute in day.past:
        start = day.at(minute - day.midnight)
        demand = recorded.read(start - LEVEL, start + LENGTH, timedelta(minutes=1))
        measured = past_rises(demand, start.timestamp(), LENGTH)
        assert measured is not None, "the recorded days have no hole"
        rises.append(measured)
    return rises


def learned(day: Day) -> EventShape:
    """Return the shape of the day's sales."""
    shape = shape_of(past(day))
    assert shape is not None, "every sale rises"
    return shape


def held_at(day: Day, shape: EventShape) -> tuple[Floats, Floats, Floats]:
    """Return the replicas of each minute of the first sale: held flat, held by `shape` at sweeps, and needed."""
    sale = day.midnight + day.sales[0]
    demand = day.demand[SERVICE] / day.per_replica
    before = float(demand[sale - 60 : sale].mean())
    base = math.ceil(before)
    top = math.ceil(base * day.multiply)
    share = 1.0
    held = []
    for minute in range(WINDOW):
        if (day.sales[0] + minute) % _SWEEP == 0:
            now = float(demand[sale + minute - 1])
            share = shape.share(timedelta(minutes=minute), now / before - 1)
        held.append(math.ceil(base + (top - base) * share))
    return np.full(WINDOW, float(top)), np.array(held, np.float64), np.ceil(demand[sale : sale + WINDOW])


def figure(days: list[Day]) -> Any:
    """Return the picture: a column for each day."""
    from plotly.subplots import make_subplots

    titles = [f"shape, day {day.seed}: {len(day.past)} past sales" for day in days]
    titles += [f"the first sale of day {day.seed}" for day in days]
    chart = make_subplots(rows=2, cols=len(days), subplot_titles=titles, vertical_spacing=0.12)
    for column, day in enumerate(days, 1):
        _shapes(chart, day, column)
        _floors(chart, day, column)
    chart.update_xaxes(title_text="minutes from the start", dtick=15)
    chart.update_yaxes(title_text="share of the height", row=1, col=1, range=[0, 1.08])
    chart.update_yaxes(title_text="pods", row=2, col=1)
    chart.update_yaxes(rangemode="tozero")
    legend = {"orientation": "h", "y": 1.06, "x": 0.5, "xanchor": "center", "yanchor": "bottom"}
    chart.update_layout(template="plotly_white", width=1500, height=900, legend=legend, margin={"t": 110})
    return chart


def _shapes(chart: Any, day: Day, column: int) -> None:
    from plotly.graph_objects import Scatter

    width = STEP / timedelta(minutes=1)
    rises = past(day)
    minutes = width * np.arange(len(rises[0]) + 1)
    place = {"row": 1, "col": column}
    for index, each in enumerate(rises):
        line = {"color": HPA, "width": 1, "shape": "hv"}
        is_first = column == 1 and index == 0
        trace = Scatter(
            x=minutes,
            y=_to_the_end(each / each.max()),
            name="past sales",
            line=line,
            mode="lines",
            opacity=0.6,
            showlegend=is_first,
        )
        chart.add_trace(trace, **place)
    line = {"color": OURS, "width": 3, "shape": "hv"}
    trace = Scatter(
        x=minutes, y=_to_the_end(learned(day).shares), name="learned", line=line, mode="lines", showlegend=column == 1
    )
    chart.add_trace(trace, **place)


def _to_the_end(steps: ArrayLike) -> Floats:
    """Return `steps` with the last of them once more, so that it is drawn to its end."""
    values = np.asarray(steps, np.float64)
    return np.append(values, values[-1])


def _floors(chart: Any, day: Day, column: int) -> None:
    from plotly.graph_objects import Scatter

    place = {"row": 2, "col": column}
    flat, held, needed = held_at(day, learned(day))
    for pods, name, colour in ((flat, "held flat", BAD), (held, "held by its shape", OURS), (needed, "needed", NEEDED)):
        line = {"color": colour, "width": 2, "shape": "hv"}
        trace = Scatter(x=np.arange(WINDOW), y=pods, name=name, line=line, mode="lines", showlegend=column == 1)
        chart.add_trace(trace, **place)


if __name__ == "__main__":
    main()
