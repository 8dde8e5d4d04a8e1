"""Times and numbers as pages say them. Pure."""

from __future__ import annotations

from datetime import datetime


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
