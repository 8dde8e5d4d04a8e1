"""Times from when to when, as instants: [start, end). Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime

Stretch = tuple[datetime, datetime]
"""From its first instant to the first that does not belong to it."""


def united(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return what any of `stretches` covers, in order, with those that touch as one."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(stretches: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """Return what `stretches` cover and `taken` do not."""
    left = united(stretches)
    rest: list[Stretch] = []
    blocked = united(taken)
    at = 0
    for begin, end in left:
        start = begin
        while at < len(blocked) and blocked[at][1] <= start:
            at += 1
        here = at
        while here < len(blocked) and blocked[here][0] < end:
            if blocked[here][0] > start:
                rest.append((start, blocked[here][0]))
            start = max(start, blocked[here][1])
            here += 1
        if start < end:
            rest.append((start, end))
    return rest


def within(stretches: Iterable[Stretch], start: datetime, end: datetime) -> list[Stretch]:
    """Return what of `stretches` lies in [start, end)."""
    return united((max(first, start), min(last, end)) for first, last in stretches)


def lies_in(stretch: Stretch, united_stretches: Sequence[Stretch]) -> bool:
    """Whether one of `united_stretches`, which `united` returned, covers `stretch`."""
    at = bisect_right(united_stretches, stretch[0], key=lambda each: each[0]) - 1
    return at >= 0 and stretch[1] <= united_stretches[at][1]
