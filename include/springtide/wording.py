"""Counts and times as people say them: `1 pod`, `12 min ago`, `tomorrow 9:00`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))
_WEEK: Final = 7


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 pod`, `2 pods`; `many` is the plural that is not made by an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration_words(span: timedelta, *, units: int = 2) -> str:
    """Return a length of time in its largest units, the last of them cut: `41 s`, `12 min`, `2 h 10 min`, `3 d 4 h`.

    A unit is used from two of it on, so that no number is much too coarse.
    """
    rest = abs(span)
    for place, (unit, length) in enumerate(_UNITS):
        if rest >= 2 * length:
            smaller = _UNITS[place + 1 : place + units]
            parts = [f"{rest // length} {unit}", *(_some(rest % length, *each) for each in smaller)]
            return " ".join(filter(None, parts))
    return f"{round(rest.total_seconds())} s"


def relative(at: datetime, now: datetime, *, units: int = 2) -> str:
    """Return how far `at` is from `now`: `12 min ago`, `in 2 h 10 min`, `now`."""
    span = at - now
    if abs(span) < timedelta(seconds=1):
        return "now"
    words = duration_words(span, units=units)
    return f"in {words}" if span > timedelta() else f"{words} ago"


def on_the_clock(at: datetime, now: datetime) -> str:
    """Return the hour and day of `at`, in the zone of `now`: `today 18:00`, `tomorrow 9:00`, `Fri 9:00`, `11 Nov 9:00`.

    The name of a day is one of the week before or behind; what is farther away has its date, and another year's its
    year.
    """
    there = at.astimezone(now.tzinfo)
    days = (there.date() - now.date()).days
    hour = f"{there.hour}:{there:%M}"
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if days in near:
        return f"{near[days]} {hour}"
    if abs(days) < _WEEK:
        return f"{'last ' if days < 0 else ''}{there:%a} {hour}"
    year = "" if there.year == now.year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {hour}"


def _some(rest: timedelta, unit: str, length: timedelta) -> str:
    return f"{rest // length} {unit}" if rest >= length else ""
