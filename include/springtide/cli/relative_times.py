"""Times as people say them: how long ago, and which hour of which day. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = (("d", timedelta(days=2)), ("h", timedelta(hours=2)), ("min", timedelta(minutes=2)))
_LENGTHS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
_WEEK: Final = 7


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, in one unit: `41 s ago`, `12 min ago`, `3 d ago`; else `just now`."""
    span = now - at
    for unit, least in _UNITS:
        if span >= least:
            return f"{span // _LENGTHS[unit]} {unit} ago"
    seconds = round(span.total_seconds())
    return f"{seconds} s ago" if seconds > 0 else "just now"


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
