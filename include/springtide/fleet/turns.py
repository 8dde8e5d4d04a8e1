"""How often a conductor takes a turn, and what a turn that comes late may make up for. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

TURN_EVERY: Final = timedelta(seconds=5)
"""How long after one turn the next is taken: a run takes a minute at least, and in Airflow a turn is a task's start."""

LONGEST_CREDIT: Final = 3
"""How many times the time between two turns a late one may make up for: a conductor that was gone for an hour starts no
hour's worth of pods at once."""


def until_next(last: datetime | None, now: datetime, every: timedelta) -> timedelta:
    """Return how long it takes until the next turn, by how long it took since the `last`: schedulers are late."""
    if last is None:
        return every
    return min(max(every, now - last), LONGEST_CREDIT * every)
