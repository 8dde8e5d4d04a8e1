"""Times and numbers as pages say them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_SECOND: Final = 1
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def duration_words(span: timedelta) -> str:
    """Return a length of time in its two largest units: `41 s`, `12 min`, `2 h 10 min`, `3 d 4 h`."""
    seconds = round(abs(span.total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 2 * _DAY:
        return _two(seconds // _HOUR, "h", seconds % _HOUR // _MINUTE, "min")
    return _two(seconds // _DAY, "d", seconds % _DAY // _HOUR, "h")


def relative(at: datetime, now: datetime) -> str:
    """Return how far `at` is from `now`: `12 min ago`, `in 2 h 10 min`, `now`."""
    span = at - now
    if abs(span.total_seconds()) < _SECOND:
        return "now"
    words = duration_words(span)
    return f"in {words}" if span > timedelta() else f"{words} ago"


def clock_words(at: datetime, now: datetime) -> str:
    """Return a time of day in UTC, with its day where that is another one: `20:00`, `Nov 28 20:00`."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%b %d %H:%M} UTC"


def shortened(text: str, most: int = 140) -> str:
    """Return `text`, cut after a word where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    return f"{text[:most].rsplit(' ', 1)[0].rstrip(',;:')}…"


def number_words(value: float) -> str:
    """Return a number as people read it: thousands apart, no more digits than it has."""
    if abs(value) >= 100:  # noqa: PLR2004  a tenth of a hundred is noise
        return f"{value:,.0f}"
    return f"{value:,.1f}".removesuffix(".0")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first} {unit} {second} {smaller}" if second else f"{first} {unit}"
