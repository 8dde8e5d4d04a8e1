"""What became of each sale: how long before its start it was prepared, whether it was held, and when it was over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.saleday.day import WINDOW
from springtide.backtest.simulate import TICK_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.saleday.day import Day
    from benchmarks.saleday.play import Course, Played
    from benchmarks.saleday.runs import Mark

USUAL: Final = 1.25
"""A service is back at its usual replicas once it has at most so many times the pods from before the preparation."""
_A_MINUTE: Final = 60 // TICK_SECONDS


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale of one service. Minutes; None where it did not come about.

    `early`: how long before the start as many endpoints were ready as the calendar asks for (`floor`). `least`: the
    fewest in the window. `short`: the most that were missing of what its runs had left of the floor until then. `back`:
    how long after the window it had its usual replicas again, in so many `steps`.
    """

    service: str
    start: int
    floor: int
    early: float | None
    least: int
    short: int
    back: float | None
    steps: int

    @property
    def is_held(self) -> bool:
        """Whether it never had less than its floor in the window."""
        return self.least >= self.floor

    @property
    def is_held_as_ordered(self) -> bool:
        """Whether it never had less than its floor, or than what a sweep lowered that to by the shape."""
        return self.short <= 0


def sales_of(day: Day, course: Course) -> list[Sale]:
    """Return every sale of every service, as the record of endpoints and runs has it."""
    return [_sale(start, name, played, course.marks) for start in day.sales for name, played in course.services.items()]


def _ordered(start: int, service: str, floor: int, marks: tuple[Mark, ...]) -> NDArray[np.int64]:
    """Return the fewest replicas that each tick of the window may have: the floor, less what sweeps took of it."""
    ordered = np.full(WINDOW * _A_MINUTE, floor, np.int64)
    for mark in marks:
        tick = int((mark.begun / 60 - start) * _A_MINUTE)
        if mark.service == service and mark.kind == "sweep" and mark.to < mark.before and 0 <= tick < len(ordered):
            ordered[tick:] = np.minimum(ordered[tick:], mark.to)
    return ordered


def _sale(start: int, service: str, played: Played, marks: tuple[Mark, ...]) -> Sale:
    first = start * _A_MINUTE
    last = (start + WINDOW) * _A_MINUTE
    prepared = [
        mark
        for mark in marks
        if mark.kind == "prepare" and mark.service == service and start - 120 < mark.begun / 60 < start + WINDOW
    ]
    floor = max((mark.to for mark in prepared), default=0)
    begun = int(prepared[0].begun // TICK_SECONDS) if prepared else first
    whole = np.flatnonzero(played.ready[begun:] >= floor)
    before = int(played.ready[begun])
    ahead = np.flatnonzero(played.ready[last:] <= USUAL * before)
    back = float(ahead[0]) / _A_MINUTE if len(ahead) else None
    until = (start + WINDOW + (back or 0)) * 60
    given = [
        mark
        for mark in marks
        if mark.service == service and mark.to < mark.before and (start + WINDOW) * 60 <= mark.begun <= until
    ]
    return Sale(
        service,
        start,
        floor,
        (first - begun - int(whole[0])) / _A_MINUTE if len(whole) and floor else None,
        int(played.ready[first:last].min()),
        int((_ordered(start, service, floor, marks) - played.ready[first:last]).max()),
        back,
        len(given),
    )
