"""How often an owner renews its Lease, and how long that may stand still while its owner is at work.

An owner renews between any two calls, so a Lease stands still for as long as one call lasts. The longest of them is
known beforehand from the run's own order: a run whose checks have long timeouts says so in its Lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from springtide.policy.scaling.smoke import HttpCheck
from springtide.run.state import RunState
from springtide.verify.identity import TIMEOUT_SECONDS as PROBE_SECONDS
from springtide.verify.smoke import CONDITION_SECONDS

DURATION_SECONDS: Final = 60
"""After this long without renewal the owner counts as silent, unless one of its calls may take longer."""

RENEW_SECONDS: Final = 20
"""How often a waiting owner renews: a third of the duration, so that one lost renewal costs nothing (I-3 asks for
half)."""

LONGEST_DURATION_SECONDS: Final = 300
"""No Lease is waited for longer, whatever somebody wrote into it; the longest timeouts of a policy need 200."""

_HTTP_WAITS: Final = 2
"""A request waits at most so many times for its timeout: for the connection, and for the whole answer."""

_DATABASE_WAITS: Final = 3
"""The same for a look at a database: for two addresses behind its name, and for the answer."""


def lease_seconds(state: RunState) -> int:
    """Return how long the Lease of the run may stand still while its owner is at work."""
    longest = max(_calls(state), default=0.0)
    # Before the longest call a beat may just not have been due; what is left of the duration is for the calls around.
    return round(min(LONGEST_DURATION_SECONDS, DURATION_SECONDS + max(0.0, longest - RENEW_SECONDS)))


def _calls(state: RunState) -> Iterator[float]:
    """Yield how many seconds each of what the run verifies with may take: one request, with a pause, or one look."""
    pause = state.stability.every.total_seconds() if state.stability is not None else 0.0
    for check in state.smoke:
        match check.check:
            case HttpCheck(timeout=timeout):
                yield pause + _HTTP_WAITS * timeout.total_seconds()
            case _:
                yield CONDITION_SECONDS
    for database in state.databases:
        yield _DATABASE_WAITS * database.timeout.total_seconds()
    if state.settings.probe is not None:
        yield _HTTP_WAITS * PROBE_SECONDS
