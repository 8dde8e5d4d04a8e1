"""Trying a phase again where nobody else does: Airflow has its own retries, these are for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from springtide.errors import TemporaryError
from springtide.run.ports import Ports

T = TypeVar("T")

ATTEMPTS: Final = 5
"""How often a phase that fails temporarily is tried: five times with the error's own delay outlasts an API server's
restart, and no longer."""

LONGEST_DELAY: Final = timedelta(minutes=1)
"""The most that lies between two attempts: an API server is back within a minute, and a run holds its workload."""


def retried(ports: Ports, act: Callable[[], T]) -> T:
    """Return what `act` returns, tried again after each temporary error's own delay, a minute at most.

    Raises:
        TemporaryError: the last attempt's.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TemporaryError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_own_delay,
        sleep=ports.clock.sleep,
        reraise=True,
    )
    return retrying(act)


def _own_delay(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return min(error.retry_after, LONGEST_DELAY).total_seconds() if isinstance(error, TemporaryError) else 0.0


def delay_after(error: TemporaryError, attempt: int) -> timedelta:
    """Return how long to wait after the failed `attempt`, the first is 1: the error's own delay, doubled each time."""
    return min(error.retry_after * pow(2.0, attempt - 1), LONGEST_DELAY)
